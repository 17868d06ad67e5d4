//! Tasks and timers in virtual time, on one thread, in one order.

use std::cmp::Ordering as Order;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use futures_util::future::BoxFuture;

/// Nanoseconds of real time since the start of the history.
pub(super) type Nanos = u64;

/// More turns than this without time going on are a loop without end.
const MOST_TURNS: u32 = 100_000;

/// The one thread that everything runs on. A clone is the same one.
#[derive(Clone)]
pub(super) struct Executor(Arc<Shared>);

struct Shared {
    now: AtomicU64,
    queue: Mutex<Queue>,
    tasks: Mutex<Tasks>,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<usize>,
    timers: BinaryHeap<Timer>,
    timers_made: u64,
}

#[derive(Default)]
struct Tasks {
    slots: Vec<Slot>,
    processes: Vec<Process>,
}

struct Slot {
    process: usize,
    future: Option<BoxFuture<'static, ()>>,
    waker: Arc<TaskWaker>,
}

/// Whether the tasks of a process are polled.
enum Process {
    Running,
    /// Nothing of it is polled; what was woken meanwhile is polled later.
    Stopped(Vec<usize>),
    Dead,
}

struct TaskWaker {
    id: usize,
    is_queued: AtomicBool,
    shared: Arc<Shared>,
}

struct Timer {
    at: Nanos,
    /// Whether it comes after those that come first, and when it was set.
    order: (bool, u64),
    due: Due,
}

enum Due {
    Wake(Arc<Mutex<Option<Waker>>>),
    Call(Box<dyn FnOnce() -> bool + Send>),
}

/// What made the executor pause for a look at everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// A task of this process was polled.
    Polled(usize),
    /// Something happened outside all processes.
    Called,
    /// Nothing goes on but turns: a process spins.
    Spins(usize),
}

impl Executor {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            now: AtomicU64::new(0),
            queue: Mutex::default(),
            tasks: Mutex::default(),
        }))
    }

    pub(super) fn now(&self) -> Nanos {
        self.0.now.load(Relaxed)
    }

    /// A new process, running.
    pub(super) fn process(&self) -> usize {
        let mut tasks = self.0.tasks();
        tasks.processes.push(Process::Running);
        tasks.processes.len() - 1
    }

    pub(super) fn spawn(&self, process: usize, future: BoxFuture<'static, ()>) {
        let id = {
            let mut tasks = self.0.tasks();
            if matches!(tasks.processes[process], Process::Dead) {
                return;
            }
            let id = tasks.slots.len();
            let waker = Arc::new(TaskWaker {
                id,
                is_queued: AtomicBool::new(true),
                shared: Arc::clone(&self.0),
            });
            tasks.slots.push(Slot {
                process,
                future: Some(future),
                waker,
            });
            id
        };
        self.0.queue().ready.push_back(id);
    }

    /// Runs `call` at an instant, outside all processes.
    pub(super) fn at(&self, at: Nanos, call: impl FnOnce() + Send + 'static) {
        let call = move || {
            call();
            true
        };
        self.0.set_timer(at, false, Due::Call(Box::new(call)));
    }

    /// The same before everything else of that instant, whenever it was set:
    /// a fault by chance and the same one by plan come at one place. `call`
    /// says whether anything happened: if not, there is nothing to look at.
    pub(super) fn first_at(&self, at: Nanos, call: impl FnOnce() -> bool + Send + 'static) {
        self.0.set_timer(at, true, Due::Call(Box::new(call)));
    }

    /// Runs `call` after so much real time.
    pub(super) fn after(&self, wait: Nanos, call: impl FnOnce() + Send + 'static) {
        self.at(self.now() + wait, call);
    }

    /// Wakes `waker` at an instant, once; dropping the alarm calls it off.
    pub(super) fn alarm(&self, at: Nanos, waker: Waker) -> Alarm {
        let shared = Arc::new(Mutex::new(Some(waker)));
        self.0.set_timer(at, false, Due::Wake(Arc::clone(&shared)));
        Alarm(shared)
    }

    /// Stops every task of a process where it stands.
    pub(super) fn stop(&self, process: usize) {
        let mut tasks = self.0.tasks();
        if matches!(tasks.processes[process], Process::Running) {
            tasks.processes[process] = Process::Stopped(Vec::new());
        }
    }

    /// Lets a stopped process go on. Returns how many tasks were woken
    /// meanwhile: what they had to do comes late.
    pub(super) fn go_on(&self, process: usize) -> usize {
        let late = {
            let mut tasks = self.0.tasks();
            match &mut tasks.processes[process] {
                Process::Stopped(late) => {
                    let late = std::mem::take(late);
                    tasks.processes[process] = Process::Running;
                    late
                }
                Process::Running | Process::Dead => Vec::new(),
            }
        };
        let count = late.len();
        self.0.queue().ready.extend(late);
        count
    }

    /// Ends a process: its tasks are dropped where they stand.
    pub(super) fn kill(&self, process: usize) {
        let dropped: Vec<_> = {
            let mut tasks = self.0.tasks();
            tasks.processes[process] = Process::Dead;
            let slots = tasks.slots.iter_mut();
            slots
                .filter(|slot| slot.process == process)
                .map(|slot| slot.future.take())
                .collect()
        };
        // Outside the lock: what is dropped may wake others.
        drop(dropped);
    }

    /// Runs everything that is due up to `until`, and after each turn `look`,
    /// which says whether to go on. Before the next timer comes `settle`, which
    /// may wake tasks. Returns whether it went to the end.
    pub(super) fn run(
        &self,
        until: Nanos,
        settle: impl Fn(),
        mut look: impl FnMut(Turn) -> bool,
    ) -> bool {
        let mut turns = 0;
        loop {
            let turn = if let Some(id) = self.next_ready() {
                turns += 1;
                match self.poll(id) {
                    Some(process) if turns > MOST_TURNS => Turn::Spins(process),
                    Some(process) => Turn::Polled(process),
                    None => continue,
                }
            } else {
                settle();
                if !self.0.queue().ready.is_empty() {
                    continue;
                }
                let Some(timer) = self.0.next_timer(until) else {
                    self.0.now.store(until.max(self.now()), Relaxed);
                    return true;
                };
                if timer.at > self.now() {
                    self.0.now.store(timer.at, Relaxed);
                    turns = 0;
                }
                match timer.due {
                    Due::Wake(waker) => {
                        if let Some(waker) = lock(&waker).take() {
                            waker.wake();
                        }
                        continue;
                    }
                    Due::Call(call) => {
                        if !call() {
                            continue;
                        }
                    }
                }
                Turn::Called
            };
            if !look(turn) {
                return false;
            }
        }
    }

    /// Drops every task and timer, which hold on to everything else.
    pub(super) fn clear(&self) {
        let futures: Vec<_> = {
            let mut tasks = self.0.tasks();
            let slots = tasks.slots.iter_mut();
            slots.map(|slot| slot.future.take()).collect()
        };
        drop(futures);
        let (timers, slots) = {
            let mut queue = self.0.queue();
            queue.ready.clear();
            let timers = std::mem::take(&mut queue.timers);
            (timers, std::mem::take(&mut self.0.tasks().slots))
        };
        drop((timers, slots));
    }

    fn next_ready(&self) -> Option<usize> {
        self.0.queue().ready.pop_front()
    }

    /// Polls a task, unless its process is stopped or dead or the task is done.
    fn poll(&self, id: usize) -> Option<usize> {
        let (process, mut future, waker) = {
            let mut tasks = self.0.tasks();
            let process = tasks.slots[id].process;
            match &mut tasks.processes[process] {
                Process::Running => {}
                Process::Stopped(late) => {
                    late.push(id);
                    return None;
                }
                Process::Dead => return None,
            }
            let slot = &mut tasks.slots[id];
            slot.waker.is_queued.store(false, Relaxed);
            (process, slot.future.take()?, Arc::clone(&slot.waker))
        };
        let waker = Waker::from(waker);
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        if poll.is_pending() {
            let mut tasks = self.0.tasks();
            // Killed in its own turn: dropped below, outside the lock.
            if !matches!(tasks.processes[process], Process::Dead) {
                tasks.slots[id].future = Some(future);
            }
        }
        Some(process)
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        lock(&self.tasks)
    }

    /// Sets a timer; one that `is_first` comes before the others of its instant.
    fn set_timer(&self, at: Nanos, is_first: bool, due: Due) {
        let mut queue = self.queue();
        queue.timers_made += 1;
        let order = (!is_first, queue.timers_made);
        queue.timers.push(Timer { at, order, due });
    }

    fn next_timer(&self, until: Nanos) -> Option<Timer> {
        let mut queue = self.queue();
        queue.timers.peek().filter(|timer| timer.at <= until)?;
        queue.timers.pop()
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_queued.swap(true, Relaxed) {
            self.shared.queue().ready.push_back(self.id);
        }
    }
}

/// A waker that is called at an instant, unless this is dropped before.
#[derive(Debug)]
pub(super) struct Alarm(Arc<Mutex<Option<Waker>>>);

impl Alarm {
    /// Whom to wake, if that has changed since the alarm was set.
    pub(super) fn wakes(&self, waker: &Waker) {
        let mut set = lock(&self.0);
        if set.as_ref().is_some_and(|old| !old.will_wake(waker)) {
            *set = Some(waker.clone());
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        drop(lock(&self.0).take());
    }
}

impl Ord for Timer {
    /// The earliest is the greatest, as a heap gives it out first; of two at
    /// one instant the one that was set to come first, then the one set first.
    fn cmp(&self, other: &Self) -> Order {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Timer {}

/// A panic elsewhere leaves whole values behind: every change here is made of
/// moves that do not panic.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

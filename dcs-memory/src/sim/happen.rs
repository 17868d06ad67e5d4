//! How each fault is carried out.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::class::Class;
use super::executor::lock;
use super::fault::Fault;
use super::net::nanos;
use super::story::Story;
use super::trace::Mark;
use super::trouble::SLEW_PPM;

impl Story {
    /// Carries a fault out, and keeps it for a replay, if it is aimed at someone
    /// who is there: a plan may name a process that never came to be, or is gone.
    pub(super) fn happens(self: &Arc<Self>, fault: Fault) {
        let world = &self.world;
        if let Some(class) = fault.class() {
            world.made(class);
        }
        world.note(|| format!("-- {fault}"));
        let aim = fault.process();
        if aim.is_some_and(|process| !self.running().contains(&process)) {
            return;
        }
        world.happens(fault.clone());
        world.trace.mark(|| Mark::Fault {
            fault: fault.clone(),
        });
        match fault {
            Fault::Crash { process, restart } => self.crash(process, restart),
            Fault::Pause { process, lasts } => {
                self.hold(process, Class::Pause);
                self.later(lasts, move |story| {
                    if story.ends_hold(process, Class::Pause) {
                        story.world.hit(Class::Pause);
                    }
                });
            }
            Fault::Suspend { process, lasts } => self.suspend(process, lasts),
            Fault::Twin { process } => {
                let node = lock(&world.processes)[process].node;
                let twin = self.start(node);
                lock(&world.judge).twins.insert(twin);
            }
            Fault::Cut {
                process,
                requests,
                answers,
                lasts,
            } => self.cut(process, (requests, answers), lasts),
            Fault::LateAnswers { process, by, lasts } => self.delay_answers(process, by, lasts),
            Fault::LateWatch { .. }
            | Fault::BrokenWatch { .. }
            | Fault::WatchGap { .. }
            | Fault::SilentWatch { .. } => self.trouble_watch(&fault),
            Fault::Slew { process, ppm } => {
                let ppm = ppm.clamp(-SLEW_PPM, SLEW_PPM);
                world.clock_of(process).slew(ppm);
            }
            Fault::WallJump { process, millis } => world.clock_of(process).jump(millis),
            Fault::Timing { process, ttl } => self.set_timing(process, ttl),
            Fault::Config {
                ttl,
                loop_wait,
                retry_timeout,
            } => world.config_says([ttl, loop_wait, retry_timeout]),
            Fault::Handover { candidate } => self.ask_for_handover(candidate),
            Fault::Edit(edit) => self.edit(&edit),
            Fault::Message { .. } => {}
        }
    }

    fn delay_answers(self: &Arc<Self>, process: usize, by: Duration, lasts: Duration) {
        let by = nanos(by);
        self.world
            .with_link(process, |link| link.late_answers.push(by));
        self.later(lasts, move |story| {
            story
                .world
                .with_link(process, |link| remove_one(&mut link.late_answers, &by));
        });
    }

    fn trouble_watch(self: &Arc<Self>, fault: &Fault) {
        let world = &self.world;
        let Some(process) = fault.process() else {
            return;
        };
        match fault {
            Fault::LateWatch { by, lasts, .. } => {
                let by = nanos(*by);
                world.with_link(process, |link| link.late_watch.push(by));
                self.later(*lasts, move |story| {
                    story
                        .world
                        .with_link(process, |link| remove_one(&mut link.late_watch, &by));
                });
            }
            Fault::BrokenWatch { .. } => {
                world.with_link(process, |link| link.happened.breaks += 1);
            }
            Fault::WatchGap { .. } => {
                world.with_link(process, |link| link.happened.gaps += 1);
            }
            Fault::SilentWatch { .. } => {
                world.with_link(process, |link| link.happened.silences += 1);
            }
            _ => {}
        }
        world.wake_watchers(process);
    }

    fn crash(self: &Arc<Self>, process: usize, restart: Duration) {
        let world = &self.world;
        let node = lock(&world.processes)[process].node;
        let had = lock(&world.judge)
            .elector_of(process)
            .is_some_and(dcs_core::election::Elector::is_leader);
        if had {
            world.hit(Class::Crash);
        }
        lock(&world.processes)[process].is_alive = false;
        lock(&world.judge).killed(process);
        world.trace.mark(|| Mark::End { process });
        world.executor.kill(process);
        world.set_dcs(process, None);
        lock(&self.restarts).push(node);
        self.later(restart, move |story| {
            let is_due = {
                let mut restarts = lock(&story.restarts);
                let due = restarts.iter().position(|waits| *waits == node);
                due.map(|due| restarts.swap_remove(due)).is_some()
            };
            if is_due {
                story.start(node);
            }
        });
    }

    fn suspend(self: &Arc<Self>, process: usize, lasts: Duration) {
        let node = lock(&self.world.processes)[process].node;
        let clock = self.clocks[node].clone();
        if clock.read().is_asleep {
            return;
        }
        clock.change(|ticks| ticks.is_asleep = true);
        let there: Vec<_> = {
            let processes = lock(&self.world.processes);
            let all = processes.iter().enumerate();
            all.filter(|(_, process)| process.is_alive && process.node == node)
                .map(|(number, _)| number)
                .collect()
        };
        for process in there {
            self.falls_asleep(node, process);
        }
        self.later(lasts, move |story| {
            story.clocks[node].change(|ticks| ticks.is_asleep = false);
            let woken: Vec<_> = {
                let mut asleep = lock(&story.asleep);
                asleep.extract_if(.., |slept| slept.0 == node).collect()
            };
            let mut is_late = false;
            for (_, process) in woken {
                is_late |= story.ends_hold(process, Class::Suspend);
            }
            if is_late {
                story.world.hit(Class::Suspend);
            }
        });
    }

    pub(super) fn falls_asleep(&self, node: usize, process: usize) {
        lock(&self.asleep).push((node, process));
        self.hold(process, Class::Suspend);
    }

    fn cut(self: &Arc<Self>, process: usize, (requests, answers): (bool, bool), lasts: Duration) {
        let class = Class::of_cut(requests, answers);
        self.world.with_link(process, |link| {
            if requests {
                link.cut_requests.push(class);
            }
            if answers {
                link.cut_answers.push(class);
            }
        });
        self.world.trace.mark(|| Mark::Cut { process, is: true });
        self.world.wake_watchers(process);
        self.later(lasts, move |story| {
            let now = story.world.now();
            let is_whole = story.world.with_link(process, |link| {
                if requests {
                    remove_one(&mut link.cut_requests, &class);
                }
                if answers {
                    remove_one(&mut link.cut_answers, &class);
                }
                link.opened_at = now;
                link.cut_requests.is_empty() && link.cut_answers.is_empty()
            });
            if is_whole {
                story.world.trace.mark(|| Mark::Cut { process, is: false });
            }
            story.world.wake_watchers(process);
        });
    }

    /// Undoes something later, unless all was healed meanwhile.
    pub(super) fn later(
        self: &Arc<Self>,
        wait: Duration,
        undo: impl FnOnce(&Arc<Self>) + Send + 'static,
    ) {
        let story = Arc::clone(self);
        self.world.executor.after(nanos(wait), move || {
            if !story.is_healed.load(Relaxed) {
                undo(&story);
            }
        });
    }

    fn hold(&self, process: usize, class: Class) {
        let world = &self.world;
        lock(&world.processes)[process].holds.push(class);
        lock(&world.judge).stopped(process);
        world.trace.mark(|| Mark::Stopped { process, is: true });
        world.executor.stop(process);
    }

    /// Ends a pause or a suspend of a process. Whether it was the last to end of
    /// those that held it, and a task of it was woken meanwhile: that comes late.
    fn ends_hold(&self, process: usize, class: Class) -> bool {
        let goes_on = {
            let holds = &mut lock(&self.world.processes)[process].holds;
            let was_held = !holds.is_empty();
            remove_one(holds, &class);
            was_held && holds.is_empty()
        };
        goes_on && self.goes_on(process)
    }

    /// Ends all that holds a process. What made a task of it late, if one kind
    /// of hold alone did.
    pub(super) fn ends_all_holds(&self, process: usize) -> Option<Class> {
        let holds = std::mem::take(&mut lock(&self.world.processes)[process].holds);
        let class = *holds.first()?;
        let is_late = self.goes_on(process);
        (is_late && holds.iter().all(|hold| *hold == class)).then_some(class)
    }

    /// Whether a task of the process was woken while it was held.
    fn goes_on(&self, process: usize) -> bool {
        let world = &self.world;
        world.trace.mark(|| Mark::Stopped { process, is: false });
        world.executor.go_on(process) > 0
    }

    fn set_timing(&self, process: usize, ttl: u64) {
        let text = format!(
            r#"{{"ttl":{ttl},"loop_wait":{},"retry_timeout":{}}}"#,
            ttl / 3,
            ttl / 4
        );
        let timing = lock(&self.world.processes)[process].timing.clone();
        let config = text.parse().ok();
        let (Some(timing), Some(config)) = (timing, config) else {
            return;
        };
        if let Ok(timing) = timing.with_config(&config) {
            self.world.set_timing(process, timing.clone());
            let judge = lock(&self.world.judge);
            if let Some(elector) = judge.elector_of(process) {
                // A driver that has ended needs no settings.
                let _ = elector.set_timing(timing);
            }
        }
    }
}

/// Ends one of several troubles that may be on at once.
fn remove_one<T: PartialEq>(on: &mut Vec<T>, ended: &T) {
    if let Some(index) = on.iter().position(|one| one == ended) {
        on.swap_remove(index);
    }
}

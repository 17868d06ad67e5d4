//! What the clocks of one node make of real time.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use dcs_core::{Clock, Stamp};
use futures_util::future::BoxFuture;

use super::executor::{Alarm, Executor, Nanos, lock};

const SECOND: u64 = 1_000_000_000;
/// `2026-01-01T00:00:00Z`.
const WALL_START: u64 = 1_767_225_600;

/// The clocks of one node: raw within the drift that electors are told, the
/// others slewed at will, boottime alone going on while the node sleeps.
#[derive(Clone)]
pub(super) struct NodeClock {
    executor: Executor,
    ticks: Arc<Mutex<Ticks>>,
}

/// How the clocks of a node run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticks {
    at: Nanos,
    boot: u64,
    mono: u64,
    raw: u64,
    wall: i64,
    /// Rate of the raw clock, in parts per million of real time off.
    pub(super) raw_ppm: i64,
    /// Rate of the slewed clocks.
    pub(super) slew_ppm: i64,
    pub(super) is_asleep: bool,
    slews: Slews,
    /// How far all jumps took the wall clock, and how far those did that a
    /// record has shown.
    jumped: i64,
    jumps_shown: i64,
}

/// The slews of a node, and which of them changed anything.
#[derive(Clone, Copy, Debug, Default)]
struct Slews {
    /// The number of the last one, from 1, and the rate before it.
    last: u64,
    ppm_before: i64,
    /// The newest one by which a timer came at another instant, and how many
    /// there are of such.
    newest_felt: u64,
    felt: u64,
}

impl NodeClock {
    pub(super) fn new(executor: &Executor, raw_ppm: i64, chance: &mut fastrand::Rng) -> Self {
        let ticks = Ticks {
            at: executor.now(),
            boot: chance.u64(0..1_000_000) * SECOND,
            mono: chance.u64(0..1_000_000) * SECOND,
            raw: chance.u64(0..1_000_000) * SECOND,
            wall: chance.i64(0..100_000) * 1_000_000,
            raw_ppm,
            slew_ppm: raw_ppm,
            is_asleep: false,
            slews: Slews::default(),
            jumped: 0,
            jumps_shown: 0,
        };
        Self {
            executor: executor.clone(),
            ticks: Arc::new(Mutex::new(ticks)),
        }
    }

    /// Changes how the clocks run from now on.
    pub(super) fn change(&self, change: impl FnOnce(&mut Ticks)) {
        let mut ticks = lock(&self.ticks);
        ticks.go_on_to(self.executor.now());
        change(&mut ticks);
    }

    /// The wall clock jumps by so many milliseconds.
    pub(super) fn jump(&self, millis: i64) {
        self.change(|ticks| {
            ticks.wall += millis * 1_000_000;
            ticks.jumped += millis * 1_000_000;
        });
    }

    /// The slewed clocks run at another rate from now on.
    pub(super) fn slew(&self, ppm: i64) {
        self.change(|ticks| {
            ticks.slews.last += 1;
            ticks.slews.ppm_before = ticks.slew_ppm;
            ticks.slew_ppm = ppm;
        });
    }

    /// By how many slews a timer came at another instant than without.
    pub(super) fn slews_felt(&self) -> u64 {
        lock(&self.ticks).slews.felt
    }

    /// A record shows the wall clock as it stood at `sent`. By how much jumps
    /// had moved it since the last record that did.
    pub(super) fn shows_jumps(&self, sent: &Ticks) -> i64 {
        let mut ticks = lock(&self.ticks);
        sent.jumped - std::mem::replace(&mut ticks.jumps_shown, sent.jumped)
    }

    /// A timer has come that this slew had moved.
    fn feels(&self, slew: u64) {
        let slews = &mut lock(&self.ticks).slews;
        if slew > slews.newest_felt {
            slews.newest_felt = slew;
            slews.felt += 1;
        }
    }

    /// A look changes nothing: each would round, and a history that is looked
    /// at more often would go another way.
    pub(super) fn read(&self) -> Ticks {
        let mut ticks = *lock(&self.ticks);
        ticks.go_on_to(self.executor.now());
        ticks
    }
}

impl Ticks {
    fn go_on_to(&mut self, now: Nanos) {
        let passed = now - self.at;
        if passed == 0 {
            return;
        }
        self.at = now;
        let raw = scaled(passed, self.raw_ppm);
        if self.is_asleep {
            self.boot += passed;
        } else {
            let slewed = scaled(passed, self.slew_ppm);
            self.raw += raw;
            self.mono += slewed;
            self.boot += slewed;
        }
        self.wall += i64::try_from(raw).unwrap_or(i64::MAX);
    }

    /// The clock of Linux that Python's `time.monotonic` reads, in nanoseconds:
    /// it may be slewed, and stands still in a suspend.
    pub(super) fn monotonic(&self) -> i64 {
        i64::try_from(self.mono).unwrap_or(i64::MAX)
    }

    /// The wall clock, in nanoseconds.
    pub(super) const fn wall(&self) -> i64 {
        self.wall
    }

    /// What the wall clock would show if it had not jumped by so much.
    pub(super) fn wall_without(&self, jumped: i64) -> SystemTime {
        let wall = self.wall - jumped;
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(WALL_START);
        let off = Duration::from_nanos(wall.unsigned_abs());
        if wall < 0 { start - off } else { start + off }
    }

    /// The last slew, if so much of a timer takes longer or shorter by it.
    fn slew_that_moves(&self, left: u64) -> Option<u64> {
        let moves = real(left, self.slew_ppm) != real(left, self.slews.ppm_before);
        (self.slews.last > 0 && moves).then_some(self.slews.last)
    }
}

/// So many nanoseconds by a clock that is off by so many parts per million.
fn scaled(nanos: u64, ppm: i64) -> u64 {
    let (whole, rest) = (nanos / 1_000_000, nanos % 1_000_000);
    let signed = |part: u64| i64::try_from(part).unwrap_or(i64::MAX);
    let off = signed(whole) * ppm + signed(rest) * ppm / 1_000_000;
    nanos.saturating_add_signed(off)
}

/// So much by a clock that is off by so many parts per million, in real time.
fn real(nanos: u64, ppm: i64) -> u64 {
    let rate = u64::try_from(1_000_000 + ppm).unwrap_or(1_000_000);
    match nanos.checked_mul(1_000_000) {
        Some(scaled) => scaled.div_ceil(rate),
        None => nanos,
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Stamp {
        let ticks = self.read();
        let nanos = Duration::from_nanos;
        Stamp::from_readings(nanos(ticks.boot), nanos(ticks.mono), nanos(ticks.raw))
    }

    fn wall(&self) -> SystemTime {
        self.read().wall_without(0)
    }

    /// A timer of the monotonic clock, which stands still while the node sleeps.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let wait = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Box::pin(Sleep {
            target: self.read().mono.saturating_add(wait),
            clock: self.clone(),
            alarm: None,
            moved_by: None,
        })
    }
}

impl fmt::Debug for NodeClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NodeClock").field(&self.read()).finish()
    }
}

struct Sleep {
    target: u64,
    clock: NodeClock,
    alarm: Option<(Nanos, Alarm)>,
    /// The slew by which the alarm is at another instant than without.
    moved_by: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let ticks = self.clock.read();
        let left = self.target.saturating_sub(ticks.mono);
        if left == 0 {
            if let Some(slew) = self.moved_by {
                self.clock.feels(slew);
            }
            return Poll::Ready(());
        }
        // By real time that is so much, if the rate stays; if not, it is asked
        // again, and may come late, as timers do.
        let at = ticks.at.saturating_add(real(left, ticks.slew_ppm));
        if let Some((_, alarm)) = self.alarm.as_ref().filter(|(set, _)| *set > ticks.at) {
            alarm.wakes(context.waker());
        } else {
            let alarm = self.clock.executor.alarm(at, context.waker().clone());
            self.moved_by = ticks.slew_that_moves(left).or(self.moved_by);
            self.alarm = Some((at, alarm));
        }
        Poll::Pending
    }
}

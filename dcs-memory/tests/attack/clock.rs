//! The clocks of a history: real time, and what each machine makes of it.

use super::*;

/// The time that the history is told by.
#[derive(Clone, Debug)]
pub(super) struct Real {
    pub(super) clock: TokioClock,
    pub(super) origin: Stamp,
}

impl Real {
    pub(super) fn new() -> Self {
        let clock = TokioClock::new();
        let origin = clock.now();
        Self { clock, origin }
    }

    pub(super) fn now(&self) -> u64 {
        let elapsed = self.clock.now().holder_elapsed_since(self.origin);
        u64::try_from(elapsed.as_nanos()).unwrap()
    }
}

/// The clocks of one machine: raw within the drift, the others slewed at will,
/// boottime alone going on while the machine sleeps.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) real: Real,
    pub(super) ticks: Arc<Mutex<Ticks>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Ticks {
    pub(super) at: u64,
    pub(super) boot: u64,
    pub(super) mono: u64,
    pub(super) raw: u64,
    pub(super) raw_ppm: i64,
    pub(super) slew_ppm: i64,
    pub(super) asleep: bool,
    pub(super) wall_offset: u64,
}

pub(super) fn scaled(nanos: u64, ppm: i64) -> u64 {
    let scaled = i128::from(nanos) * i128::from(1_000_000 + ppm) / 1_000_000;
    u64::try_from(scaled).unwrap()
}

impl Host {
    pub(super) fn new(real: &Real, rng: &mut Rng) -> Self {
        let raw_ppm = match rng.u8(0..3) {
            0 => -RHO_PPM,
            1 => RHO_PPM,
            _ => rng.i64(-RHO_PPM..=RHO_PPM),
        };
        let ticks = Ticks {
            at: real.now(),
            boot: rng.u64(0..1_000_000) * SECOND,
            mono: rng.u64(0..1_000_000) * SECOND,
            raw: rng.u64(0..1_000_000) * SECOND,
            raw_ppm,
            slew_ppm: raw_ppm,
            asleep: false,
            wall_offset: rng.u64(0..100_000) * SECOND / 1_000,
        };
        Self {
            real: real.clone(),
            ticks: Arc::new(Mutex::new(ticks)),
        }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Ticks)) -> Ticks {
        let now = self.real.now();
        let mut ticks = self.ticks.lock().unwrap();
        let passed = now - ticks.at;
        if ticks.asleep {
            ticks.boot += passed;
        } else {
            let slewed = scaled(passed, ticks.slew_ppm);
            ticks.raw += scaled(passed, ticks.raw_ppm);
            ticks.mono += slewed;
            ticks.boot += slewed;
        }
        ticks.at = now;
        change(&mut ticks);
        *ticks
    }
}

impl Clock for Host {
    fn now(&self) -> Stamp {
        let ticks = self.change(|_| ());
        let nanos = Duration::from_nanos;
        Stamp::from_readings(nanos(ticks.boot), nanos(ticks.mono), nanos(ticks.raw))
    }

    fn wall(&self) -> SystemTime {
        let ticks = self.change(|_| ());
        let start = SystemTime::UNIX_EPOCH + s(1_767_225_600);
        start + Duration::from_nanos(ticks.raw % (1_000_000 * SECOND) + ticks.wall_offset)
    }

    /// A timer of the monotonic clock, which stands still while the machine sleeps.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let host = self.clone();
        Box::pin(async move {
            let target = host.change(|_| ()).mono + u64::try_from(duration.as_nanos()).unwrap();
            loop {
                let left = target.saturating_sub(host.change(|_| ()).mono);
                if left == 0 {
                    return;
                }
                host.real.clock.sleep(Duration::from_nanos(left)).await;
            }
        })
    }
}

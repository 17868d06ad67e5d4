//! Faults by chance: which one, when, for whom.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use fastrand::Rng;

use super::class::Class;
use super::edit::Edit;
use super::executor::lock;
use super::fault::Fault;
use super::patroni::SETTINGS;
use super::story::{Story, member_name};

/// How far clocks are slewed at the most, in parts per million: what chrony
/// does by default.
pub(super) const SLEW_PPM: i64 = 83_000;
/// More processes than this do not run at once.
const MOST_PROCESSES: usize = 9;

impl Story {
    /// Draws when the next timed fault happens, and which one then.
    pub(super) fn next_trouble(self: &Arc<Self>) {
        let every = self.world.rates.every * 1_000_000;
        let wait = lock(&self.rng).u64(every / 10..every * 2);
        let story = Arc::clone(self);
        self.in_trouble(wait, move || {
            let fault = story.trouble();
            let happens = fault.is_some();
            if let Some(fault) = fault {
                story.happens(fault);
            }
            story.next_trouble();
            happens
        });
    }

    /// A fault by chance, for someone who runs: often for whoever leads.
    fn trouble(&self) -> Option<Fault> {
        let running = self.running();
        let believers = lock(&self.world.judge).leaders(self.world.now());
        let mut rng = lock(&self.rng);
        let class = self.world.rates.pick(&mut rng)?;
        let process = match believers.first() {
            Some(leader) if rng.bool() => *leader,
            _ => *running.get(rng.usize(0..running.len().max(1)))?,
        };
        self.fault_of(class, process, running.len(), &mut rng)
    }

    fn fault_of(
        &self,
        class: Class,
        process: usize,
        running: usize,
        rng: &mut Rng,
    ) -> Option<Fault> {
        let short = Duration::from_millis(rng.u64(100..20_000));
        let long = Duration::from_millis(rng.u64(100..70_000));
        let cut = |requests, answers| Fault::Cut {
            process,
            requests,
            answers,
            lasts: long,
        };
        Some(match class {
            Class::Crash => Fault::Crash {
                process,
                restart: short,
            },
            Class::Twin if running >= MOST_PROCESSES => return None,
            Class::Twin => Fault::Twin { process },
            Class::Pause => Fault::Pause {
                process,
                lasts: long,
            },
            Class::Suspend => Fault::Suspend {
                process,
                lasts: sleep(long),
            },
            Class::Cut => cut(true, true),
            Class::CutRequests => cut(true, false),
            Class::CutAnswers => cut(false, true),
            Class::LateAnswers => Fault::LateAnswers {
                process,
                by: short / 2,
                lasts: long,
            },
            Class::LateWatch => Fault::LateWatch {
                process,
                by: long / 2,
                lasts: long,
            },
            Class::BrokenWatch => Fault::BrokenWatch { process },
            Class::WatchGap => Fault::WatchGap { process },
            Class::SilentWatch => Fault::SilentWatch { process },
            Class::Slew => Fault::Slew {
                process,
                ppm: rng.i64(-SLEW_PPM..=SLEW_PPM),
            },
            Class::WallJump => Fault::WallJump {
                process,
                millis: rng.i64(-288_000..=288_000),
            },
            Class::Timing => Fault::Timing {
                process,
                ttl: rng.u64(8..40),
            },
            Class::Config => other_settings(rng),
            Class::Handover => {
                let node = rng.usize(0..self.world.rates.nodes);
                Fault::Handover {
                    candidate: rng.bool().then(|| member_name(node)),
                }
            }
            edit => Fault::Edit(self.edit_of(edit, rng)),
        })
    }

    fn edit_of(&self, class: Class, rng: &mut Rng) -> Edit {
        match class {
            Class::Delete => Edit::Delete,
            Class::Wipe => Edit::Wipe,
            Class::RollBack => {
                let past = lock(&self.world.judge).past.len();
                let near = past.min([3, 10, 1000][rng.usize(0..3)]);
                let versions = rng.usize(1..=near.max(1));
                Edit::RollBack { versions }
            }
            Class::ForgedRelease => Edit::ForgeRelease,
            Class::ReplayedRelease => Edit::ReplayRelease,
            Class::ReplayedMark => Edit::ReplayMark,
            Class::TtlEdit => {
                // What Patroni's record shows is waited for, however long it is.
                let longest = self.world.rates.patroni.as_ref().map_or(3600, |_| 90);
                let seconds = [1, 5, longest][rng.usize(0..3)];
                Edit::Ttl { seconds }
            }
            Class::Stranger => Edit::Stranger,
            Class::ForeignRenewal => Edit::Renew,
            _ => Edit::Bump,
        }
    }

    /// Lease writes that were committed since the last call: after some of them
    /// the holder is ambushed.
    pub(super) fn ambush(self: &Arc<Self>) {
        let writers = std::mem::take(&mut *lock(&self.world.ambushes));
        if lock(&self.world.odds).is_none() || self.is_healed.load(Relaxed) {
            return;
        }
        for process in writers {
            let (edit, soon, long) = {
                let mut rng = lock(&self.rng);
                if rng.u32(0..1000) >= self.world.rates.ambush {
                    continue;
                }
                let class = self.world.rates.edit(&mut rng);
                let edit = self.edit_of(class, &mut rng);
                (edit, rng.u64(0..1_000_000_000), rng.u64(5_000..70_000))
            };
            self.world.made(Class::Ambush);
            let story = Arc::clone(self);
            self.in_trouble(soon, move || {
                let world = &story.world;
                let before = world.leader().revision;
                story.happens(Fault::Edit(edit));
                let is_cut = world.with_link(process, |link| link.requests_cut().is_some());
                if is_cut && world.leader().revision != before {
                    world.hit(Class::Ambush);
                }
                true
            });
            self.happens_next(Fault::Cut {
                process,
                requests: true,
                answers: true,
                lasts: Duration::from_millis(long),
            });
            self.blind_others(process);
        }
    }

    fn blind_others(self: &Arc<Self>, but: usize) {
        for other in self.running() {
            if other == but {
                continue;
            }
            let fault = {
                let mut rng = lock(&self.rng);
                match rng.u8(0..3) {
                    0 => Fault::LateWatch {
                        process: other,
                        by: Duration::from_millis(rng.u64(0..40_000)),
                        lasts: Duration::from_secs(40),
                    },
                    1 => Fault::WatchGap { process: other },
                    _ => Fault::BrokenWatch { process: other },
                }
            };
            self.happens_next(fault);
        }
    }
}

/// Settings that someone writes into the config key.
fn other_settings(rng: &mut Rng) -> Fault {
    let [ttl, loop_wait, retry_timeout] = SETTINGS[rng.usize(0..SETTINGS.len())];
    Fault::Config {
        ttl,
        loop_wait,
        retry_timeout,
    }
}

/// How long a machine sleeps: a third of the times it is a nap, too short to end
/// a term.
fn sleep(long: Duration) -> Duration {
    if long.as_millis().is_multiple_of(3) {
        Duration::from_millis(1) + long / 1_000
    } else {
        long
    }
}

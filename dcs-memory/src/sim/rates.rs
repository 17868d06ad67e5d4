//! The rates of one history, drawn from a recipe.

use fastrand::Rng;

use super::class::Class;
use super::patroni::Shared;
use super::swarm::Swarm;
use crate::IdenticalWrites;

/// Odds of what becomes of a message, in parts per thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Odds {
    pub(super) lost: u32,
    pub(super) answer_lost: u32,
    pub(super) late: u32,
    pub(super) late_answer: u32,
    pub(super) refused: u32,
    pub(super) again: u32,
    pub(super) stale: u32,
}

/// The rates of one history.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(super) struct Rates {
    pub(super) nodes: usize,
    /// In seconds.
    pub(super) ttl: u64,
    pub(super) is_hostile: bool,
    /// Some members share a name.
    pub(super) shares_names: bool,
    pub(super) odds: Odds,
    /// How many lease writes in a thousand are followed by an ambush.
    pub(super) ambush: u32,
    /// Timed faults, each with its weight.
    pub(super) weights: Vec<(Class, u32)>,
    /// Mean time between two timed faults, in milliseconds.
    pub(super) every: u64,
    /// Clocks run at the bounds of the drift.
    pub(super) extreme_drift: bool,
    pub(super) identical: IdenticalWrites,
    /// How late a message is at the most, in milliseconds.
    pub(super) late_most: u64,
    /// An operation may take the ttl over this.
    pub(super) retries: u64,
    /// A leader goes on without the store while all members agree.
    pub(super) failsafe: bool,
    /// The first process asserts a first bootstrap.
    pub(super) bootstraps: bool,
    /// Every second process has twice the T_CLAMP and T_WAIT of the others.
    pub(super) mixed_clamps: bool,
    /// Members leave what others wrote alone for as long as Patroni may believe.
    pub(super) beside_patroni: bool,
    /// Patroni takes part in a history of the library's own members.
    pub(super) patroni: Option<Shared>,
    /// Users keep leases that are over until they lead again.
    pub(super) keeps_leases: bool,
    /// How long a term of a user lasts at the most, in milliseconds; some are
    /// much shorter.
    pub(super) shift: u64,
}

const EDITS: [Class; 10] = [
    Class::Delete,
    Class::Wipe,
    Class::Bump,
    Class::RollBack,
    Class::ForgedRelease,
    Class::ReplayedRelease,
    Class::ReplayedMark,
    Class::TtlEdit,
    Class::Stranger,
    Class::ForeignRenewal,
];

const TROUBLES: [Class; 16] = [
    Class::Crash,
    Class::Twin,
    Class::Pause,
    Class::Suspend,
    Class::Cut,
    Class::CutRequests,
    Class::CutAnswers,
    Class::LateAnswers,
    Class::LateWatch,
    Class::BrokenWatch,
    Class::WatchGap,
    Class::SilentWatch,
    Class::Slew,
    Class::WallJump,
    Class::Timing,
    Class::Handover,
];

/// What goes wrong beside Patroni in every history.
const BESIDE_PATRONI: [Class; 12] = [
    Class::Crash,
    Class::Pause,
    Class::Pause,
    Class::Cut,
    Class::Cut,
    Class::CutRequests,
    Class::CutAnswers,
    Class::LateAnswers,
    Class::LateWatch,
    Class::BrokenWatch,
    Class::WatchGap,
    Class::Timing,
];

const EDITS_BESIDE_TAKERS: [Class; 3] = [Class::Bump, Class::Stranger, Class::ForeignRenewal];

/// What takes the clocks out of what Patroni takes them for.
const CLOCKS: [Class; 4] = [
    Class::Suspend,
    Class::Slew,
    Class::WallJump,
    Class::SilentWatch,
];

impl Rates {
    pub(super) fn draw(swarm: Swarm, nodes: usize, rng: &mut Rng) -> Self {
        let mixed = Self::mixed(nodes, rng);
        match swarm {
            Swarm::Mixed => mixed,
            Swarm::Calm => mixed.only(&[], &[]),
            Swarm::Failsafe => mixed.of_failsafe(),
            Swarm::Leftovers => mixed.of_leftovers(),
            Swarm::Patroni => mixed.of_patroni(nodes, rng),
            Swarm::Drift | Swarm::Slews | Swarm::Suspends => mixed.of_clocks(swarm, rng),
            Swarm::Late | Swarm::Slow | Swarm::Bootstrap | Swarm::Clamps | Swarm::Foreign => {
                mixed.of_rules(swarm, rng)
            }
            _ => mixed.of_records(swarm, rng),
        }
    }

    fn of_clocks(self, swarm: Swarm, rng: &mut Rng) -> Self {
        match swarm {
            Swarm::Drift => Self {
                ttl: 60,
                extreme_drift: true,
                every: 20_000,
                ..self.only(&[Class::Cut], &[])
            },
            Swarm::Slews => Self {
                ttl: [30, 60][rng.usize(0..2)],
                every: 5_000,
                ..self.only(&[Class::Cut, Class::Slew, Class::Slew, Class::Slew], &[])
            },
            _ => Self {
                extreme_drift: true,
                every: 5_000,
                ..self.only(
                    &[Class::Cut, Class::Suspend, Class::Suspend, Class::Slew],
                    &[],
                )
            },
        }
    }

    /// Failsafe mode trusts that names are unique, and that nobody else writes.
    fn of_failsafe(self) -> Self {
        Self {
            failsafe: true,
            shares_names: false,
            every: 5_000,
            odds: Odds {
                answer_lost: 150,
                late: 30,
                ..Odds::default()
            },
            ..self.only(
                &[
                    Class::Cut,
                    Class::CutRequests,
                    Class::CutAnswers,
                    Class::Crash,
                    Class::Pause,
                    Class::LateWatch,
                ],
                &[],
            )
        }
    }

    /// Terms end early, the next one is often the same member's, and something
    /// is under way most of the time.
    fn of_leftovers(self) -> Self {
        Self {
            keeps_leases: true,
            ttl: 15,
            every: 20_000,
            late_most: 3_000,
            odds: Odds {
                late_answer: 700,
                ..Odds::default()
            },
            ..self.only(&[Class::Cut], &[Class::Delete])
        }
    }

    /// Patroni and members of ours lead by turns: either side is cut off and
    /// stopped, settings change, and in some histories third parties write.
    fn of_patroni(self, nodes: usize, rng: &mut Rng) -> Self {
        let shared = Shared::draw(nodes, rng);
        let ours = rng.usize(2..=3);
        let is_hostile = rng.u8(0..3) == 0;
        let mut troubles = BESIDE_PATRONI.to_vec();
        if rng.u8(0..3) == 0 {
            troubles.extend(CLOCKS);
        }
        if rng.bool() {
            troubles.extend([Class::Config, Class::Config]);
        }
        // What a third party removes looks like a release of Patroni: where those
        // are taken (rule P2), only edits that remove nobody are withstood.
        let edits: &[Class] = match (is_hostile, shared.takes) {
            (true, true) => &EDITS_BESIDE_TAKERS,
            (true, false) => &EDITS,
            (false, _) => &[],
        };
        Self {
            nodes: nodes.min(shared.patronis + ours),
            shares_names: false,
            extreme_drift: true,
            beside_patroni: true,
            patroni: Some(shared),
            every: [4_000, 8_000][rng.usize(0..2)],
            late_most: [8_000, 40_000][rng.usize(0..2)],
            shift: 60_000,
            odds: Odds {
                lost: 20,
                answer_lost: [30, 150][rng.usize(0..2)],
                late: 30,
                late_answer: [50, 200][rng.usize(0..2)],
                refused: 10,
                again: 10,
                stale: [0, 50][rng.usize(0..2)],
            },
            ambush: if is_hostile { 40 } else { 0 },
            ..self.only(&troubles, edits)
        }
    }

    fn of_rules(self, swarm: Swarm, rng: &mut Rng) -> Self {
        match swarm {
            Swarm::Slow => Self {
                ttl: 30,
                retries: 2,
                late_most: 4_000,
                odds: Odds {
                    answer_lost: 100,
                    late: 400,
                    late_answer: 200,
                    ..Odds::default()
                },
                ambush: 150,
                shift: 60_000,
                extreme_drift: true,
                ..self.only(&[Class::Cut, Class::LateWatch], &[Class::Bump])
            },
            Swarm::Late => Self {
                odds: Odds {
                    lost: 30,
                    answer_lost: 50,
                    late: 150,
                    late_answer: 150,
                    ..Odds::default()
                },
                ..self.only(
                    &[
                        Class::Cut,
                        Class::CutAnswers,
                        Class::LateAnswers,
                        Class::Pause,
                    ],
                    &[],
                )
            },
            Swarm::Bootstrap => Self {
                bootstraps: true,
                every: 5_000,
                odds: Odds {
                    answer_lost: 200,
                    late: 50,
                    ..Odds::default()
                },
                ..self.only(&[Class::Cut, Class::LateWatch], &[Class::Delete])
            },
            Swarm::Clamps => Self {
                mixed_clamps: true,
                shares_names: false,
                ..self.only(&[Class::Cut, Class::Crash, Class::Pause], &[])
            },
            _ => Self {
                beside_patroni: rng.bool(),
                every: 5_000,
                odds: Odds {
                    answer_lost: 100,
                    ..Odds::default()
                },
                ambush: 150,
                ..self.only(&[Class::Cut], &[Class::Stranger, Class::ForeignRenewal])
            },
        }
    }

    fn of_records(self, swarm: Swarm, rng: &mut Rng) -> Self {
        let mixed = self;
        match swarm {
            Swarm::Hostile => Self {
                is_hostile: true,
                ambush: [40, 100, 200][rng.usize(0..3)],
                ..mixed
            }
            .with_all(&EDITS, 3),
            Swarm::Releases => Self {
                shift: 20_000,
                odds: Odds {
                    answer_lost: 150,
                    late: 50,
                    ..Odds::default()
                },
                ambush: [40, 250][rng.usize(0..2)],
                ..mixed.only(
                    &[Class::WatchGap, Class::Cut, Class::Pause],
                    &[
                        Class::ReplayedRelease,
                        Class::ReplayedMark,
                        Class::RollBack,
                        Class::RollBack,
                        Class::Wipe,
                    ],
                )
            },
            Swarm::Deletions => Self {
                every: 5_000,
                ambush: 40,
                ..mixed.only(
                    &[Class::Crash, Class::Cut, Class::LateWatch],
                    &[Class::Delete, Class::Delete, Class::RollBack],
                )
            },
            _ => Self {
                ambush: 150,
                ..mixed.only(
                    &[Class::Timing, Class::Timing, Class::Cut, Class::Pause],
                    &[Class::RollBack, Class::Delete, Class::TtlEdit],
                )
            },
        }
    }

    fn mixed(nodes: usize, rng: &mut Rng) -> Self {
        let is_hostile = rng.u8(0..3) == 0;
        let weight = |rng: &mut Rng| [0, 1, 2, 4][rng.usize(0..4)];
        let mut weights: Vec<_> = TROUBLES.map(|class| (class, weight(rng))).to_vec();
        if is_hostile {
            weights.extend(EDITS.map(|class| (class, weight(rng))));
        }
        let odds = Odds {
            lost: [0, 10, 30, 100][rng.usize(0..4)],
            answer_lost: [0, 10, 30, 100][rng.usize(0..4)],
            late: [0, 20, 60, 200][rng.usize(0..4)],
            late_answer: [0, 20, 60, 200][rng.usize(0..4)],
            refused: [0, 10, 50][rng.usize(0..3)],
            again: [0, 20, 60][rng.usize(0..3)],
            stale: [0, 0, 100][rng.usize(0..3)],
        };
        Self {
            nodes,
            ttl: [15, 20, 30][rng.usize(0..3)],
            is_hostile,
            shares_names: rng.u8(0..4) == 0,
            odds,
            ambush: if is_hostile {
                [0, 40, 150][rng.usize(0..3)]
            } else {
                0
            },
            weights,
            every: [5_000, 10_000, 20_000][rng.usize(0..3)],
            extreme_drift: rng.u8(0..3) < 2,
            identical: if rng.bool() {
                IdenticalWrites::KeepRevision
            } else {
                IdenticalWrites::NewRevision
            },
            late_most: 40_000,
            retries: 4,
            failsafe: false,
            bootstraps: false,
            mixed_clamps: false,
            beside_patroni: false,
            patroni: None,
            keeps_leases: false,
            shift: 300_000,
        }
    }

    /// Nothing but these.
    fn only(self, troubles: &[Class], edits: &[Class]) -> Self {
        let both = troubles.iter().chain(edits);
        Self {
            is_hostile: !edits.is_empty(),
            odds: Odds::default(),
            ambush: 0,
            weights: both.map(|class| (*class, 1)).collect(),
            ..self
        }
    }

    fn with_all(mut self, classes: &[Class], weight: u32) -> Self {
        self.weights
            .extend(classes.iter().map(|class| (*class, weight)));
        self
    }

    /// Which timed fault comes next.
    pub(super) fn pick(&self, rng: &mut Rng) -> Option<Class> {
        let total: u32 = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut pick = rng.u32(0..total.max(1));
        for (class, weight) in &self.weights {
            if pick < *weight {
                return Some(*class);
            }
            pick -= weight;
        }
        None
    }

    /// Which edit an ambush begins with.
    pub(super) fn edit(&self, rng: &mut Rng) -> Class {
        let edits: Vec<_> = self
            .weights
            .iter()
            .filter(|(class, _)| EDITS.contains(class))
            .collect();
        match edits.len() {
            0 => EDITS[rng.usize(0..EDITS.len())],
            count => edits[rng.usize(0..count)].0,
        }
    }

    /// The classes that a run by this recipe has to hit.
    pub(super) fn expected(swarm: Swarm) -> Vec<Class> {
        match swarm {
            Swarm::Mixed | Swarm::Hostile => {
                let all = Class::ALL.into_iter();
                all.filter(|class| !class.is_beside_patroni()).collect()
            }
            Swarm::Patroni => {
                let mut classes = BESIDE_PATRONI.to_vec();
                classes.extend(CLOCKS);
                let rare = [
                    Class::PatroniRetryUnknown,
                    Class::PatroniEdited,
                    Class::PatroniBesidePatroni,
                ];
                let all = Class::ALL.into_iter();
                let beside = all.filter(|class| class.is_beside_patroni());
                classes.extend(beside.filter(|class| !rare.contains(class)));
                classes.dedup();
                classes
            }
            Swarm::Calm => Vec::new(),
            _ => {
                let rates = Self::draw(swarm, 3, &mut Rng::with_seed(0));
                let mut classes: Vec<_> = rates.weights.iter().map(|(class, _)| *class).collect();
                classes.sort_unstable();
                classes.dedup();
                classes
            }
        }
    }
}

//! How often what happens, drawn anew for each history.

use super::*;

/// How often what happens, drawn anew for each history (swarm testing).
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) members: usize,
    pub(super) ttl: u64,
    pub(super) polls: bool,
    pub(super) edits: bool,
    pub(super) configs: bool,
    pub(super) weights: [u32; 10],
    pub(super) keeps: IdenticalWrites,
}

impl Profile {
    pub(super) fn draw(rng: &mut Rng) -> (Self, Odds) {
        let weight = |rng: &mut Rng| [0, 1, 2, 4][rng.usize(0..4)];
        let edits = rng.u8(0..3) > 0;
        let profile = Self {
            members: rng.usize(3..=5),
            ttl: [15, 20, 30][rng.usize(0..3)],
            polls: rng.bool(),
            edits,
            configs: rng.bool(),
            weights: std::array::from_fn(|_| weight(rng)),
            keeps: if rng.bool() {
                IdenticalWrites::KeepRevision
            } else {
                IdenticalWrites::NewRevision
            },
        };
        let odds = Odds {
            lost: [0, 10, 30, 100][rng.usize(0..4)],
            unanswered: [0, 10, 30, 100][rng.usize(0..4)],
            slow: [0, 20, 60, 200][rng.usize(0..4)],
            refused: [0, 10, 50][rng.usize(0..3)],
            stale: [0, 0, 100][rng.usize(0..3)],
            ambush: if edits {
                [0, 40, 150][rng.usize(0..3)]
            } else {
                0
            },
        };
        (profile, odds)
    }

    pub(super) fn timing(&self) -> LeaseTiming {
        LeaseTiming::new(s(self.ttl), s(self.ttl / 3), s(self.ttl / 4)).unwrap()
    }
}

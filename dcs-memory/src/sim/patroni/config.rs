//! Settings in the config key, as an operator writes them.

use std::time::Duration;

use dcs_core::Change;
use dcs_core::election::{BesidePatroni, PatroniRelease};
use fastrand::Rng;

use crate::sim::world::World;

/// ttl, `loop_wait` and `retry_timeout`, in seconds.
type Said = [u64; 3];

/// What operators write. All of it fits together as it is.
pub(in crate::sim) const SETTINGS: [Said; 5] = [
    [30, 10, 10],
    [20, 5, 5],
    [20, 10, 3],
    [45, 10, 15],
    [60, 10, 20],
];

/// How a history is in which Patroni may lead, too.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(in crate::sim) struct Shared {
    /// So many of the first machines run Patroni; the others run members of ours.
    pub(in crate::sim) patronis: usize,
    /// Members take what Patroni releases (rule P2).
    pub(in crate::sim) takes: bool,
    /// Members follow the config key; if not, each has settings of its own.
    pub(in crate::sim) follows: bool,
    /// Members are told the longest `retry_timeout` that there will be.
    pub(in crate::sim) is_told: bool,
    /// `max_ttl` of all members, in seconds.
    pub(in crate::sim) max_ttl: u64,
    /// What the config key says in the beginning.
    pub(in crate::sim) said: Said,
    /// Patroni counts by the wall clock.
    pub(in crate::sim) is_wall: bool,
}

/// The longest `retry_timeout` of all.
const LONGEST_RETRY: u64 = 20;

impl Shared {
    pub(in crate::sim) fn draw(nodes: usize, rng: &mut Rng) -> Self {
        let is_second = rng.bool();
        let follows = rng.u8(0..3) > 0;
        Self {
            patronis: if is_second && nodes >= 4 { 2 } else { 1 },
            takes: rng.u8(0..3) == 0,
            follows,
            is_told: rng.bool() || !follows,
            max_ttl: [30, 45, 60][rng.usize(0..3)],
            said: SETTINGS[rng.usize(0..SETTINGS.len())],
            is_wall: rng.bool(),
        }
    }

    /// What members of ours are told of Patroni.
    pub(in crate::sim) fn beside(&self) -> BesidePatroni {
        let beside = BesidePatroni::new();
        let longest = Duration::from_secs(LONGEST_RETRY);
        let told = beside.with_retry_timeout(longest).ok();
        let beside = told.filter(|_| self.is_told).unwrap_or(beside);
        beside.with_release(if self.takes {
            PatroniRelease::Take
        } else {
            PatroniRelease::Wait
        })
    }
}

impl World {
    /// Someone writes these settings, and leaves the rest of the key as it is.
    pub(in crate::sim) fn config_says(&self, said: Said) {
        self.third_party(|registers, at| {
            let now = &registers.keys(&self.scope).now.config;
            let expected = now.precondition();
            let mut config = now.get().cloned().unwrap_or_default();
            for (name, seconds) in ["ttl", "loop_wait", "retry_timeout"].into_iter().zip(said) {
                let value = seconds.into();
                config.settings_mut().insert(name.to_owned(), value);
            }
            // It expects what it has just read, so nothing can be in its way.
            let _ = registers.write(&self.scope, &Change::Config(Some(config)), expected, at);
        });
    }
}

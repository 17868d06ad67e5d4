//! Chance from a seed, in pieces that do not depend on each other.

use fastrand::Rng;

/// Chance that does not depend on what else is drawn: what becomes of a message
/// stays as it is when a fault elsewhere is left out.
pub(super) fn chance(seed: u64, parts: [u64; 2]) -> Rng {
    let mut mixed = mix(seed);
    for part in parts {
        mixed = mix(mixed ^ part);
    }
    Rng::with_seed(mixed)
}

/// The seed of one history of many: far apart for neighbours, and for runs
/// whose seeds are neighbours.
///
/// ```
/// use dcs_memory::sim::history_seed;
///
/// assert_ne!(history_seed(1, 1), history_seed(2, 0));
/// ```
#[must_use]
pub const fn history_seed(run: u64, index: u64) -> u64 {
    mix(mix(run).wrapping_add(index))
}

/// One step of `SplitMix64` (Steele, Lea and Flood, 2014).
pub(super) const fn mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

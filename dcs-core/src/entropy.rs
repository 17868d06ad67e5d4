//! Chance by injection.

use std::fmt;

/// The source of chance: session ids, attempt nonces, release secrets, jitter.
///
/// In production it must be the operating system's generator: two processes
/// that draw the same session could take each other's lease for their own. A
/// simulation hands in a seeded one and replays.
pub trait Entropy: fmt::Debug + Send + Sync + 'static {
    /// 128 random bits.
    fn bits(&self) -> u128;
}

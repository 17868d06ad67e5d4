use std::sync::{Mutex, PoisonError};

use dcs_core::Entropy;

/// Chance from a seed: the same seed draws the same bits, in the same order.
///
/// For tests and simulations only. Two processes with the same seed draw the
/// same session, and could take each other's lease for their own.
///
/// ```
/// use dcs_core::Entropy;
/// use dcs_memory::SeededEntropy;
///
/// assert_eq!(SeededEntropy::new(7).bits(), SeededEntropy::new(7).bits());
/// assert_ne!(SeededEntropy::new(7).bits(), SeededEntropy::new(8).bits());
/// ```
#[derive(Debug)]
pub struct SeededEntropy(Mutex<fastrand::Rng>);

impl SeededEntropy {
    /// Chance from this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn bits(&self) -> u128 {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .u128(..)
    }
}

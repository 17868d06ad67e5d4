use crate::Entropy;

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct OsEntropy;

impl OsEntropy {
    /// The operating system's generator.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Entropy for OsEntropy {
    /// # Panics
    /// Where the operating system has no randomness to give: a session id that
    /// is not unique would not be safe to go on with.
    fn bits(&self) -> u128 {
        let mut bytes = [0; 16];
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where real chance enters"
        )]
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        u128::from_ne_bytes(bytes)
    }
}

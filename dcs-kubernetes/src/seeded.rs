//! Rules of requests and watches that a test takes out on purpose: see
//! `dcs_core::election::seeded`. In every build but that of such tests none is.

/// One rule that could be broken.
#[derive(Clone, Copy)]
pub(crate) enum Bug {
    UnguardedPatch,
    TimeoutIsRefusal,
    ServerErrorIsRefusal,
    AnyBusyIsRefusal,
    SuccessWithoutBody,
    BlindRetry,
    GapIgnored,
}

/// Whether it is broken: never, in a build without seeded bugs.
#[cfg(not(dcs_seeded_bugs))]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

#[cfg(dcs_seeded_bugs)]
pub(crate) fn planted(bug: Bug) -> bool {
    use dcs_core::election::seeded;

    seeded::planted(match bug {
        Bug::UnguardedPatch => seeded::Bug::UnguardedPatch,
        Bug::TimeoutIsRefusal => seeded::Bug::TimeoutIsRefusal,
        Bug::ServerErrorIsRefusal => seeded::Bug::ServerErrorIsRefusal,
        Bug::AnyBusyIsRefusal => seeded::Bug::AnyBusyIsRefusal,
        Bug::SuccessWithoutBody => seeded::Bug::SuccessWithoutBody,
        Bug::BlindRetry => seeded::Bug::BlindRetry,
        Bug::GapIgnored => seeded::Bug::GapIgnored,
    })
}

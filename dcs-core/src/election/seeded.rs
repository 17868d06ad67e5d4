//! Bugs that a test plants on purpose: each takes one rule of the election
//! away, so that a test of the whole can show that it would notice.
//!
//! Only a build with `RUSTFLAGS="--cfg dcs_seeded_bugs"` has them, for tests of
//! this workspace. In every other one `planted` is always false, and nothing
//! of this module can be reached. It is no feature, since a feature can be
//! switched on by anyone who depends on this crate.

/// The table of all bugs: variant, name, the rule that it breaks, and how.
macro_rules! bugs {
    ($($bug:ident, $name:literal, $rule:literal, $what:literal;)*) => {
        /// One rule that is broken.
        #[cfg(dcs_seeded_bugs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Bug {
            $(#[doc = $what] $bug,)*
        }

        /// One rule that could be broken, in a build with seeded bugs.
        #[cfg(not(dcs_seeded_bugs))]
        #[derive(Clone, Copy)]
        #[expect(dead_code, reason = "some have their sites outside of this crate, or in code of their own")]
        pub(crate) enum Bug {
            $($bug,)*
        }

        #[cfg(dcs_seeded_bugs)]
        impl Bug {
            /// Every bug, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$bug,)*];

            /// What it is called on a command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$bug => $name,)* }
            }

            /// The rule of `docs/election.md` that it breaks.
            #[must_use]
            pub const fn rule(self) -> &'static str {
                match self { $(Self::$bug => $rule,)* }
            }

            /// How it breaks the rule.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$bug => $what,)* }
            }
        }
    };
}

bugs! {
    DeadlineAtAnswer, "deadline-at-answer", "H2",
        "the deadline counts from the receipt of the answer";
    ClientGoTiming, "client-go-timing", "H2",
        "belief is 12/15 of the ttl from the receipt of the answer, and one attempt may take 5/15, as in client-go";
    NoDriftMargin, "no-drift-margin", "H2",
        "a holder believes for the whole ttl, with no margin for the drift of clocks";
    AcquireWithoutPrecondition, "acquire-without-precondition", "H4",
        "the acquiring write replaces whatever is there: over a store that can only compare and swap, one that is refused is repeated at once on the revision that was found";
    WallClockExpiry, "wall-clock-expiry", "Q5",
        "a version is free once the own wall clock shows its renewTime and ttl";
    FirstSightAtRequest, "first-sight-at-request", "Q1",
        "the wait for a version that a read shows begins with the sending of the read";
    TimeoutIsSuccess, "timeout-is-success", "H5",
        "an acquire or a renewal of unknown outcome counts as committed";
    OwnNameLeads, "own-name-leads", "H6",
        "the own name in any record seen, however old, carries belief from now on";
    ReadBackFromReadTime, "read-back-from-read-time", "H5",
        "an attempt that is found by reading back counts from the receipt of the reading";
    OneIdentity, "one-identity", "H6",
        "a record with the own name is the own write and is renewed at once: two processes of one name are the same holder";
    IdenticalRenewals, "identical-renewals", "H4",
        "a renewal is the same bytes as the one before, and success without a new revision counts";
    ContentNotRevision, "content-not-revision", "Q1",
        "versions are told apart by their content: an equal one does not begin another wait, whatever lay between";
    OwnNameRenews, "own-name-renews", "H6",
        "a record with the own name is renewed at once, without an open term";
    CreateAndLead, "create-and-lead", "Q3",
        "an absent key is created with a holder, who leads at once";
    CreateAndLeadAfterWait, "create-and-lead-after-wait", "Q3",
        "a key that was absent for T_WAIT is created with a holder, who leads at once";
    ColdStartCreates, "cold-start-creates", "Q3",
        "a process that has never seen but an absent key creates it with a holder, who leads at once";
    WipeIsRelease, "wipe-is-release", "Q4",
        "a record without holder is free at once, with or without a mark";
    TtlInRecord, "ttl-in-record", "Q2",
        "a challenger waits for the ttl that the record shows";
    LcFromContent, "l-c-from-content", "Q2",
        "a challenger waits for the ttl of the claim it sees, or else for its own one of the config key";
    LateAckRevivesTerm, "late-ack-revives-term", "H2",
        "an answer that comes after the deadline opens the same term again";
    RightTestedBeforeSight, "right-tested-before-sight", "H6",
        "a leader whose term ended reads its record back and renews on the revision received then";
    ReleaseWithoutH6, "release-without-h6", "H7",
        "a leader whose term is over releases a record that looks like its own, on whatever revision it reads it";
    ReleaseMarkReplayed, "release-mark-replayed", "Q4",
        "the mark of a release need not name the version that it replaces";
    ReleaseRetriedOnNewerRevision, "release-retried-on-newer-revision", "H7",
        "a release that was refused is sent again on the newer revision that shows the own record";
    ReleaseMarkAfterGap, "release-mark-after-gap", "Q4",
        "the mark of a release counts also over a gap of the watch or a deletion";
    FreshTermOnCachedRevision, "fresh-term-on-cached-revision", "H9",
        "a new term begins without waiting on the newest revision that showed an own record, acknowledged or not";
    AttemptRevivedAfterRelease, "attempt-revived-after-release", "H9",
        "attempts from before a release open a term when they are read back, and their acks still count";
    AckOfAnotherAttempt, "ack-of-another-attempt", "H5",
        "reading back any attempt of the own session counts for the newest one, from the sending of that";
    ClaimSurvivesPatroni, "claim-survives-patroni", "H7",
        "a claim counts although renewTime or holder of its record are another's";
    BootstrapAssertionReused, "bootstrap-assertion-reused", "Q3",
        "the assertion of a first bootstrap outlives a refused write, anything seen, and its first use";
    SlewedClock, "slewed-clock", "A1",
        "a holder counts boottime alone, which may be slewed";
    DifferenceOfMaxima, "difference-of-maxima", "A1",
        "time is the difference between two maxima (minima for a challenger) of the clocks, not the maximum of two differences";
    WaitFollowsTtl, "wait-follows-ttl", "Q2",
        "settings that are given later bring a T_WAIT and a T_CLAMP of their own ttl";
    VacantWaitsLess, "vacant-waits-less", "Q2",
        "a record without holder is waited for a quarter of T_WAIT";
    ClampAboveWait, "clamp-above-wait", "Q2",
        "a T_CLAMP above the own T_WAIT is accepted, as a setting and in a claim";
    ReleaseWipesSuccessor, "release-wipes-successor", "H7",
        "a leader that lost its term releases whatever it reads, whoever holds it, and others honour that at once, as in client-go";
    ForceRelease, "force-release", "Q2",
        "a challenger whose wait is over removes the holder, on newer revisions too, and acquires what it wrote, as in kube-lease-manager";
    NeverDemotes, "never-demotes", "H3",
        "belief does not end by itself";
    TransitionsAsToken, "transitions-as-token", "H9",
        "the fencing token is the count of transitions";
    BelievesWhileReleasing, "believes-while-releasing", "H7",
        "the term is closed only once its release was answered";
    ReleaseUnderALease, "release-under-a-lease", "H7",
        "a term that is being given up stays valid and on offer while an answer is waited for, and is released whoever holds its lease";
    LeaseNotRechecked, "lease-not-rechecked", "H3",
        "a lease is handed out without asking whether its term is over, and is valid until it is dropped, as in etcd";
    TtlTruncated, "ttl-truncated", "Q2",
        "a challenger waits for the holder's span cut to whole five seconds, at least one second";
    SuspendNotCounted, "suspend-not-counted", "A1",
        "a holder does not count the time for which the machine was suspended";
    ShortSuspendMissed, "short-suspend-missed", "A1",
        "a suspend that is too short to end a term is counted by boottime alone, which may be slewed";
    PatroniWaitIgnored, "patroni-wait-ignored", "P1",
        "beside Patroni a record without a valid claim is waited for no longer than others: its ttl and Patroni's retry_timeout are ignored";
    PatroniTtlFromOwn, "patroni-ttl-from-own-settings", "P1",
        "a lock of Patroni is waited for by the own T_WAIT and not by the ttl that the record shows";
    PatroniTtlLowered, "patroni-ttl-lowered", "P1",
        "the ttl that a Patroni has renewed by a shorter one does not count any more, though its renewal may not be answered";
    PatroniWaitFromBefore, "patroni-wait-from-before", "P1",
        "a renewal by the same Patroni does not begin the wait for its lock anew";
    PatroniRetryLowered, "patroni-retry-lowered", "P1",
        "a shorter retry_timeout in the config key counts at once, also for what was written by a longer one";
    PatroniReleaseUnwatched, "patroni-release-unwatched", "P2",
        "a record without holder after a lock of Patroni counts as its release also over a gap of the watch";
    ShownTtlTooShort, "shown-ttl-too-short", "P3",
        "a record shows a ttl that is shorter than its writer still believes for";
    PutCreates, "put-creates", "H4",
        "an update of an absent record creates it (a bug of the store)";
    RevisionsReused, "revisions-reused", "A0",
        "a store that is restored from a copy uses revisions again (a bug of the store)";
    FailsafeMapUnknown, "failsafe-map-unknown", "F1",
        "the members of a failsafe map of unknown outcome are not asked";
    UnguardedPatch, "unguarded-patch", "H4",
        "a write to Kubernetes names no resourceVersion and replaces whatever is there";
    TimeoutIsRefusal, "timeout-is-refusal", "H5",
        "a request to Kubernetes that is not answered counts as not committed";
    ServerErrorIsRefusal, "server-error-is-refusal", "H5",
        "any answer of 500 to 599 counts as not committed";
    AnyBusyIsRefusal, "any-busy-is-refusal", "H5",
        "a 429 counts as not committed, whoever says it";
    SuccessWithoutBody, "success-without-body", "H5",
        "a 200 counts as committed at the next revision, whatever its body says";
    BlindRetry, "blind-retry", "H5",
        "a write whose connection broke is sent again by the client, and what the second one is told counts";
    GapIgnored, "gap-ignored", "Q4",
        "after a 410 the watch goes on from a new list as if no version had been missed";
}

/// Whether this bug is planted: never, in a build without seeded bugs.
#[cfg(not(dcs_seeded_bugs))]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}

#[cfg(dcs_seeded_bugs)]
pub use present::{UnknownBug, plant, planted};

/// Only in a build with seeded bugs.
#[cfg(dcs_seeded_bugs)]
mod present {
    use std::str::FromStr;

    use super::Bug;

    /// A text names no bug.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[error("{0:?} is no seeded bug: use one of {names}", names = names())]
    #[non_exhaustive]
    pub struct UnknownBug(pub String);

    /// Plants one bug in this process, or takes out the one that is there.
    pub fn plant(bug: Option<Bug>) {
        cell::set(bug.map_or(0, |bug| bug as u8 + 1));
    }

    /// Whether this bug is planted.
    #[must_use]
    pub fn planted(bug: Bug) -> bool {
        cell::get() == bug as u8 + 1
    }

    impl Bug {
        /// Whether it breaks a step of the proof alone: two members that both
        /// believe do so for no longer than messages take.
        #[must_use]
        pub const fn is_in_the_proof_alone(self) -> bool {
            matches!(self, Self::ShortSuspendMissed)
        }

        /// Whether it is in the requests to Kubernetes, or in its watches.
        #[must_use]
        pub const fn is_of_kubernetes(self) -> bool {
            self as u8 >= Self::UnguardedPatch as u8
        }

        /// Whether only the store in memory has it, or only histories over that.
        #[must_use]
        pub fn is_of_memory(self) -> bool {
            matches!(self, Self::PutCreates | Self::RevisionsReused) || self.profile() == "patroni"
        }

        /// The profile of faults under which a simulator finds it.
        #[must_use]
        pub const fn profile(self) -> &'static str {
            match self {
                Self::ShortSuspendMissed => "suspends",
                Self::FirstSightAtRequest => "slow",
                Self::CreateAndLeadAfterWait | Self::ColdStartCreates => "deletions",
                Self::BootstrapAssertionReused => "bootstrap",
                Self::ClampAboveWait => "clamps",
                Self::ShownTtlTooShort => "settings",
                Self::FailsafeMapUnknown => "failsafe",
                Self::ClaimSurvivesPatroni => "foreign",
                Self::PatroniWaitIgnored
                | Self::PatroniTtlFromOwn
                | Self::PatroniTtlLowered
                | Self::PatroniWaitFromBefore
                | Self::PatroniRetryLowered
                | Self::PatroniReleaseUnwatched => "patroni",
                Self::ReleaseRetriedOnNewerRevision
                | Self::ReleaseMarkAfterGap
                | Self::GapIgnored => "releases",
                Self::RightTestedBeforeSight | Self::ReleaseWithoutH6 => "hostile",
                _ => "mixed",
            }
        }
    }

    impl FromStr for Bug {
        type Err = UnknownBug;

        fn from_str(name: &str) -> Result<Self, UnknownBug> {
            let found = Self::ALL.iter().find(|bug| bug.name() == name);
            found.copied().ok_or_else(|| UnknownBug(name.to_owned()))
        }
    }

    fn names() -> String {
        let names: Vec<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        names.join(", ")
    }

    /// The whole process has one bug or none.
    #[cfg(not(test))]
    mod cell {
        use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

        static PLANTED: AtomicU8 = AtomicU8::new(0);

        pub(super) fn set(number: u8) {
            PLANTED.store(number, SeqCst);
        }

        pub(super) fn get() -> u8 {
            PLANTED.load(SeqCst)
        }
    }

    /// In unit tests each thread has its own, since tests of correct rules run
    /// beside those of broken ones.
    #[cfg(test)]
    mod cell {
        use std::cell::Cell;

        thread_local!(static PLANTED: Cell<u8> = const { Cell::new(0) });

        pub(super) fn set(number: u8) {
            PLANTED.set(number);
        }

        pub(super) fn get() -> u8 {
            PLANTED.get()
        }
    }
}

#[cfg(all(test, dcs_seeded_bugs))]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;
    use crate::election::LeaseTiming;
    use crate::election::driver::Times;

    #[test]
    fn every_bug_is_found_by_its_name_and_by_no_other() {
        let names: HashSet<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        assert_eq!(names.len(), Bug::ALL.len());
        for bug in Bug::ALL {
            assert_eq!(bug.name().parse(), Ok(*bug));
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_names_that_there_are() {
        let error = "deadline".parse::<Bug>().unwrap_err().to_string();
        assert!(
            error.starts_with("\"deadline\" is no seeded bug: use one of deadline-at-answer, ")
        );
        assert!(error.ends_with("gap-ignored"), "{error}");
    }

    #[test]
    fn one_bug_is_planted_at_a_time() {
        for bug in Bug::ALL {
            plant(Some(*bug));
            let planted: Vec<_> = Bug::ALL.iter().filter(|bug| planted(**bug)).collect();
            assert_eq!(planted, [bug]);
        }
        plant(None);
        assert!(!Bug::ALL.iter().any(|bug| planted(*bug)));
    }

    #[test]
    fn an_attempt_may_take_as_long_as_in_client_go_where_its_timing_is_planted() {
        let seconds = Duration::from_secs;
        let timing = LeaseTiming::new(seconds(30), seconds(10), seconds(10)).unwrap();
        assert_eq!(Times::of(&timing).attempt, timing.attempt_timeout());
        plant(Some(Bug::ClientGoTiming));
        let attempt = Times::of(&timing).attempt;
        plant(None);
        assert_eq!(attempt, seconds(10));
    }
}

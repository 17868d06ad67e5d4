//! What goes wrong with touches, and which case says so.

use dcs_core::{Change, Committed, Dcs, FencingToken, Key, Outcome, Precondition};

use crate::broken::Broken;
use crate::flaws::Flaw;
use crate::writes::committed;

pub(crate) const FENCING: &[(Flaw, &str)] = &[
    (
        Flaw::ClearsSyncOnATouch,
        "a_touch_leaves_every_value_as_it_was",
    ),
    (
        Flaw::ReportsNoNewRevisionOfATouch,
        "a_touch_is_a_new_revision_of_its_key",
    ),
    (
        Flaw::AcceptsAWriteFromBeforeATouch,
        "a_write_from_before_a_touch_is_refused",
    ),
    (
        Flaw::TouchesOnAStaleRevision,
        "a_touch_of_what_was_not_expected_is_refused",
    ),
    (
        Flaw::ShowsATouchedRegisterAsMalformed,
        "a_touch_of_an_absent_register_creates_it_without_a_value",
    ),
    (Flaw::CutsTokens, "a_token_is_read_as_it_was_stored"),
    (
        Flaw::DropsTheTokenOnAWrite,
        "a_later_write_leaves_the_token_in_place",
    ),
    (Flaw::HidesTouches, "a_watch_sees_a_touch"),
    (
        Flaw::TouchesTheLeader,
        "the_leader_register_and_members_have_no_fence",
    ),
    (
        Flaw::SaysCommittedOnALostTouch,
        "a_touch_without_an_answer_is_unknown",
    ),
];

impl Broken {
    pub(crate) async fn touch(
        &self,
        key: &Key,
        token: FencingToken,
        expected: Precondition,
    ) -> Outcome {
        let flaw = self.ground.flaw;
        if flaw == Flaw::TouchesTheLeader && *key == Key::Leader {
            self.ground.memory.store.bump_leader(self.scope());
            return committed(9_000);
        }
        let (token, relaxed) = self.bent(key, token, expected);
        let said = self.inner.fence(key, token, relaxed).await;
        match (flaw, said) {
            (Flaw::ReportsNoNewRevisionOfATouch, Outcome::Committed(done)) => {
                let old = expected.revision().unwrap_or(done.revision);
                Outcome::Committed(Committed::new(old))
            }
            (Flaw::ClearsSyncOnATouch, said) if *key == Key::Failover => {
                if let Some(stands) = self.ground.revision_of(&Key::Sync) {
                    let stands = Precondition::Matches(stands);
                    let _ = self.inner.write(&Change::Sync(None), stands).await;
                }
                said
            }
            (Flaw::SaysCommittedOnALostTouch, Outcome::Unknown(_)) => committed(9_000),
            (_, said) => said,
        }
    }

    /// Flaws of what is stored, and of what is expected.
    fn bent(
        &self,
        key: &Key,
        token: FencingToken,
        expected: Precondition,
    ) -> (FencingToken, Precondition) {
        let cut = FencingToken::from_number(token.get() & u128::from(u64::MAX));
        let stands = self.ground.revision_of(key);
        match (self.ground.flaw, expected) {
            (Flaw::CutsTokens, _) => (cut.unwrap(), expected),
            (Flaw::TouchesOnAStaleRevision, Precondition::Matches(_)) if stands.is_some() => {
                (token, Precondition::from(stands))
            }
            _ => (token, expected),
        }
    }
}

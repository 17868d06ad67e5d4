//! What goes wrong with writes of shared keys.

use std::sync::atomic::Ordering;

use dcs_core::{
    Change, Committed, Config, Dcs, Error, Key, LeaderRecord, Outcome, Precondition, Revision,
    Status, Value,
};

use crate::broken::Broken;
use crate::flaws::Flaw;

impl Broken {
    /// Flaws of values: another one is written.
    pub(crate) fn altered(&self, change: &Change) -> Change {
        let mut change = change.clone();
        match (self.ground.flaw, &mut change) {
            (Flaw::CutsTransitions, Change::Leader(write)) => {
                write.record.transitions = write.record.transitions.map(|n| n & 0xffff);
            }
            (Flaw::DropsTheReleaseMark, Change::Leader(write)) => write.record.released = None,
            (Flaw::KeepsTheReleaseMark, Change::Leader(write)) => {
                let now = self.ground.now();
                let old = now.leader.get().and_then(|record| record.released.clone());
                write.record.released = write.record.released.take().or(old);
            }
            (Flaw::ClearsStatusOnLeaderWrites, Change::Leader(write)) => {
                write.status.get_or_insert_with(Status::default);
            }
            (Flaw::DropsTheSlots, Change::Leader(write)) => {
                write
                    .status
                    .iter_mut()
                    .for_each(|status| status.slots = None);
            }
            (Flaw::DropsTheSchedule, Change::Failover(Some(request))) => {
                request.scheduled_at = None;
            }
            (Flaw::DropsUnknownConfigFields, Change::Config(Some(config))) => {
                let known = |name: &str| matches!(name, "ttl" | "counter");
                let kept = config.settings().iter().filter(|(name, _)| known(name));
                *config = Config::new(kept.map(|(k, v)| (k.clone(), v.clone())).collect());
            }
            _ => {}
        }
        change
    }

    /// Flaws of preconditions: another one is expected.
    pub(crate) fn relaxed(&self, key: &Key, expected: Precondition) -> Precondition {
        let stands = self.ground.revision_of(key);
        let was_deleted = self.ground.was_deleted.load(Ordering::Relaxed);
        let forgiven = match (self.ground.flaw, expected) {
            (Flaw::IgnoresAStaleRevision, Precondition::Matches(_)) => {
                *key == Key::Sync && self.ground.now().sync.fence == Value::Absent
            }
            (Flaw::OverwritesOnCreate, Precondition::Absent) => *key == Key::History,
            (Flaw::AcceptsARevisionOfADeletedRegister, Precondition::Matches(_)) => was_deleted,
            (Flaw::CreatesOnAnExpectedRevision, Precondition::Matches(_)) => stands.is_none(),
            (Flaw::AcceptsAWriteFromBeforeATouch, Precondition::Matches(_)) => {
                *key == Key::Config && self.ground.now().config.fence != Value::Absent
            }
            _ => false,
        };
        let relaxes =
            forgiven && (stands.is_some() || self.ground.flaw == Flaw::CreatesOnAnExpectedRevision);
        if relaxes { stands.into() } else { expected }
    }

    /// Flaws of outcomes: something else is said, or done besides.
    pub(crate) async fn misreported(
        &self,
        change: &Change,
        expected: Precondition,
        said: Outcome,
    ) -> Outcome {
        let key = change.key();
        let flaw = self.ground.flaw;
        match &said {
            Outcome::Committed(committed) => self
                .after_commit(change, expected, committed)
                .await
                .unwrap_or(said),
            Outcome::NotCommitted(_) if flaw == Flaw::SaysAnotherKeyInConflicts => {
                Outcome::NotCommitted(Error::Conflict {
                    key: Key::Status,
                    found: None,
                })
            }
            Outcome::NotCommitted(_) => {
                let wins = match (flaw, expected) {
                    (Flaw::HasTwoWinnersOfACreation, Precondition::Absent)
                    | (Flaw::HasTwoWinnersOfARevision, Precondition::Matches(_)) => {
                        key == Key::Leader && self.ground.count() == 50
                    }
                    (Flaw::HasTwoInitializers, _) => {
                        key == Key::Initialize && self.ground.count() == 50
                    }
                    _ => false,
                };
                let writes = flaw == Flaw::SaysConflictAndWrites && key == Key::History;
                if let Some(stands) = self.ground.revision_of(&key).filter(|_| writes) {
                    let matching = Precondition::Matches(stands);
                    let _ = self.inner.write(change, matching).await;
                }
                if wins { committed(9_000) } else { said }
            }
            Outcome::Unknown(_) => self.after_unknown(change, expected).await.unwrap_or(said),
        }
    }

    async fn after_commit(
        &self,
        change: &Change,
        expected: Precondition,
        told: &Committed,
    ) -> Option<Outcome> {
        match (self.ground.flaw, change) {
            (Flaw::GoesBackAfterDeletions, Change::Leader(_))
                if expected == Precondition::Absent =>
            {
                (self.ground.count() == 3).then(|| committed(2))
            }
            (Flaw::ReusesARevision, Change::History(_)) => {
                (self.ground.count() == 9).then(|| committed(1))
            }
            (Flaw::ReturnsAnotherRecord, Change::Leader(_)) => {
                let other = Value::Present(LeaderRecord::default());
                Some(Outcome::Committed(Committed::leader(told.revision, other)))
            }
            (Flaw::ClearsSyncWithFailover, Change::Failover(None)) => {
                let stands = self.ground.revision_of(&Key::Sync)?;
                let _ = self
                    .inner
                    .write(&Change::Sync(None), Precondition::Matches(stands))
                    .await;
                None
            }
            _ => None,
        }
    }

    async fn after_unknown(&self, change: &Change, expected: Precondition) -> Option<Outcome> {
        let Change::Leader(write) = change else {
            return None;
        };
        let applied = self.ground.now().leader.get() == Some(&write.record);
        let creates = expected == Precondition::Absent;
        match self.ground.flaw {
            Flaw::SendsALostRequestAgain if !applied && !creates => {
                let again = self.inner.write(change, expected).await;
                matches!(again, Outcome::Committed(_)).then_some(again)
            }
            Flaw::SaysNotCommittedOnALostAnswer if applied && !creates => {
                Some(Outcome::NotCommitted(conflict()))
            }
            Flaw::SaysCommittedOnALostCreation if creates => Some(committed(9_000)),
            Flaw::AppliesALostAnswerTwice if applied => {
                let stands = self.ground.revision_of(&Key::Leader);
                let _ = self.inner.write(change, stands.into()).await;
                None
            }
            Flaw::SaysCommittedWhileCutOff => self
                .ground
                .is_cut
                .load(Ordering::Relaxed)
                .then(|| committed(9_000)),
            _ => None,
        }
    }
}

pub(crate) fn committed(revision: u128) -> Outcome {
    Outcome::Committed(Committed::new(Revision::new(revision).unwrap()))
}

pub(crate) fn conflict() -> Error {
    Error::Conflict {
        key: Key::Leader,
        found: None,
    }
}

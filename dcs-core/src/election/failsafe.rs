//! Failsafe mode as users meet it: whom to ask, what to send, what they say.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::elector::Elector;
use super::machine::{FailsafeAsk, FailsafeSaid};
use super::shared::Ask;
use crate::record::as_text;
use crate::{MemberName, Revision, Session, Stamp};

/// Whom a leader has to ask, and what, before it may go on without the store.
///
/// Made by [`Elector::failsafe_poll`] and good for one
/// [`Elector::failsafe_extend`] in the same term.
#[derive(Debug)]
#[must_use = "a poll extends nothing until its answers are handed to `failsafe_extend`"]
pub struct FailsafePoll {
    pub(super) request: FailsafeRequest,
    pub(super) members: BTreeMap<String, String>,
    pub(super) term: u64,
    /// Before anything was sent.
    pub(super) since: Stamp,
    /// L_h of the shortest ttl in play.
    pub(super) span: Duration,
}

/// What a leader asks of each member: to let it lead on.
///
/// In JSON: `{"session":"0000…","revision":"812","leader":"demo-0","poll":1}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailsafeRequest {
    /// The process that leads.
    pub session: Session,
    /// Its last write that is known to be committed.
    #[serde(with = "as_text")]
    pub revision: Revision,
    /// Its member name.
    #[serde(with = "as_text")]
    pub leader: MemberName,
    /// Which poll of this process it is. An answer counts for its own poll only:
    /// one to an earlier request was given too early.
    pub poll: u64,
}

/// What a member says to a [`FailsafeRequest`].
///
/// In JSON: `{"member":"demo-1","session":"0000…","poll":1,"refused":null}`, or
/// with a reason such as `"saw-another"` in `refused`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailsafeAnswer {
    /// Who answers. An answer counts for this name, whatever URL it came from.
    #[serde(with = "as_text")]
    pub member: MemberName,
    /// The process that asked.
    pub session: Session,
    /// The poll that is answered.
    pub poll: u64,
    /// Why it does not agree; `None` if it does.
    pub refused: Option<FailsafeRefusal>,
}

/// Why a member does not agree that another one leads on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailsafeRefusal {
    /// Failsafe mode is off at this member.
    #[error("failsafe mode is off there: switch it on for all members")]
    Off,
    /// Its driver has ended, so it can promise nothing.
    #[error("its election has ended: keep `Driver::run` running")]
    Ended,
    /// Whoever asks has the name of this member.
    #[error("it has the leader's own name: give each process a name of its own")]
    OwnName,
    /// It believes that it leads itself.
    #[error("it leads itself")]
    Leads,
    /// It has sent an acquiring write whose outcome it does not know.
    #[error("it is about to acquire")]
    Acquires,
    /// It has not seen the leader key yet.
    #[error("it has not seen the leader key yet")]
    SawNothing,
    /// The leader key was absent when it saw it last.
    #[error("it saw the leader key absent")]
    SawAbsence,
    /// The leader record had no holder when it saw it last.
    #[error("it saw the leader record without holder")]
    SawVacancy,
    /// The leader record had no valid claim when it saw it last, or could not be read.
    #[error("it saw the leader record without a valid claim")]
    SawNoClaim,
    /// The leader record was another process's when it saw it last.
    #[error("it saw another process lead")]
    SawAnother,
    /// Its T_WAIT is shorter than the leader's T_CLAMP.
    #[error("its max_ttl is below the leader's: use the same one on all members")]
    ClampAboveWait,
}

/// Why a leader may not go on without the store. Its term then ends by its
/// deadline, unless the store comes back in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FailsafeRefused {
    /// Failsafe mode is off.
    #[error("failsafe mode is off: switch it on with `ElectorBuilder::failsafe` on all members")]
    Off,
    /// The driver has ended or was dropped.
    #[error("the election has ended: its driver returned or was dropped")]
    Ended,
    /// This member does not lead, or no longer.
    #[error("this member does not lead, or its deadline has passed: acquire again")]
    NotLeading,
    /// This member is giving its term up.
    #[error("this member is giving its term up")]
    GivingUp,
    /// The poll was made in another term, or by another elector.
    #[error("the poll belongs to another term: make a new one")]
    OtherTerm,
    /// A renewal was refused with a conflict: the store is there, and says that
    /// somebody else wrote.
    #[error("a renewal met a conflict: only the store can say who leads")]
    Conflict,
    /// A map that may stand in the record is not known, or cannot be read.
    #[error(
        "a failsafe map that may stand in the record is not known: name all members with `Elector::set_failsafe` while the store is there"
    )]
    MapUnknown,
    /// A map that may stand in the record names nobody.
    #[error(
        "a failsafe map that may stand in the record names nobody: name all members with `Elector::set_failsafe` while the store is there"
    )]
    MapEmpty,
    /// The maps do not name the leader itself.
    #[error(
        "the failsafe map does not name this member itself: add it with `Elector::set_failsafe`"
    )]
    NotNamed,
    /// Not everyone agreed.
    #[error("not everyone agreed to this poll: {}", listed(missing))]
    NotAll {
        /// Who did not, and why: `None` where no answer to this poll is there.
        missing: Vec<(String, Option<FailsafeRefusal>)>,
    },
}

/// Failsafe mode (rule F1 in `docs/election.md` of the repository), off unless
/// [`ElectorBuilder::failsafe`](super::ElectorBuilder::failsafe) switches it on.
///
/// The store is gone, everyone is well: by its deadline the leader would end,
/// and nobody could follow. In failsafe mode it asks **every** member that could
/// acquire, by the map that it wrote with [`Elector::set_failsafe`]. If all agree,
/// it goes on, and they stay out for T_WAIT from then. All of them, not most: a
/// single silent one may be acquiring.
///
/// How members reach each other is the program's affair: send
/// [`FailsafePoll::request`] to the URL of each of [`FailsafePoll::members`],
/// there hand it to [`Elector::failsafe_answer`], and bring the answers back. Ask
/// as soon as renewals fail, and again about every `loop_wait`, until the store
/// is back: [`Lease::ended`](super::Lease::ended) completes when no more than the
/// stop time is left, also if an extension comes after that.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// # use dcs_core::election::{Elector, LeaseTiming};
/// # use dcs_core::{Clock, Failsafe, TokioClock};
/// # use dcs_memory::{MemoryStore, SeededEntropy};
/// # let seconds = Duration::from_secs;
/// # let clock = Arc::new(TokioClock::new());
/// # let store = MemoryStore::new(clock.clone());
/// # let scope = "demo".parse()?;
/// # let timing = LeaseTiming::new(seconds(30), seconds(10), seconds(8))?;
/// # let join = |name: &str| {
/// #     let dcs = Arc::new(store.handle(&scope));
/// #     let chance = Arc::new(SeededEntropy::new(name.len() as u64));
/// #     let builder = Elector::builder(
/// #         dcs.clone(), name.parse().unwrap(), timing.clone(), clock.clone(), chance);
/// #     let (elector, driver) = builder.failsafe().build();
/// #     tokio::spawn(driver.run());
/// #     (elector, dcs)
/// # };
/// # let (anna, to_store) = join("anna");
/// # let (bob, _) = join("bob");
/// // While the store is there: everyone who may lead, with a URL.
/// let lease = anna.acquire().await?;
/// let members = ["anna", "bob"].map(|name| (name.to_owned(), format!("http://{name}:8008")));
/// anna.set_failsafe(Failsafe(members.into()))?;
/// # clock.sleep(seconds(15)).await;
/// # to_store.cut_off();
/// # for _ in 0..20 {
/// # clock.sleep(seconds(5)).await;
///
/// // Once renewals fail, again and again:
/// let poll = anna.failsafe_poll().await?;
/// let mut answers = Vec::new();
/// for (_name, _url) in poll.members() {
///     // Here over HTTP, as JSON, to `_url`; there:
///     answers.push(bob.failsafe_answer(poll.request()).await);
/// }
/// anna.failsafe_extend(poll, answers).await?;
/// assert!(lease.is_valid());
/// # }
/// # Ok(())
/// # }
/// ```
impl Elector {
    /// Whom this leader has to ask, to go on without the store, and what.
    ///
    /// Everything is counted from here: what they agree to later than this
    /// covers the leader from this instant.
    ///
    /// # Errors
    /// [`FailsafeRefused`], and then the term ends by its deadline.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    pub async fn failsafe_poll(&self) -> Result<FailsafePoll, FailsafeRefused> {
        let said = self.ask_failsafe(FailsafeAsk::Poll).await;
        match said {
            Some(FailsafeSaid::Poll(result)) => result,
            _ => Err(FailsafeRefused::Ended),
        }
    }

    /// Goes on leading, if everyone has agreed to this very poll: every member
    /// of every map that may stand in the record by now. Answers to other polls
    /// and of others than those members are left aside.
    ///
    /// The lease then lasts as if it had been renewed when the poll was made,
    /// with the shortest ttl of late; never shorter than before.
    ///
    /// # Errors
    /// [`FailsafeRefused`], and nothing is extended. The poll is used up: make a
    /// new one and ask again, if the deadline allows.
    ///
    /// # Cancel safety
    /// If the future is dropped the lease may be extended all the same.
    pub async fn failsafe_extend(
        &self,
        poll: FailsafePoll,
        answers: Vec<FailsafeAnswer>,
    ) -> Result<(), FailsafeRefused> {
        let said = self.ask_failsafe(FailsafeAsk::Extend(poll, answers)).await;
        match said {
            Some(FailsafeSaid::Extend(result)) => result,
            _ => Err(FailsafeRefused::Ended),
        }
    }

    /// What this member says to a leader that asks it to let it lead on. If it
    /// agrees it acquires nothing for T_WAIT from now, whatever it sees.
    ///
    /// Let the API judge who asks: whoever can make members agree can keep them
    /// from acquiring, and what the request says is no secret.
    ///
    /// # Cancel safety
    /// If the future is dropped this member may have agreed, and waits.
    pub async fn failsafe_answer(&self, request: &FailsafeRequest) -> FailsafeAnswer {
        let said = self
            .ask_failsafe(FailsafeAsk::Answer(request.clone()))
            .await;
        match said {
            Some(FailsafeSaid::Answer(answer)) => answer,
            _ => FailsafeAnswer {
                member: self.me.clone(),
                session: request.session,
                poll: request.poll,
                refused: Some(FailsafeRefusal::Ended),
            },
        }
    }

    /// `None` once the driver has ended.
    async fn ask_failsafe(&self, ask: FailsafeAsk) -> Option<FailsafeSaid> {
        let (reply, said) = oneshot::channel();
        self.asks.send(Ask::Failsafe(ask, reply)).ok()?;
        said.await.ok()
    }
}

impl FailsafePoll {
    /// What to send to each of the [members](Self::members), unchanged.
    #[must_use]
    pub const fn request(&self) -> &FailsafeRequest {
        &self.request
    }

    /// Everyone to ask: name and URL. Nobody if the map names the leader alone;
    /// then an extension takes no answers.
    ///
    /// The URLs are those of [`Elector::set_failsafe`], or stood in the record
    /// before: check them as any that others may write.
    pub fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members
            .iter()
            .map(|(name, url)| (name.as_str(), url.as_str()))
    }

    /// Whether `name` is among those who agreed to this poll.
    ///
    /// # Errors
    /// Its refusal, or `None` where it has not answered.
    pub(super) fn agreed(
        &self,
        name: &str,
        answers: &[FailsafeAnswer],
    ) -> Result<(), Option<FailsafeRefusal>> {
        let to_this = |answer: &&FailsafeAnswer| {
            let asked = (answer.session, answer.poll) == (self.request.session, self.request.poll);
            asked && answer.member.as_str() == name
        };
        let mut own = answers.iter().filter(to_this).peekable();
        if own.peek().is_none() {
            return Err(None);
        }
        match own.find_map(|answer| answer.refused) {
            Some(refused) => Err(Some(refused)),
            None => Ok(()),
        }
    }
}

impl FailsafeAnswer {
    /// Whether the member agrees, and acquires nothing for T_WAIT.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        self.refused.is_none()
    }
}

fn listed(missing: &[(String, Option<FailsafeRefusal>)]) -> String {
    let told = missing.iter().map(|(name, why)| match why {
        Some(why) => format!("{name} ({why})"),
        None => format!("{name} (no answer)"),
    });
    told.collect::<Vec<_>>().join(", ")
}

//! The leader's part beside the lease, in one call a turn.

use std::time::Duration;

use super::history::with_line;
use super::requests::Requests;
use super::{Decision, Situation, Why, choose, line_of_term};
use crate::election::{TermError, TermKeys};
use crate::{Config, FencingToken, Initialize, Key, MemberName, Timestamp, Value};

/// What the leader of a scope does beside renewing: it puts back what the scope
/// lacks, keeps history and sync where asked to, and obeys requests to hand
/// over, each once.
///
/// Call [`turn`](Self::turn) with the lease's [`TermKeys`] in each turn of the
/// loop that holds it, and keep one of these for as long as the process runs.
/// Every write is one of [`TermKeys`]: after the lease it writes nothing, and
/// **who does not lead never writes initialize or config**. A key that cannot be
/// read is left as it is.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// # use dcs_core::duties::{LeaderDuties, Situation};
/// # use dcs_core::election::{Elector, LeaseTiming};
/// # use dcs_core::{Dcs, DcsExt, Initialize, MemberName, TokioClock};
/// # use dcs_memory::{MemoryStore, SeededEntropy};
/// # let clock = Arc::new(TokioClock::new());
/// # let dcs = Arc::new(MemoryStore::new(clock.clone()).handle(&"demo".parse()?));
/// # let [ttl, loop_wait, retry] = [30, 10, 10].map(Duration::from_secs);
/// # let timing = LeaseTiming::new(ttl, loop_wait, retry)?;
/// # let chance = Arc::new(SeededEntropy::new(1));
/// # let me: MemberName = "anna".parse()?;
/// # let (elector, driver) = Elector::builder(dcs.clone(), me.clone(), timing.clone(), clock, chance).build();
/// # tokio::spawn(driver.run());
/// let mut duties = LeaderDuties::new(timing.to_config()).initialize("20260102".to_owned());
/// let lease = elector.acquire().await?;
///
/// let view = dcs.load().await?; // or what `elector.cluster()` shows
/// let config = timing.to_config();
/// let now = "2026-01-02T03:04:05Z".parse()?;
/// let situation = Situation::new(&me, &view, &config, now).leading(true);
/// let turn = duties.turn(&situation, &lease.keys()).await;
/// assert!(turn.hand_over.is_none() && turn.troubles.is_empty());
/// assert_eq!(dcs.initialized().await?, Some(Initialize::Done("20260102".to_owned())));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct LeaderDuties {
    seed: Config,
    id: Option<String>,
    keeps_history: bool,
    keeps_sync: bool,
    requests: Requests,
    /// The term whose line is being written or stands in the history.
    line: Option<Line>,
}

/// The line of one term.
#[derive(Clone, Copy, Debug)]
struct Line {
    term: FencingToken,
    since: Timestamp,
    is_written: bool,
}

/// What came of one turn.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Turn {
    /// Give leadership up: to this member, or to anyone.
    pub hand_over: Option<HandOver>,
    /// When the next turn is due at the latest: a request is scheduled for then.
    pub wake: Option<Duration>,
    /// Why a request was removed without being obeyed.
    pub cleared: Option<Why>,
    /// What failed. Each duty is tried again in the next turn. If one of them
    /// [is over](TermError::is_over) the work has to stop: this process leads no more.
    pub troubles: Vec<TermError>,
}

/// A request to hand over, to be obeyed now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandOver {
    /// Who is to follow, if anyone was named: see
    /// [`Lease::release_to`](crate::election::Lease::release_to).
    pub to: Option<MemberName>,
}

impl LeaderDuties {
    /// Duties of a leader that writes `seed` where there is no configuration.
    #[must_use]
    pub fn new(seed: Config) -> Self {
        Self {
            seed,
            id: None,
            keeps_history: false,
            keeps_sync: false,
            requests: Requests::default(),
            line: None,
        }
    }

    /// The same, and the leader writes this id where initialize is absent or
    /// was begun and not finished. Give it only where this member has the data
    /// of this id; Patroni members stop at another id than their own.
    #[must_use]
    pub fn initialize(mut self, id: String) -> Self {
        self.id = Some(id);
        self
    }

    /// The same, and each term adds [its line](line_of_term) to the history,
    /// which keeps `max_timelines_history` lines.
    #[must_use]
    pub const fn keep_history(mut self) -> Self {
        self.keeps_history = true;
        self
    }

    /// The same, and the sync key is kept as [`choose`] says. Not for a program
    /// that has to change its own synchronous standbys in step with it.
    #[must_use]
    pub const fn keep_sync(mut self) -> Self {
        self.keeps_sync = true;
        self
    }

    /// Does what is due. Costs no request where nothing is.
    ///
    /// A request that is returned to be obeyed counts as obeyed from then on. It
    /// stays in the store until the next leader's first turn, so that others see
    /// who is to follow. What stands there when a term begins was for the leader
    /// before, and is removed, unless it names this one and is not due yet. A view
    /// that does not show the term yet says nothing of requests.
    ///
    /// # Cancel safety
    /// If the future is dropped each key is as [`TermKeys::edit_config`] says,
    /// and the next turn goes on. A request that was to be obeyed is not lost:
    /// it is returned only by a turn that ends.
    pub async fn turn(&mut self, of: &Situation<'_>, keys: &TermKeys) -> Turn {
        let mut turn = Turn::default();
        turn.note(self.seed(of, keys).await);
        turn.note(self.heal(of, keys).await);
        turn.note(self.add_line(of, keys).await);
        turn.note(self.sync(of, keys).await);
        match self.requests.turn(of, keys).await {
            Ok(Decision::HandOver(to)) => turn.hand_over = Some(HandOver { to }),
            Ok(Decision::NotYet(wait)) => turn.wake = Some(wait),
            Ok(Decision::Clear(why)) => turn.cleared = Some(why),
            Ok(Decision::Nothing) => {}
            Err(error) => turn.troubles.push(error),
        }
        turn
    }

    async fn seed(&self, of: &Situation<'_>, keys: &TermKeys) -> Result<(), TermError> {
        if of.view.config.value != Value::Absent {
            return Ok(());
        }
        let seed = |now: Option<&Config>| now.is_none().then(|| self.seed.clone());
        keys.edit_config(seed).await.map(drop)
    }

    async fn heal(&self, of: &Situation<'_>, keys: &TermKeys) -> Result<(), TermError> {
        let lacks = |found: Option<&Initialize>| !matches!(found, Some(Initialize::Done(_)));
        let is_readable = !matches!(of.view.initialize.value, Value::Malformed(_));
        let Some(id) = self.id.as_ref().filter(|_| is_readable) else {
            return Ok(());
        };
        if !lacks(of.view.initialize.get()) {
            return Ok(());
        }
        let heal = |now: Option<&_>| lacks(now).then(|| Initialize::Done(id.clone()));
        keys.edit_initialize(heal).await.map(drop)
    }

    async fn add_line(&mut self, of: &Situation<'_>, keys: &TermKeys) -> Result<(), TermError> {
        let term = keys.token();
        let line = self.line.filter(|line| line.term == term);
        let line = line.unwrap_or(Line {
            term,
            since: of.now,
            is_written: !self.keeps_history,
        });
        self.line = Some(line);
        let due = (!line.is_written)
            .then(|| line_of_term(of, line.since))
            .flatten();
        let Some(wanted) = due else {
            return Ok(());
        };
        let most = of.config.view().max_timelines_history();
        let add = |now: Option<&_>| with_line(now, &wanted, most);
        keys.edit_history(add).await?;
        self.line = Some(Line {
            is_written: true,
            ..line
        });
        Ok(())
    }

    async fn sync(&self, of: &Situation<'_>, keys: &TermKeys) -> Result<(), TermError> {
        if !self.keeps_sync || matches!(of.view.sync.value, Value::Malformed(_)) {
            return Ok(());
        }
        let stored = of.view.sync.get();
        let wanted = choose(of);
        if wanted.as_ref() == stored {
            return Ok(());
        }
        let Some(wanted) = wanted else {
            return keys.remove(Key::Sync).await.map(drop);
        };
        let set = |now: Option<&_>| (now != Some(&wanted)).then(|| wanted.clone());
        keys.edit_sync(set).await.map(drop)
    }
}

impl Turn {
    /// Whether this process was found to lead no more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.troubles.iter().any(TermError::is_over)
    }

    fn note(&mut self, done: Result<(), TermError>) {
        self.troubles.extend(done.err());
    }
}

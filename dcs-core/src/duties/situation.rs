//! What a decision is made on.

use std::time::Duration;

use crate::{Config, Entry, MemberName, MemberRecord, Snapshot, Timestamp};

/// `loop_wait` where nobody says another one, as in Patroni.
const LOOP_WAIT: Duration = Duration::from_secs(10);

/// What one member sees at one instant, and decides on.
///
/// ```
/// use dcs_core::duties::{Decision, Situation, decide};
/// use dcs_core::{Config, Failover, MemberName, Snapshot};
///
/// let me: MemberName = "demo-0".parse()?;
/// let (view, config) = (Snapshot::default(), Config::default());
/// let situation = Situation::new(&me, &view, &config, "2026-01-02T03:04:05Z".parse()?).leading(true);
/// let request = Failover::switchover(Some(me.clone()), None);
/// let later = request.not_before("2026-01-02T03:05:05Z".parse()?);
/// assert!(matches!(decide(&later, &situation), Decision::NotYet(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    pub(super) me: &'a MemberName,
    pub(super) view: &'a Snapshot,
    pub(super) config: &'a Config,
    pub(super) now: Timestamp,
    pub(super) own: Option<&'a MemberRecord>,
    pub(super) loop_wait: Duration,
    pub(super) leads: bool,
    pub(super) lacks_data: bool,
}

impl<'a> Situation<'a> {
    /// What `me` sees: the newest view, the configuration in force (the last
    /// readable one, where the view shows none), and the wall clock, by which
    /// scheduled requests are obeyed.
    #[must_use]
    pub fn new(me: &'a MemberName, view: &'a Snapshot, config: &'a Config, now: Timestamp) -> Self {
        Self {
            me,
            view,
            config,
            now,
            own: view.members.get(me).and_then(Entry::get),
            loop_wait: config.loop_wait().unwrap_or(LOOP_WAIT),
            leads: false,
            lacks_data: false,
        }
    }

    /// The same, and whether this member holds a lease.
    #[must_use]
    pub const fn leading(mut self, leads: bool) -> Self {
        self.leads = leads;
        self
    }

    /// The same in a scope where Patroni may lead, and what
    /// [`FirstData::is_settled`](super::FirstData::is_settled) says of it.
    #[must_use]
    pub const fn beside_patroni(mut self, is_settled: bool) -> Self {
        self.lacks_data = !is_settled;
        self
    }

    /// The same with another `loop_wait` than the configuration's, or than 10 s
    /// where that has none.
    #[must_use]
    pub const fn with_loop_wait(mut self, loop_wait: Duration) -> Self {
        self.loop_wait = loop_wait;
        self
    }

    /// The same with what this member says of itself now; else it is what the
    /// view shows of it.
    #[must_use]
    pub const fn with_own(mut self, record: &'a MemberRecord) -> Self {
        self.own = Some(record);
        self
    }

    /// The other members that say that they run.
    pub(super) fn others(&self) -> impl Iterator<Item = &'a MemberRecord> + use<'a> {
        let me = self.me;
        let records = self.view.members.values().filter_map(Entry::get);
        records.filter(move |record| record.name() != me && record.is_running())
    }
}

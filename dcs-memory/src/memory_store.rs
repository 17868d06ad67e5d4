use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dcs_core::{Clock, Key, LeaderRecord, Revision, Scope, Snapshot, Stamp, Value};
use tokio::sync::Notify;

use crate::link::Link;
use crate::store::{LeaderRegister, Registers};
use crate::{MemoryDcs, MemoryOptions};

/// The registers of any number of scopes, and all that a test does to them
/// behind the backs of the handles. A clone is the same store.
///
/// One counter gives the revisions of all keys of all scopes. It starts at 1
/// and never goes back.
#[derive(Clone)]
pub struct MemoryStore(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    /// Something happened that a watch may have waited for.
    pub(crate) changed: Notify,
    options: MemoryOptions,
    origin: Stamp,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) registers: Registers,
    handles: u64,
    trace: Vec<String>,
}

impl MemoryStore {
    /// An empty store that lives by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_options(clock, MemoryOptions::default())
    }

    /// An empty store that lives by this clock and behaves like this.
    #[must_use]
    pub fn with_options(clock: Arc<dyn Clock>, options: MemoryOptions) -> Self {
        let inner = Inner {
            registers: Registers::new(&options),
            handles: 0,
            trace: Vec::new(),
        };
        Self(Arc::new(Shared {
            origin: clock.now(),
            clock,
            changed: Notify::new(),
            options,
            inner: Mutex::new(inner),
        }))
    }

    /// A way to one scope of the store, with troubles of its own: one for each
    /// member.
    #[must_use]
    pub fn handle(&self, scope: &Scope) -> MemoryDcs {
        let number = {
            let mut inner = self.0.lock();
            inner.handles += 1;
            inner.handles - 1
        };
        let options = &self.0.options;
        // Each handle draws from a sequence of its own, so that one more
        // request of one handle does not change the fate of the others.
        let seed = options
            .seed
            .wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let link = Link::new(options.deadline, seed);
        MemoryDcs::new(Arc::clone(&self.0), scope.clone(), number, link)
    }

    /// What stands in a scope this instant: no request, no latency, no fault.
    #[must_use]
    pub fn snapshot(&self, scope: &Scope) -> Snapshot {
        self.0.lock().registers.keys(scope).now.clone()
    }

    /// A third party deletes the leader register, whatever its revision.
    /// Returns whether it was there.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn delete_leader(&self, scope: &Scope) -> bool {
        let deleted = self
            .0
            .third_party(|registers, at| registers.delete_leader(scope, at));
        self.0
            .note(|| format!("{scope}: a third party deletes the leader register: {deleted}"));
        deleted
    }

    /// A third party writes the leader register and leaves every value in it as
    /// it is. Returns the new revision, or `None` where there is no register.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn bump_leader(&self, scope: &Scope) -> Option<Revision> {
        self.snapshot(scope).leader.revision?;
        Some(self.overwrite(scope, |_| ()))
    }

    /// A third party edits the leader record, whatever its revision; it finds
    /// an empty record where none is, or none that can be read. Returns the new
    /// revision.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use dcs_memory::MemoryStore;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), dcs_core::NameError> {
    /// # let scope = "demo".parse()?;
    /// # let store = MemoryStore::new(Arc::new(dcs_core::TokioClock::new()));
    /// let name = "demo-1".parse()?;
    /// store.edit_leader(&scope, |record| record.holder = Some(name));
    /// assert_eq!(store.snapshot(&scope).holder().unwrap().as_str(), "demo-1");
    /// # Ok(()) }
    /// ```
    pub fn edit_leader(&self, scope: &Scope, edit: impl FnOnce(&mut LeaderRecord)) -> Revision {
        self.overwrite(scope, |(record, _, _)| {
            let mut edited = record.present().cloned().unwrap_or_default();
            edit(&mut edited);
            *record = Value::Present(edited);
        })
    }

    /// A third party puts something under a key that cannot be read: it shows
    /// as [`Value::Malformed`] with this reason.
    pub fn spoil(&self, scope: &Scope, key: &Key, why: &str) {
        let malformed = || why.to_owned();
        match key {
            Key::Leader => drop(self.overwrite(scope, |r| r.0 = Value::Malformed(malformed()))),
            Key::Status => drop(self.overwrite(scope, |r| r.1 = Value::Malformed(malformed()))),
            Key::Failsafe => drop(self.overwrite(scope, |r| r.2 = Value::Malformed(malformed()))),
            _ => {
                self.0
                    .third_party(|registers, at| registers.spoil(scope, key, why, at));
                self.0
                    .note(|| format!("{scope}: a third party spoils {key}"));
            }
        }
    }

    /// A line for every commit, answer and watch item since the start, each
    /// with the time on the store's clock; empty unless
    /// [asked for](MemoryOptions::with_trace). The same program with the same
    /// seed on a clock that is virtual gives the same lines.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.0.lock().trace.clone()
    }

    fn overwrite(&self, scope: &Scope, edit: impl FnOnce(&mut LeaderRegister)) -> Revision {
        let revision = self.0.third_party(|registers, at| {
            let mut value = registers.keys(scope).leader_register();
            edit(&mut value);
            registers.overwrite_leader(scope, value, at)
        });
        self.0
            .note(|| format!("{scope}: a third party writes the leader register: {revision:?}"));
        revision
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic of a test leaves whole registers behind: every change is
        // made of moves that do not panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        if !self.options.trace {
            return;
        }
        let at = self.clock.now().holder_elapsed_since(self.origin);
        let line = format!("{:>12} {}", at.as_micros(), line());
        self.lock().trace.push(line);
    }

    fn third_party<T>(&self, edit: impl FnOnce(&mut Registers, Stamp) -> T) -> T {
        let at = self.clock.now();
        let result = edit(&mut self.lock().registers, at);
        self.changed.notify_waiters();
        result
    }
}

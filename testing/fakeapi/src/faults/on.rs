//! Which requests a fault is for.

use super::Request;
use crate::target::Verb;

/// Which requests a fault happens to: those for which all that is said holds.
///
/// ```
/// use dcs_fakeapi::{On, Verb};
///
/// let second_write_of_the_lock = On::writes().kind("configmaps").name("lock").nth(2);
/// let all_that_one_client_sends = On::any().client("member-0");
/// ```
#[derive(Clone, Debug, Default)]
pub struct On {
    verbs: Vec<Verb>,
    only_writes: bool,
    only_reads: bool,
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    client: Option<String>,
    skip: u64,
    times: Option<u64>,
    seen: u64,
}

impl On {
    /// Every request.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests that may change something.
    #[must_use]
    pub fn writes() -> Self {
        Self {
            only_writes: true,
            ..Self::default()
        }
    }

    /// get, list and watch.
    #[must_use]
    pub fn reads() -> Self {
        Self {
            only_reads: true,
            ..Self::default()
        }
    }

    /// Only with this verb; said again, with this one too.
    #[must_use]
    pub fn verb(mut self, verb: Verb) -> Self {
        self.verbs.push(verb);
        self
    }

    /// Only of this kind, by its name in paths: `configmaps`, `leases`.
    #[must_use]
    pub fn kind(mut self, plural: impl Into<String>) -> Self {
        self.kind = Some(plural.into());
        self
    }

    /// Only in this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Only of the object with this name; a create has none in its path.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Only from the client of this name: see [`FakeApi::client_named`].
    ///
    /// [`FakeApi::client_named`]: crate::FakeApi::client_named
    #[must_use]
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.client = Some(client.into());
        self
    }

    /// Lets the first `count` pass.
    #[must_use]
    pub const fn skip(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// Happens `count` times, and no more.
    #[must_use]
    pub const fn times(mut self, count: u64) -> Self {
        self.times = Some(count);
        self
    }

    /// Happens to the first one only.
    #[must_use]
    pub const fn once(self) -> Self {
        self.times(1)
    }

    /// Happens to the `n`th only, counted from 1 from now on; 0 is taken as 1.
    #[must_use]
    pub const fn nth(self, n: u64) -> Self {
        self.skip(n.saturating_sub(1)).times(1)
    }

    /// Whether the request is meant. Counts it.
    pub(super) fn fires(&mut self, request: Request<'_>) -> bool {
        if !self.matches(request) {
            return false;
        }
        self.seen += 1;
        let past = self.seen > self.skip;
        past && self
            .times
            .is_none_or(|times| self.seen - self.skip <= times)
    }

    pub(crate) fn matches(&self, request: Request<'_>) -> bool {
        let target = request.target;
        let is = |wanted: &Option<String>, given: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| given == Some(wanted))
        };
        (self.verbs.is_empty() || self.verbs.contains(&target.verb))
            && (!self.only_writes || target.verb.is_write())
            && (!self.only_reads || !target.verb.is_write())
            && is(&self.kind, Some(target.kind.facts().plural))
            && is(&self.namespace, target.namespace.as_deref())
            && is(&self.name, target.name.as_deref())
            && is(&self.client, Some(request.client))
    }

    pub(super) fn is_of(&self, client: &str) -> bool {
        self.client.as_deref() == Some(client)
    }
}

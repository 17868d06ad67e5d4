//! What a fault does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Reply;

/// What happens to a request.
///
/// A request that was delayed before it is applied is on its way: it is applied
/// also if the client gives it up meanwhile.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// It arrives later.
    DelayBefore(Duration),
    /// It is applied at once, and answered later.
    DelayAfter(Duration),
    /// The connection breaks before the server has it: nothing is applied.
    LoseRequest,
    /// It is applied, and the connection breaks before the answer comes.
    LoseAnswer,
    /// Nobody listens: the connection is refused.
    Refuse,
    /// It is swallowed: not applied, and never answered.
    Hang,
    /// It is applied, and never answered.
    HangAfter,
    /// It arrives twice, one right after the other; the client gets the answer
    /// to the second.
    Duplicate,
    /// It is answered, and arrives once more after this time.
    Replay(Duration),
    /// This answer in its place: nothing is applied.
    Answer(Reply),
    /// It is applied, and this is the answer.
    AnswerAfter(Reply),
    /// 401 with the words of the real server.
    Unauthorized,
    /// 403 with the words of RBAC: the user has no such right.
    Forbid,
    /// The body of the answer breaks off in the middle. Of a watch: in the
    /// middle of its next line.
    CutBody,
    /// The body of the answer ends in the middle, as if that were its end.
    TruncateBody,
    /// The body comes in pieces of 16 bytes, with this pause between them.
    Trickle(Duration),
    /// Reads are answered from a cache that lags behind. A real server does
    /// that for lists and gets with a resourceVersion, and for watches.
    Stale(Lag),
    /// The watch opens, and this becomes of it.
    Disturb(Disturbance),
    /// 410 as an HTTP status.
    Gone,
    /// The answer is changed on its way; of a watch, each line.
    EditAnswer(Edit),
    /// The body of the request is changed before it is applied, as an admission
    /// webhook may do.
    EditRequest(Edit),
}

/// How far a cache is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lag {
    /// By this many revisions.
    Revisions(u64),
    /// By this time.
    Time(Duration),
    /// It stands still at this revision.
    At(u64),
}

/// What becomes of an open watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disturbance {
    /// It ends, as watches do.
    Close,
    /// Its connection breaks.
    Break,
    /// Its connection breaks in the middle of a line.
    CutLine,
    /// Nothing comes any more, not even its end: a connection that is half open.
    Silence,
    /// An event of type ERROR with code 410 ends it.
    Gone,
}

/// A change of a JSON document.
#[derive(Clone)]
pub struct Edit(Arc<dyn Fn(&mut Value) + Send + Sync>);

impl Edit {
    /// A change by this function.
    pub fn new(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self(Arc::new(change))
    }

    /// The document after the change. What is no JSON stays as it is.
    pub(crate) fn apply(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut value: Value = serde_json::from_slice(text).ok()?;
        (self.0)(&mut value);
        Some(value.to_string().into_bytes())
    }
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edit").finish_non_exhaustive()
    }
}

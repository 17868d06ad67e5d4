use std::fmt;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dcs_core::{Dcs, WatchStream};
use dcs_memory::MemoryStore;
use futures_util::StreamExt;

use crate::scope;

/// Longer than any bench: nobody re-opens a watch.
const SILENCE: Duration = Duration::from_secs(86_400);

/// Those who watch the scope of the benches, each over a handle of its own.
pub struct Audience(Vec<WatchStream>);

impl Audience {
    /// So many watchers, who have seen what is there and wait for more.
    #[must_use]
    pub fn new(store: &MemoryStore, watchers: usize) -> Self {
        let open = |_| store.handle(&scope()).watch(SILENCE);
        let mut audience = Self((0..watchers).map(open).collect());
        audience.read();
        audience
    }

    /// Lets each of them read all that there is, and wait again. Returns how
    /// many items they got together.
    ///
    /// # Panics
    /// If a watch ends, which it never should.
    pub fn read(&mut self) -> usize {
        let mut context = Context::from_waker(Waker::noop());
        let mut items = 0;
        for watch in &mut self.0 {
            while let Poll::Ready(item) = watch.poll_next_unpin(&mut context) {
                assert!(matches!(item, Some(Ok(_))), "a watch failed or ended");
                items += 1;
            }
        }
        items
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience")
            .field("watchers", &self.0.len())
            .finish()
    }
}

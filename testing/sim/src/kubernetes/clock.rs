//! The server's time is that of the history.

use std::sync::Arc;
use std::time::Duration;

use dcs_core::{Clock, Stamp};
use futures_util::future::BoxFuture;

#[derive(Debug)]
pub(super) struct Virtual {
    clock: Arc<dyn Clock>,
    began: Stamp,
}

impl Virtual {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let began = clock.now();
        Self { clock, began }
    }
}

impl dcs_fakeapi::Clock for Virtual {
    fn now(&self) -> Duration {
        self.clock.now().holder_elapsed_since(self.began)
    }

    fn sleep_until(&self, due: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep(due.saturating_sub(self.now()))
    }
}

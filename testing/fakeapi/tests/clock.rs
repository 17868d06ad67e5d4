//! Time of one's own: without delays the server needs no runtime then.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use dcs_fakeapi::{Action, Clock, FakeApi, On, Options};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, poll_fn};
use serde_json::Value;

use crate::support::{MAPS, Said, Watch, send};

/// Time that goes on when it is told to.
#[derive(Clone, Debug, Default)]
struct ByHand(Arc<Mutex<(Duration, Vec<Waker>)>>);

impl ByHand {
    fn pass(&self, time: Duration) {
        let mut state = self.0.lock().unwrap();
        state.0 += time;
        state.1.drain(..).for_each(Waker::wake);
    }
}

impl Clock for ByHand {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().0
    }

    fn sleep_until(&self, due: Duration) -> BoxFuture<'static, ()> {
        let state = Arc::clone(&self.0);
        Box::pin(poll_fn(move |context| {
            let mut state = state.lock().unwrap();
            if state.0 >= due {
                return Poll::Ready(());
            }
            state.1.push(context.waker().clone());
            Poll::Pending
        }))
    }
}

fn server() -> (FakeApi, ByHand) {
    let clock = ByHand::default();
    let options = Options::new().clock(Arc::new(clock.clone()));
    (FakeApi::with_options(options), clock)
}

#[test]
fn a_watch_ends_by_the_clock_that_was_handed_in() {
    let (fake, clock) = server();
    let query = "&resourceVersion=1&timeoutSeconds=100";
    let mut watch = Watch::open(&fake, query).now_or_never().unwrap();
    assert_eq!(watch.next().now_or_never(), None);
    clock.pass(Duration::from_secs(99));
    assert_eq!(watch.next().now_or_never(), None);
    clock.pass(Duration::from_secs(1));
    let ended = Said::Ended(String::new());
    assert_eq!(watch.next().now_or_never(), Some(ended));
}

#[test]
fn an_answer_is_delayed_by_the_clock_that_was_handed_in() {
    let (fake, clock) = server();
    let second = Duration::from_secs(1);
    fake.fault(On::any(), Action::DelayAfter(second));
    let mut answer = Box::pin(send(&fake, ("GET", MAPS), &Value::Null));
    assert!(answer.as_mut().now_or_never().is_none());
    clock.pass(second);
    let answer = answer.now_or_never().unwrap().unwrap();
    assert_eq!(answer.status(), 200);
}

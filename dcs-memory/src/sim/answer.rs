//! One answer, and who waits for it.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::executor::lock;

/// A place for one answer, and who waits for it.
pub(super) struct Answer<T>(Arc<Mutex<(Option<T>, Option<Waker>)>>);

impl<T> Answer<T> {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new((None, None))))
    }

    /// The end that gives the answer.
    pub(super) fn giver(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    pub(super) fn give(self, answer: T) {
        let waker = {
            let mut place = lock(&self.0);
            place.0 = Some(answer);
            place.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether nobody waits any more.
    pub(super) fn is_given_up(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl<T> Future for Answer<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut place = lock(&self.0);
        if let Some(answer) = place.0.take() {
            return Poll::Ready(answer);
        }
        place.1 = Some(context.waker().clone());
        Poll::Pending
    }
}

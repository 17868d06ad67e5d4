//! What a handle remembers of what it wrote and read.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dcs_core::{Precondition, Revision};

use crate::client::PAGE;
use crate::own_pod::OwnPod;
use crate::size::Sizes;
use crate::subsets::Subset;

/// Lists begin with no smaller pages than this, however often the server did not
/// answer: that may have been an outage, and a list after it is not to be a storm.
const PAGE_LEAST: usize = PAGE / 16;

/// What a handle remembers. Nothing in it decides who leads: a handle that
/// forgot it all writes the same values, with more in each request.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) sizes: Sizes,
    /// Whether the labels of the own Pod are this handle's to remove.
    pub(crate) labelled: AtomicBool,
    /// Whether the Service of the config object need not be made any more.
    pub(crate) service_settled: AtomicBool,
    /// The addresses of the leader object at one revision.
    subsets: Mutex<Option<(Revision, Vec<Subset>)>>,
    own_pod: Mutex<Option<OwnPod>>,
    /// Entries of the next page of Pods; zero where nothing speaks against a
    /// whole one.
    page: AtomicUsize,
}

impl Memory {
    /// The addresses in the version that a write expects, where exactly that
    /// version is remembered.
    pub(crate) fn subsets_at(&self, expected: Precondition) -> Option<Vec<Subset>> {
        let last = lock(&self.subsets);
        let (revision, subsets) = last.as_ref()?;
        (expected == Precondition::Matches(*revision)).then(|| subsets.clone())
    }

    pub(crate) fn saw_subsets(&self, revision: Revision, subsets: Option<Vec<Subset>>) {
        *lock(&self.subsets) = subsets.map(|subsets| (revision, subsets));
    }

    /// Entries of the page of Pods that is asked for next.
    pub(crate) fn page(&self) -> usize {
        match self.page.load(Ordering::Relaxed) {
            0 => PAGE,
            page => page,
        }
    }

    /// A page of so many Pods was too long, or did not come whole in its time:
    /// the next list begins with a smaller one.
    pub(crate) fn page_was_too_long(&self, page: usize) {
        self.page
            .store((page / 2).max(PAGE_LEAST), Ordering::Relaxed);
    }

    /// A whole list came in pages of so many Pods: the next one may try more.
    pub(crate) fn page_was_well(&self, page: usize) {
        self.page.store((page * 2).min(PAGE), Ordering::Relaxed);
    }

    pub(crate) fn own_pod(&self) -> Option<OwnPod> {
        lock(&self.own_pod).clone()
    }

    pub(crate) fn saw_own_pod(&self, pod: OwnPod) {
        *lock(&self.own_pod) = Some(pod);
    }
}

/// Each value is replaced as a whole, so none is half written where a holder
/// of the lock panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_leaves_pages_that_are_not_small_and_grow_again() {
        let memory = Memory::default();
        assert_eq!(memory.page(), PAGE);
        for _ in 0..20 {
            memory.page_was_too_long(memory.page());
        }
        assert_eq!(memory.page(), 31);
        for page in [62, 124, 248, 496, 500, 500] {
            memory.page_was_well(memory.page());
            assert_eq!(memory.page(), page);
        }
    }
}

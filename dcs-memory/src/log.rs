//! What happened lately, for those who watch.

use std::collections::VecDeque;

use dcs_core::{Stamp, Update};

/// The latest updates of one scope, each with a number. Numbers are not used
/// again, so a watcher needs to remember one number and the log no watcher.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    next: u64,
    capacity: usize,
    entries: VecDeque<Logged>,
}

#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) at: Stamp,
    pub(crate) update: Update,
}

/// What a watcher who has seen everything before a number gets.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Next(&'a Logged),
    Nothing,
    /// It fell behind: what came next is not known any more.
    Gap,
}

impl Log {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self {
            next: 0,
            capacity,
            entries: VecDeque::new(),
        }
    }

    /// The number that the next update will have.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn push(&mut self, at: Stamp, update: Update) {
        self.entries.push_back(Logged { at, update });
        self.next += 1;
        while self.entries.len() > self.capacity {
            self.entries.pop_front();
        }
    }

    pub(crate) fn get(&self, number: u64) -> Found<'_> {
        let behind = usize::try_from(self.next.saturating_sub(number)).unwrap_or(usize::MAX);
        if behind == 0 {
            return Found::Nothing;
        }
        match self.entries.len().checked_sub(behind) {
            Some(index) => self.entries.get(index).map_or(Found::Gap, Found::Next),
            None => Found::Gap,
        }
    }
}

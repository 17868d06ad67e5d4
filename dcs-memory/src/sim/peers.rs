//! What members ask of each other, past the store.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dcs_core::MemberName;
use futures_util::Stream;
use futures_util::future::{Either, select};

use super::answer::Answer;
use super::executor::{Nanos, lock};
use super::fate::Fate;
use super::net::nanos;
use super::node::Node;
use super::world::{Process, World};

/// A question of another member, under way to its answer.
#[must_use = "whoever asked waits for an answer"]
pub struct Question {
    /// What is asked.
    pub text: String,
    world: Arc<World>,
    giver: Answer<String>,
    back: Nanos,
}

/// What others ask of one process, in the order in which it arrives.
#[derive(Debug)]
pub struct Questions(Arc<Mutex<Inbox>>);

#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: VecDeque<Question>,
    waker: Option<Waker>,
}

impl Node {
    /// What others ask of this process from now on. One stream a process: a
    /// second one takes the place of the first.
    #[must_use]
    pub fn questions(&self) -> Questions {
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        self.world().open_inbox(self.process(), Arc::clone(&inbox));
        Questions(inbox)
    }

    /// Asks a member, past the store, and waits for at most `limit`. It reaches
    /// the process of that name that started last. What goes wrong with single
    /// messages goes wrong here as well; who is cut off from the store is not
    /// cut off from the others.
    ///
    /// # Cancel safety
    /// If the future is dropped the question may still be answered.
    pub async fn ask(&self, member: &MemberName, text: String, limit: Duration) -> Option<String> {
        let answer = self.world().send_question(self.process(), member, text);
        match select(answer, self.clock().sleep(limit)).await {
            Either::Left((answer, _)) => Some(answer),
            Either::Right(((), _)) => None,
        }
    }
}

impl Question {
    /// Answers.
    pub fn answer(self, text: String) {
        let Self {
            world, giver, back, ..
        } = self;
        world.executor.after(back, move || giver.give(text));
    }
}

impl World {
    fn open_inbox(&self, process: usize, inbox: Arc<Mutex<Inbox>>) {
        lock(&self.processes)[process].inbox = Some(inbox);
    }

    fn send_question(
        self: &Arc<Self>,
        from: usize,
        to: &MemberName,
        text: String,
    ) -> Answer<String> {
        let (number, fate, ways) = self.fate(from, false);
        self.note(|| format!("p{from} #{number} asks {to}: {text}"));
        let answer = Answer::new();
        if fate.is_lost || fate.loses_answer {
            return answer;
        }
        let (world, to, giver) = (Arc::clone(self), to.clone(), answer.giver());
        self.executor.after(ways[0] + nanos(fate.late), move || {
            world.deliver_question(&to, text, giver, way_back(fate, ways));
        });
        answer
    }

    fn deliver_question(
        self: &Arc<Self>,
        to: &MemberName,
        text: String,
        giver: Answer<String>,
        back: Nanos,
    ) {
        let inbox = {
            let processes = lock(&self.processes);
            let is_meant = |process: &&Process| process.is_alive && process.name == *to;
            let latest = processes.iter().rfind(is_meant);
            latest.and_then(|process| process.inbox.clone())
        };
        let Some(inbox) = inbox else {
            return;
        };
        let waker = {
            let mut inbox = lock(&inbox);
            inbox.waiting.push_back(Question {
                text,
                world: Arc::clone(self),
                giver,
                back,
            });
            inbox.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn way_back(fate: Fate, ways: [Nanos; 2]) -> Nanos {
    ways[1] + nanos(fate.late_answer)
}

impl Stream for Questions {
    type Item = Question;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Question>> {
        let mut inbox = lock(&self.0);
        if let Some(question) = inbox.waiting.pop_front() {
            return Poll::Ready(Some(question));
        }
        inbox.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question")
            .field("text", &self.text)
            .finish_non_exhaustive()
    }
}

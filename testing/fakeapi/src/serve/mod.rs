//! What the server does with a request, at one moment.

mod delete;
mod read;
mod watch_call;
mod write;

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use http::HeaderMap;

use crate::print::Form;
use crate::query::Query;
use crate::status::Refusal;
use crate::store::Store;
use crate::target::{Target, Verb};
use crate::time::Time;
use crate::watch::Call;

/// A request, taken apart as far as it goes.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) target: Target,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What comes back.
#[derive(Debug)]
pub(crate) enum Answer {
    Object(u16, Bytes),
    Watch(Box<Call>),
}

/// What a request is served from.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) rng: &'a mut Rng,
    pub(crate) time: &'a Time,
    /// What reads see; less than the newest where their cache lags behind.
    pub(crate) visible: u64,
    pub(crate) streaming_lists: bool,
}

impl World<'_> {
    pub(crate) fn serve(&mut self, asked: &Asked) -> Result<Answer, Refusal> {
        let form = Form::of(&asked.headers)?;
        match asked.target.verb {
            Verb::Get => self.get(asked, form),
            Verb::List => self.list(asked, form),
            Verb::Watch => self.watch(asked, form),
            Verb::Create => self.create(asked, form),
            Verb::Update => self.update(asked, form),
            Verb::Patch => self.patch(asked, form),
            Verb::Delete => self.delete(asked, form),
            Verb::DeleteCollection => Err(Refusal::unsupported("deletions of whole collections")),
        }
    }

    fn now(&self) -> Duration {
        self.time.elapsed()
    }

    /// A uid of version 4, from the seed.
    fn uid(&mut self) -> String {
        uid(self.rng)
    }

    /// Five characters that spell no words.
    fn suffix(&mut self) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..5)
            .map(|_| char::from(LETTERS[self.rng.usize(..LETTERS.len())]))
            .collect()
    }
}

/// Sixteen bytes by chance, as a UUID of version 4.
pub(crate) fn uid(rng: &mut Rng) -> String {
    let digits = format!("{:032x}", rng.u128(..));
    let variant = ["8", "9", "a", "b"][rng.usize(..4)];
    format!(
        "{}-{}-4{}-{variant}{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..15],
        &digits[15..18],
        &digits[18..30]
    )
}

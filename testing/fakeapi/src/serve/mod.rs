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

    fn uid(&mut self) -> String {
        let bits = self.rng.u128(..);
        let (a, b) = ((bits >> 96) as u32, (bits >> 80) as u16);
        let (c, d) = ((bits >> 64) as u16 & 0xfff, (bits >> 48) as u16 & 0x3fff);
        let e = bits & 0xffff_ffff_ffff;
        format!("{a:08x}-{b:04x}-4{c:03x}-{:04x}-{e:012x}", d | 0x8000)
    }

    /// Five characters that spell no words.
    fn suffix(&mut self) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..5)
            .map(|_| char::from(LETTERS[self.rng.usize(..LETTERS.len())]))
            .collect()
    }
}

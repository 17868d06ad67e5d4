//! Where in which file, and what is said about it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A line of a file. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: Arc<Path>,
    pub(crate) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Why a file cannot be judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{}: cannot be read: {source}", file.display())]
    Unreadable {
        file: Arc<Path>,
        source: std::io::Error,
    },
    #[error("{place}: {fault}")]
    Line { place: Place, fault: Fault },
}

/// What is wrong with one line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the line is empty")]
    Blank,
    #[error("no event: {what}, in column {column}: {text}")]
    Malformed {
        what: String,
        column: usize,
        text: String,
    },
    #[error("event {0:?} is unknown")]
    UnknownEvent(String),
    #[error("member is an empty text")]
    NamelessMember,
    #[error("token {token:?} {why}")]
    BadToken { token: String, why: &'static str },
    #[error("{event} of {member:?} has no {field}")]
    Lacks {
        event: &'static str,
        member: String,
        field: &'static str,
    },
    #[error("{event} of {member:?}, who was never elected before it in this file")]
    NeverElected { event: &'static str, member: String },
    #[error("{event} of {member:?}, whose term {token} is already over")]
    AlreadyOver {
        event: &'static str,
        member: String,
        token: u128,
    },
    #[error("{event} of {member:?} has token {found}, but its term is {open}")]
    OtherToken {
        event: &'static str,
        member: String,
        found: u128,
        open: u128,
    },
    #[error("{event} of {member:?} at_ms {at_ms}, before its term {token} began at {from_ms}")]
    BeforeBegin {
        event: &'static str,
        member: String,
        token: u128,
        at_ms: u64,
        from_ms: u64,
    },
    #[error("elected of {member:?} until_ms {until_ms}, before it began at_ms {at_ms}")]
    EndsBeforeBegin {
        member: String,
        at_ms: u64,
        until_ms: u64,
    },
    #[error(
        "renewed of {member:?} takes until_ms back from {before} to {until_ms}, before its own at_ms {at_ms}"
    )]
    TakenBack {
        member: String,
        at_ms: u64,
        before: u64,
        until_ms: u64,
    },
}

/// Something odd that does not spoil the judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) place: Place,
    pub(crate) text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

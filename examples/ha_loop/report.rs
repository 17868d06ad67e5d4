//! How ha-loop tells what happens: JSON lines, text, or a live view.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind, IsTerminal, Write, stdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use dcs_core::duties::NotNow;
use dcs_core::election::{ElectionEvent, EventKind, Events};
use dcs_core::{Clock, Key, MemberName, Snapshot, Timestamp};
use futures::StreamExt;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::args::Output;

/// Tells what happens. Clones tell on the same output.
#[derive(Clone)]
pub(crate) struct Report {
    how: How,
    ended: Arc<tokio::sync::watch::Sender<Option<ErrorKind>>>,
}

#[derive(Clone)]
enum How {
    Json,
    Text,
    Live(Live),
}

/// One line for each member, with the rest of its lease as a bar.
#[derive(Clone, Default)]
struct Live {
    screen: MultiProgress,
    bars: Arc<Mutex<BTreeMap<MemberName, ProgressBar>>>,
}

/// One thing that happened, as a line of JSON: every field is there, or null.
#[derive(Serialize)]
struct Line<'a> {
    at_ms: i64,
    member: &'a str,
    event: &'static str,
    leader: Option<&'a str>,
    token: Option<String>,
    until_ms: Option<i64>,
}

impl Report {
    pub(crate) fn new(output: Output) -> Self {
        let how = match output {
            Output::Json => How::Json,
            Output::Text if stdout().is_terminal() => How::Live(Live::default()),
            Output::Text => How::Text,
        };
        Self {
            how,
            ended: Arc::new(tokio::sync::watch::channel(None).0),
        }
    }

    /// Whether a person watches, so that virtual time has to be slowed down.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.how, How::Live(_))
    }

    /// Completes once the output takes no more.
    pub(crate) async fn ended(&self) {
        let mut ended = self.ended.subscribe();
        // The sender lives as long as this report.
        let _ = ended.wait_for(Option::is_some).await;
    }

    /// Whether all could be told, or the reader was satisfied before.
    pub(crate) fn is_whole(&self) -> std::io::Result<()> {
        match *self.ended.borrow() {
            None | Some(ErrorKind::BrokenPipe) => Ok(()),
            Some(kind) => Err(kind.into()),
        }
    }

    /// Tells all that happens in the election, as `me` sees it, until it ends.
    pub(crate) async fn tell_all(self, me: MemberName, mut events: Events) {
        while let Some(event) = events.next().await {
            self.election(&me, &event);
        }
    }

    fn election(&self, me: &MemberName, event: &ElectionEvent) {
        let (name, leader, token, until) = match &event.kind {
            EventKind::Elected { token, until } => ("elected", Some(me), Some(token), Some(until)),
            EventKind::Renewed { token, until } => ("renewed", Some(me), Some(token), Some(until)),
            EventKind::Lost { token, .. } => ("lost", Some(me), Some(token), None),
            EventKind::Released { token } => ("released", Some(me), Some(token), None),
            EventKind::Leader { holder, .. } => ("leader", holder.as_ref(), None, None),
            EventKind::Waiting { remaining } => {
                let wait = humantime::format_duration(Duration::from_secs(remaining.as_secs()));
                return self.note(&format!(
                    "{me} waits {wait}: what it saw may belong to a leader still"
                ));
            }
            EventKind::Adjusted(adjusted) => {
                return tracing::warn!(member = %me, ?adjusted, "adjusted");
            }
            EventKind::Alarm(alarm) => return tracing::error!(member = %me, ?alarm, "alarm"),
            EventKind::Trouble { what, why } => {
                return tracing::warn!(member = %me, "{what} failed: {why}");
            }
            _ => return,
        };
        self.tell(&Line {
            at_ms: event.at.as_millis(),
            member: me.as_str(),
            event: name,
            leader: leader.map(MemberName::as_str),
            token: token.map(ToString::to_string),
            until_ms: until.map(|until| until.as_millis()),
        });
    }

    /// Something that was seen in the store.
    pub(crate) fn seen(
        &self,
        clock: &dyn Clock,
        me: &MemberName,
        event: &'static str,
        view: &Snapshot,
    ) {
        self.tell(&Line {
            at_ms: Timestamp::from_system_time(clock.wall()).as_millis(),
            member: me.as_str(),
            event,
            leader: view.holder().map(MemberName::as_str),
            token: None,
            until_ms: None,
        });
    }

    /// Something for people only.
    pub(crate) fn note(&self, text: &str) {
        match &self.how {
            How::Json => {}
            How::Text => self.line(&format!("-- {text}")),
            How::Live(live) => live.line(&format!("-- {text}")),
        }
    }

    /// How often a member looks after itself if nothing happens: as often as the
    /// loop asks for, or as a person expects a bar to move.
    pub(crate) fn tick(&self, loop_wait: Duration) -> Duration {
        if self.is_live() {
            loop_wait.min(Duration::from_millis(500))
        } else {
            loop_wait
        }
    }

    /// Says once which keys cannot be read, and are left as they are. Of the
    /// leader key the elector tells.
    pub(crate) fn malformed(&self, me: &MemberName, view: &Snapshot, told: &mut Vec<String>) {
        let malformed = view
            .malformed()
            .into_iter()
            .filter(|(key, _)| *key != Key::Leader);
        let malformed: Vec<_> = malformed
            .map(|(key, why)| format!("{key} is malformed: {why}"))
            .collect();
        for text in malformed.iter().filter(|text| !told.contains(text)) {
            tracing::error!(member = %me, "{text}; repair or remove it");
            self.note(text);
        }
        *told = malformed;
    }

    /// A member that no longer runs, for the live view.
    pub(crate) fn gone(&self, me: &MemberName, how: &str) {
        if let How::Live(live) = &self.how {
            live.left(me, how, Duration::ZERO, Duration::ZERO);
        }
    }

    /// How much of a member's lease is left, for the live view.
    pub(crate) fn left(&self, me: &MemberName, left: Option<Duration>, of: Duration) {
        if let How::Live(live) = &self.how {
            let state = if left.is_some() { "LEADS" } else { "follows" };
            live.left(me, state, left.unwrap_or_default(), of);
        }
    }

    fn tell(&self, line: &Line<'_>) {
        match &self.how {
            How::Json => self.line(&serde_json::to_string(line).unwrap_or_default()),
            How::Text => self.line(&line.to_string()),
            // The bars show these two.
            How::Live(_) if matches!(line.event, "renewed" | "member") => {}
            How::Live(screen) => screen.line(&line.to_string()),
        }
    }

    /// One flushed line on stdout. A reader that has gone ends the program.
    fn line(&self, text: &str) {
        let mut out = stdout().lock();
        if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) {
            self.ended.send_if_modified(|ended| {
                let first = ended.is_none();
                *ended = ended.take().or(Some(error.kind()));
                first
            });
        }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at_ms,
            member,
            event,
            ..
        } = self;
        let time = |millis: i64| {
            UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
        };
        write!(
            f,
            "{} {member} {event}",
            humantime::format_rfc3339_millis(time(*at_ms))
        )?;
        match &self.token {
            Some(token) => write!(f, ", token {token}")?,
            None => write!(f, ", leader: {}", self.leader.unwrap_or("nobody"))?,
        }
        match self.until_ms {
            Some(until) => write!(
                f,
                ", until {}",
                humantime::format_rfc3339_millis(time(until))
            ),
            None => Ok(()),
        }
    }
}

impl Live {
    fn line(&self, text: &str) {
        // A terminal that has gone cannot be told so.
        let _ = self.screen.println(text);
    }

    fn left(&self, me: &MemberName, state: &str, left: Duration, of: Duration) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(me.clone()).or_insert_with(|| {
            let style = ProgressStyle::with_template("{prefix:>16} {bar:30.green/dim} {msg}");
            let bar = self.screen.add(ProgressBar::new(1));
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(me.to_string());
            bar
        });
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        bar.set_length(millis(of).max(1));
        bar.set_position(millis(left));
        bar.set_message(format!("{state:<10} {:4.1} s", left.as_secs_f32()));
    }
}

/// Says on stderr why a member does not stand for leadership: aloud where somebody
/// may have to do something about it.
pub(crate) fn stands_aside(me: &MemberName, why: &NotNow) {
    match why {
        NotNow::NoData => {
            tracing::warn!(member = %me, "does not lead: {why}; where it never makes any, use --bootstrap");
        }
        why => tracing::info!(member = %me, "does not lead: {why}"),
    }
}

/// Says on stderr that a request failed, with its causes.
pub(crate) fn failed(me: &MemberName, what: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(member = %me, "{what} failed: {}", causes(error));
}

/// An error and its causes, each once: some errors tell their cause themselves.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |error| error.source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

//! The beginning of a watch.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Answer, Asked, World};
use crate::print::Form;
use crate::status::{Cause, Refusal};
use crate::watch::Call;

/// How long a watch lasts that asks for no end.
const LONGEST: Duration = Duration::from_secs(30 * 60);

impl World<'_> {
    pub(super) fn watch(&mut self, asked: &Asked, form: Form) -> Result<Answer, Refusal> {
        let (query, target) = (&asked.query, &asked.target);
        let selector = query.selector()?;
        let seconds = query.number("timeoutSeconds")?;
        let initial = query.get("sendInitialEvents").to_owned();
        check(
            query.get("resourceVersionMatch"),
            &initial,
            self.streaming_lists,
        )?;
        selector.check(target.kind)?;
        let wanted = query.revision().map_err(Refusal::internal)?;
        let mut call = Call {
            target: target.clone(),
            selector,
            form: if form == Form::Whole {
                form
            } else {
                Form::Metadata
            },
            bookmarks: query.is_set("allowWatchBookmarks"),
            lasts: if seconds == 0 {
                LONGEST
            } else {
                Duration::from_secs(seconds)
            },
            seen: wanted.unwrap_or(0),
            first: VecDeque::new(),
        };
        let from_here = initial == "false" && wanted.is_none();
        let shows_all = initial == "true" || matches!(wanted, None | Some(0));
        if from_here {
            call.seen = self.visible;
        } else if shows_all {
            self.show_all(&mut call, initial == "true");
        }
        Ok(Answer::Watch(Box::new(call)))
    }

    /// What is there already comes as if it were new.
    fn show_all(&self, call: &mut Call, ends_with_bookmark: bool) {
        let view = self.store.view_at(call.target.kind, self.visible);
        for stored in view.unwrap_or_default().values() {
            if call.target.holds(&stored.path) && call.selector.matches(&stored.value) {
                call.first
                    .push_back(call.form.event("ADDED", &stored.value, None));
            }
        }
        call.seen = call.seen.max(self.visible);
        if ends_with_bookmark && call.bookmarks {
            call.first
                .push_back(call.form.bookmark(call.target.kind, call.seen, true));
        }
    }
}

fn check(matching: &str, initial: &str, streaming_lists: bool) -> Result<(), Refusal> {
    let field = "resourceVersionMatch";
    let mut causes = Vec::new();
    if !initial.is_empty() && !streaming_lists {
        let why =
            "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
        causes.push(Cause::forbidden("sendInitialEvents", why));
        return Err(Refusal::invalid_options(&causes));
    }
    if initial.is_empty() && !matching.is_empty() {
        let why =
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
        causes.push(Cause::forbidden(field, why));
    }
    if !initial.is_empty() && matching != "NotOlderThan" {
        let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        causes.push(Cause::forbidden(field, why));
    }
    if !matching.is_empty() && matching != "NotOlderThan" {
        causes.push(Cause::unsupported(field, matching, "\"NotOlderThan\""));
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid_options(&causes))
}

//! Tables for people.

use comfy_table::{Table, presets};
use serde_json::Value;

use crate::listing::{Listing, Member};
use crate::output::HISTORY;

/// What stands where a number is not known.
const UNKNOWN: &str = "unknown";

pub(crate) fn listing(listing: &Listing) -> String {
    let initialize = match listing.initialize.as_deref() {
        None => "uninitialized",
        Some("") => "initializing",
        Some(id) => id,
    };
    let mut table = framed();
    table.set_header([
        "Member", "Host", "Role", "State", "TL", "LSN", "Lag", "Tags",
    ]);
    for member in &listing.members {
        table.add_row(row(member));
    }
    let mut text = format!(
        "Cluster: {} ({initialize}), {}\n{table}",
        listing.scope, listing.mode
    );
    let mut say = |line: String| {
        text.push('\n');
        text.push_str(&line);
    };
    match &listing.leader {
        None => say("There is no leader".to_owned()),
        Some(leader) if listing.members.iter().all(|member| member.name != *leader) => {
            say(format!("{leader} leads, and has no Pod here"));
        }
        Some(_) => {}
    }
    if listing.is_paused {
        say("Maintenance mode: on".to_owned());
    }
    if let Some(asked) = &listing.failover {
        say(request(asked));
    }
    for malformed in &listing.malformed {
        say(format!(
            "{} cannot be read: {}",
            malformed.key, malformed.why
        ));
    }
    text
}

/// A request to hand over, in one line.
pub(crate) fn request(request: &Value) -> String {
    let word = |name: &str| request[name].as_str().unwrap_or("anyone").to_owned();
    let when = request["scheduled_at"].as_str().unwrap_or("now");
    format!(
        "Switchover asked for: at {when}, from {} to {}",
        word("leader"),
        word("member")
    )
}

pub(crate) fn history(lines: &[Value]) -> String {
    let mut table = framed();
    table.set_header(HISTORY);
    for line in lines {
        table.add_row(HISTORY.map(|column| text(&line[column])));
    }
    table.to_string()
}

fn row(member: &Member) -> [String; 8] {
    let leads = member.role.ends_with("Leader");
    let absent = || if leads { "" } else { UNKNOWN }.to_owned();
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    [
        member.name.clone(),
        member.host.clone().unwrap_or_default(),
        member.role.to_owned(),
        member.state.clone().unwrap_or_default(),
        number(member.timeline).unwrap_or_default(),
        member.lsn.clone().unwrap_or_else(absent),
        number(member.lag).unwrap_or_else(absent),
        tags(member),
    ]
}

fn tags(member: &Member) -> String {
    let tags = member.tags.iter();
    let tags: Vec<_> = tags
        .map(|(name, value)| format!("{name}: {}", text(value)))
        .collect();
    tags.join(", ")
}

/// A value as a cell: text without its quotes.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn framed() -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table
}

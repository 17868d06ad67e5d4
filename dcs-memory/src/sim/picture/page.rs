//! The page around the picture.

use std::fmt::{self, Display, Formatter};

use super::chart;
use super::layout::Layout;
use super::table;
use super::text::{Count, Safe, Seconds};
use crate::sim::simulation::History;

const STYLE: &str = include_str!("style.css");

/// The page of a history that was traced.
pub(super) struct Page<'a> {
    pub(super) history: &'a History,
    pub(super) layout: Layout<'a>,
    /// Whether only a part of the history is drawn.
    pub(super) is_part: bool,
}

/// The page of one that was not.
pub(super) struct Untraced<'a>(pub(super) &'a History);

impl Display for Page<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        begin(f, self.history)?;
        self.tell(f)?;
        f.write_str(LEGEND)?;
        chart::draw(f, &self.layout)?;
        table::draw(f, &self.layout)?;
        f.write_str("</body>\n</html>\n")
    }
}

impl Page<'_> {
    fn tell(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (history, layout) = (self.history, &self.layout);
        verdict(f, history, layout.violation.is_some())?;
        facts(f, history)?;
        if !self.is_part {
            return Ok(());
        }
        let span = layout.view.span;
        let (from, to) = (Seconds(span.from), Seconds(span.to));
        write!(f, "<p>Only the stretch from {from} s to {to} s is shown")?;
        if layout.gone > 0 {
            write!(f, "; processes that had ended before it: {}", layout.gone)?;
        }
        f.write_str(".</p>\n")
    }
}

impl Display for Untraced<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        begin(f, self.0)?;
        verdict(f, self.0, false)?;
        facts(f, self.0)?;
        f.write_str(
            "<h2>There is no picture</h2>\n\
             <p>This history was not traced, so nothing was kept that could be drawn. Run the same \
             simulation again with <code>Simulation::traced()</code>: \
             <code>simulation.traced().run(program).to_html()</code>. The history will be the same \
             one.</p>\n</body>\n</html>\n",
        )
    }
}

fn begin(f: &mut Formatter<'_>, history: &History) -> fmt::Result {
    let title = Title(history);
    f.write_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")?;
    f.write_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")?;
    // Nothing is fetched and nothing runs: a page from elsewhere is safe to open.
    f.write_str(
        "<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    )?;
    writeln!(f, "<title>{}</title>", Safe(&title))?;
    writeln!(f, "<style>\n{STYLE}</style>\n</head>\n<body>")?;
    writeln!(f, "<h1>{}</h1>", Safe(&title))
}

fn verdict(f: &mut Formatter<'_>, history: &History, is_drawn: bool) -> fmt::Result {
    let Some(violation) = &history.violation else {
        return f.write_str("<p class=\"good\">All as promised.</p>\n");
    };
    write!(f, r#"<p class="bad">{}."#, Safe(violation))?;
    if is_drawn {
        f.write_str(" <a href=\"#violation\">Show it</a>.")?;
    }
    f.write_str("</p>\n")
}

fn facts(f: &mut Formatter<'_>, history: &History) -> fmt::Result {
    let counts = &history.counts;
    let length = history.length.as_secs_f64();
    let lost = Count(counts.lost, "term");
    writeln!(
        f,
        "<p class=\"muted\">{length:.3} s. {lost} lost, {} released; {}, {} committed; {}.{}</p>",
        counts.released,
        Count(counts.renewals, "renewal"),
        Count(counts.writes, "lease write"),
        Count(counts.alarms, "alarm"),
        if history.is_hostile {
            " A third party writes the leader key."
        } else {
            ""
        }
    )
}

/// Seed, members, terms, verdict.
struct Title<'a>(&'a History);

impl Display for Title<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let history = self.0;
        let members = u64::try_from(history.nodes).unwrap_or(u64::MAX);
        let members = Count(members, "member");
        let terms = Count(history.counts.terms, "term");
        write!(f, "Seed {}, {members}, {terms}: ", history.seed)?;
        match &history.violation {
            Some(violation) => write!(f, "{} broken", violation.invariant.name()),
            None => f.write_str("all as promised"),
        }
    }
}

const LEGEND: &str = r#"<ul class="legend">
<li><svg width="26" height="16"><rect class="life" y="1" width="26" height="14"/></svg>runs</li>
<li><svg width="26" height="16"><rect class="belief" y="1" width="26" height="14"/><text class="token" x="4" y="12">17</text></svg>believes, with its fencing token</li>
<li><svg width="26" height="16"><rect class="stopped" x=".5" y=".5" width="25" height="15"/></svg>stands still</li>
<li><svg width="26" height="16"><rect class="cut" y="7" width="26" height="3"/></svg>is cut off</li>
<li><svg width="10" height="16"><line class="killed" x1="5" y1="0" x2="5" y2="16"/></svg>is killed</li>
<li><svg width="30" height="16"><circle class="write committed" cx="4" cy="8" r="2.6"/><circle class="write unknown" cx="14" cy="8" r="2.6"/><path class="write refused" d="M21.5 5.5l5 5m0 -5l-5 5"/></svg>lease write: committed, unanswered, refused</li>
<li><svg width="10" height="16"><rect class="write committed" x="2.6" y="5.6" width="4.8" height="4.8"/></svg>one without a holder, as a release is</li>
<li><svg width="10" height="16"><line class="astray" x1="5" y1="4" x2="5" y2="12"/></svg>a message goes astray</li>
<li><svg width="10" height="16"><path class="fault" d="M5 4l4 4l-4 4l-4 -4z"/></svg>a fault, by its number below</li>
<li><svg width="26" height="16"><rect class="holder" y="1" width="26" height="14"/><rect class="version" x="12" width="1.6" height="16"/></svg>holder in the leader key, a version of it</li>
<li><svg width="10" height="16"><rect class="version third-party" x="4" width="1.6" height="16"/></svg>a version by a third party</li>
</ul>
"#;

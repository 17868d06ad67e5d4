//! The faults of a history, as a table.

use std::fmt::{self, Formatter};

use super::layout::Layout;
use super::scene::Listed;
use super::text::{Count, Safe, Seconds};
use crate::sim::fault::Fault;

/// What happened and, where it is to be opened first, what went astray: there
/// is much of that.
pub(super) fn draw(f: &mut Formatter<'_>, layout: &Layout<'_>) -> fmt::Result {
    let is_message =
        |(_, listed): &(usize, &Listed<'_>)| matches!(listed.fault, Fault::Message { .. });
    let (messages, faults): (Vec<_>, Vec<_>) = layout.faults().partition(is_message);
    f.write_str("<h2>Faults</h2>\n")?;
    if faults.is_empty() {
        f.write_str("<p>None.</p>\n")?;
    } else {
        rows(f, layout, &faults)?;
    }
    if messages.is_empty() {
        return Ok(());
    }
    let count = u64::try_from(messages.len()).unwrap_or(u64::MAX);
    let count = Count(count, "message");
    writeln!(f, "<details><summary>{count} gone astray</summary>")?;
    rows(f, layout, &messages)?;
    f.write_str("</details>\n")
}

fn rows(
    f: &mut Formatter<'_>,
    layout: &Layout<'_>,
    faults: &[(usize, &Listed<'_>)],
) -> fmt::Result {
    f.write_str("<table>\n<tr><th>#</th><th>at, in s</th><th>member</th><th>what</th></tr>\n")?;
    for (number, listed) in faults {
        let process = listed.fault.process();
        let process = process.and_then(|process| layout.scene.processes.get(process));
        write!(f, r#"<tr id="fault-{number}"><td class="figure">"#)?;
        let is_message = matches!(listed.fault, Fault::Message { .. });
        if listed.happened && !is_message && layout.view.shows(listed.at) {
            write!(f, r##"<a href="#mark-{number}">{number}</a>"##)?;
        } else {
            write!(f, "{number}")?;
        }
        write!(f, r#"</td><td class="figure">{}</td>"#, Seconds(listed.at))?;
        let name = process.map_or("", |process| process.name);
        write!(f, "<td>{}</td><td>{}", Safe(name), Safe(listed.fault))?;
        if !listed.happened {
            f.write_str(" <span class=\"muted\">(it did not come to that)</span>")?;
        }
        f.write_str("</td></tr>\n")?;
    }
    f.write_str("</table>\n")
}

//! What is printed for people, and the last line for programs.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use super::judge::Verdict;
use super::term::{End, Term};

/// The tables and the last line.
pub(crate) fn render(verdict: &Verdict) -> String {
    let mut text = String::new();
    if !verdict.terms.is_empty() {
        push(&mut text, &terms(verdict));
    }
    if !verdict.overlaps.is_empty() {
        push(&mut text, &overlaps(verdict));
    }
    let (terms, overlap_ms) = (verdict.terms.len(), verdict.overlap_ms);
    let tokens_grow = verdict.tokens_grow();
    push(
        &mut text,
        &format!("terms {terms} overlap_ms {overlap_ms} tokens_grow {tokens_grow}"),
    );
    text
}

fn push(text: &mut String, block: &dyn std::fmt::Display) {
    writeln!(text, "{block}").expect("a String takes everything");
}

fn terms(verdict: &Verdict) -> Table {
    let mut table = table(&[
        "member",
        "token",
        "from_ms",
        "to_ms",
        "ms",
        "ended",
        "elected in",
    ]);
    for term in &verdict.terms {
        let to_ms = term.to_ms();
        table.add_row([
            term.member.clone(),
            term.token.to_string(),
            term.from_ms.to_string(),
            to_ms.to_string(),
            (to_ms - term.from_ms).to_string(),
            ended(term).to_owned(),
            term.place.to_string(),
        ]);
    }
    align_right(&mut table, 1..=4);
    table
}

fn ended(term: &Term) -> &'static str {
    match term.end {
        End::Unsaid => "at until_ms, no end said",
        End::Lost(at_ms) if at_ms > term.until_ms => "at until_ms, lost said later",
        End::Released(at_ms) if at_ms > term.until_ms => "at until_ms, released said later",
        End::Lost(_) => "lost",
        End::Released(_) => "released",
    }
}

fn overlaps(verdict: &Verdict) -> Table {
    let mut table = table(&["term", "and term", "from_ms", "to_ms", "ms"]);
    for (first, second) in &verdict.overlaps {
        let (first, second) = (&verdict.terms[*first], &verdict.terms[*second]);
        let from_ms = first.from_ms.max(second.from_ms);
        let to_ms = first.to_ms().min(second.to_ms());
        table.add_row([
            format!("{} token {}", first.member, first.token),
            format!("{} token {}", second.member, second.token),
            from_ms.to_string(),
            to_ms.to_string(),
            (to_ms - from_ms).to_string(),
        ]);
    }
    align_right(&mut table, 2..=4);
    table
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

fn align_right(table: &mut Table, columns: std::ops::RangeInclusive<usize>) {
    for index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

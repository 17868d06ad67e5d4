//! The words of a label selector.

/// Splits a label selector into words: each sign is one, and so is each run of
/// characters between signs and spaces.
pub(super) fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let length = sign(rest).unwrap_or_else(|| {
            let ends = |c: char| is_sign(c) || c.is_whitespace();
            rest.find(ends).unwrap_or(rest.len())
        });
        let (word, after) = rest.split_at(length);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// Whether a word is a key or a value.
pub(super) fn is_identifier(word: &str) -> bool {
    !word.is_empty() && !word.starts_with(is_sign)
}

fn sign(text: &str) -> Option<usize> {
    if text.starts_with("==") || text.starts_with("!=") {
        return Some(2);
    }
    text.starts_with(is_sign).then_some(1)
}

const fn is_sign(c: char) -> bool {
    matches!(c, ',' | '(' | ')' | '!' | '=' | '<' | '>')
}

//! Figures that a run measured, for whoever runs it with `--nocapture`.

/// Prints how long each of several changes of leader took.
pub(crate) fn print_times(what: &str, times: &[i64]) {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let seconds = |ms: i64| format!("{}.{:03} s", ms / 1000, ms % 1000);
    let (Some(min), Some(max)) = (sorted.first(), sorted.last()) else {
        return;
    };
    let middle = sorted[sorted.len() / 2] + sorted[(sorted.len() - 1) / 2];
    println!(
        "{what:<22} n {:>3}   min {:>9}   median {:>9}   max {:>9}",
        sorted.len(),
        seconds(*min),
        seconds(middle / 2),
        seconds(*max)
    );
}

/// Prints one line of the table of what failing connections led to.
pub(crate) fn print_belief(what: &str, backend: &str, overlap_ms: i64, without_ms: i64) {
    println!(
        "{what:<58} {backend:<9} overlap {overlap_ms:>5} ms   without a leader {without_ms:>6} ms"
    );
}

//! Telling a person that something takes long.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// A task that takes long. On a terminal it is one line that moves; in a pipe
/// it is one line at the start and one at the end.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    task: String,
}

impl Progress {
    pub(super) fn start(task: &str) -> Self {
        let bar = if stderr().is_terminal() {
            let style = ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {wide_msg}");
            let bar = ProgressBar::new_spinner().with_prefix(task.to_owned());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        } else {
            eprintln!("dcs-cluster: {task}");
            ProgressBar::hidden()
        };
        Self {
            bar,
            task: task.to_owned(),
        }
    }

    /// Shows what is being done at the moment, on a terminal only.
    pub(super) fn step(&self, step: &str) {
        self.bar.set_message(step.to_owned());
    }

    /// Ends the line with how it went.
    pub(super) fn finish(self, outcome: &str) {
        self.bar.finish_and_clear();
        let elapsed = HumanDuration(self.bar.elapsed());
        eprintln!("dcs-cluster: {}: {outcome} after {elapsed}", self.task);
    }
}

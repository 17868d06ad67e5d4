//! A finding made small: few faults, the seed, and the command that replays it.

use dcs_memory::sim::{History, NotShrunk, Shrink, Shrunk};

use crate::caught::caught;
use crate::run::{Batch, Found};

/// Histories that are run at most to make one small: some seconds at most in the
/// build that `cargo xtask sim` makes.
const REPLAYS: usize = 1000;

/// Makes the history of a finding small. Where that is not possible, the text
/// says why.
pub(crate) fn finding(batch: &Batch, found: &Found, command: &str) -> String {
    let text = caught(|| {
        let history = batch.simulation(found.seed).run_members();
        history_of(&history, command, Shrink::run_members)
    });
    text.unwrap_or_else(|why| as_it_is(found.seed, &format!("that panicked: {why}"), command))
}

/// Makes a history with a violation small, by this way of running it.
pub(crate) fn history_of<'a>(
    history: &'a History,
    command: &str,
    run: impl FnOnce(Shrink<'a>) -> Result<Shrunk, NotShrunk>,
) -> String {
    match run(history.shrink().replays(REPLAYS).replay_by(command)) {
        Ok(shrunk) => format!("made small: {shrunk}"),
        Err(why) => as_it_is(history.seed, &why.to_string(), command),
    }
}

fn as_it_is(seed: u64, why: &str, command: &str) -> String {
    format!("seed {seed}, not made small: {why}\nreplay by: {command}\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dcs_memory::sim::{Fault, Node, Planned, Simulation};

    use super::*;

    /// Breaks only where it is started again.
    async fn fails_when_restarted(node: Node) {
        if node.process() >= 2 {
            node.fail("started again");
        }
        node.sleep(Duration::from_secs(600)).await;
    }

    fn broken() -> History {
        let at = |seconds, fault| Planned {
            at: Duration::from_secs(seconds),
            fault,
        };
        let plan = vec![
            at(5, Fault::BrokenWatch { process: 1 }),
            at(10, Fault::Twin { process: 0 }),
        ];
        let simulation = Simulation::new(3).nodes(2).plan(plan);
        simulation
            .length(Duration::from_secs(30))
            .run(fails_when_restarted)
    }

    #[test]
    fn a_finding_is_told_by_its_seed_its_few_faults_and_one_command() {
        let history = broken();
        let text = history_of(&history, "the command", |shrink| {
            shrink.run(fails_when_restarted)
        });
        assert!(text.contains("seed 3, "), "{text}");
        assert!(text.contains("1 of 2 faults left"), "{text}");
        assert!(text.contains("a twin of process 0 starts"), "{text}");
        assert!(!text.contains("watch of process"), "{text}");
        assert!(text.ends_with("replay by: the command\n"), "{text}");
    }

    #[test]
    fn what_does_not_replay_is_told_as_it_is() {
        let history = broken();
        let text = history_of(&history, "the command", Shrink::run_members);
        assert!(text.starts_with("seed 3, not made small: "), "{text}");
        assert!(text.contains("does not replay"), "{text}");
        assert!(text.ends_with("replay by: the command\n"), "{text}");
    }
}

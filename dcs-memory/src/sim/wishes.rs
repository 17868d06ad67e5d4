//! What the operator of a member wants of it beside leading: pauses,
//! priorities, successors. They come and go while other things go wrong.

use std::time::Duration;

use dcs_core::MemberName;
use dcs_core::election::{ElectionEnded, Elector, Eligibility, LeaseTiming, Priority};

use super::executor::Nanos;
use super::member::Habits;
use super::node::Node;
use super::story::member_name;

/// The longest time between two wishes, and for which a wish keeps a member
/// from leading: by then the last one has to be over, for someone to lead.
const LONGEST: u64 = 20_000;

pub(super) struct Wishes {
    node: Node,
    until: Nanos,
    stop_time: Duration,
}

impl Wishes {
    pub(super) fn of(node: &Node, habits: &Habits) -> Self {
        Self {
            node: node.clone(),
            until: habits.wishes_until,
            stop_time: habits.timing.stop_time(),
        }
    }

    pub(super) async fn come_and_go(self, elector: Elector) {
        while self.node.world().now() < self.until {
            self.rest().await;
            if self.node.below(4) == 0 && self.wish(&elector).await.is_err() {
                return;
            }
        }
        // Whoever has gone has no wishes left.
        let _ = elector.set_eligibility(Eligibility::default());
        let _ = elector.set_successor(None);
    }

    async fn wish(&self, elector: &Elector) -> Result<(), ElectionEnded> {
        let node = &self.node;
        match node.below(6) {
            0 => {
                elector.pause()?;
                self.rest().await;
                elector.resume()
            }
            1 => {
                let level = u8::try_from(node.below(11)).unwrap_or_default();
                let priority = Priority::new(level).unwrap_or_default();
                elector.set_eligibility(Eligibility::Priority(priority))
            }
            2 => {
                let successor = Some(someone(node)).filter(|_| node.below(3) > 0);
                elector.set_successor(successor)
            }
            3 => {
                elector.set_eligibility(Eligibility::Never)?;
                self.rest().await;
                elector.set_eligibility(Eligibility::default())
            }
            4 => elector.step_down().await,
            _ => self.other_settings(elector),
        }
    }

    /// A ttl of 8 to 31 s. The work needs as long to stop as before.
    fn other_settings(&self, elector: &Elector) -> Result<(), ElectionEnded> {
        let ttl = Duration::from_secs(8 + self.node.below(24));
        let timing = LeaseTiming::new(ttl, ttl / 3, ttl / 4);
        let timing = timing.and_then(|timing| timing.with_stop_time(self.stop_time));
        timing.map_or(Ok(()), |timing| elector.set_timing(timing))
    }

    async fn rest(&self) {
        let millis = self.node.below(LONGEST);
        self.node.sleep(Duration::from_millis(millis)).await;
    }
}

/// Any member, also one that is not there.
pub(super) fn someone(node: &Node) -> MemberName {
    let nodes = u64::try_from(node.world().rates.nodes).unwrap_or(1);
    member_name(usize::try_from(node.below(nodes)).unwrap_or_default())
}

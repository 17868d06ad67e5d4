//! A member's own key, over stores of one's own: it is written and removed
//! beside the lock, by whoever runs the member.

use std::time::Duration;

use dcs_core::MemberRecord;
use dcs_core::duties::Routing;
use dcs_core::election::Elector;
use serde_json::{Map, Value};

use super::node::Node;

/// Says now and then how the member is, and where clients are to go.
pub(super) async fn keep(node: Node, elector: Elector) {
    let dcs = node.dcs();
    let mut said = 0_u64;
    loop {
        node.sleep(Duration::from_millis(node.below(40_000))).await;
        if node.below(10) == 0 {
            // Nobody hears what comes of it: the key has one writer, who says
            // it again.
            let _ = dcs.delete_member(node.name()).await;
            continue;
        }
        said += 1;
        let leads = elector.is_leader();
        let routing = match (leads, node.below(8)) {
            (_, 0) => Routing::Nowhere,
            (true, _) => Routing::Leader,
            (false, _) => Routing::Role("replica".to_owned()),
        };
        let state = "running".to_owned();
        let role = if leads { "primary" } else { "replica" };
        let data: Map<String, Value> = [
            ("state", state.into()),
            ("role", role.into()),
            ("said", said.into()),
        ]
        .map(|(field, value)| (field.to_owned(), value))
        .into_iter()
        .collect();
        let record = MemberRecord::new(node.name().clone(), data).routed(routing);
        let _ = dcs.put_member(&record).await;
    }
}

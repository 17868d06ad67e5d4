//! Members of failsafe mode: who ask each other whether the leader may go on.

use std::time::Duration;

use dcs_core::election::Elector;
use dcs_core::{Failsafe, MemberName};
use futures_util::StreamExt;
use futures_util::future::join_all;

use super::node::Node;

/// For so long a leader waits for an answer.
const LIMIT: Duration = Duration::from_secs(1);

/// Answers whoever asks.
pub(super) async fn answer(node: Node, elector: Elector) {
    let mut questions = node.questions();
    while let Some(question) = questions.next().await {
        let Ok(request) = serde_json::from_str(&question.text) else {
            continue;
        };
        let answer = elector.failsafe_answer(&request).await;
        if let Ok(text) = serde_json::to_string(&answer) {
            question.answer(text);
        }
    }
}

/// While this member leads it asks everyone, and goes on if all agree. Now and
/// then it names other members: all, or all but one.
pub(super) async fn ask(node: Node, elector: Elector, members: Vec<MemberName>) {
    loop {
        node.sleep(Duration::from_millis(500 + node.below(3_000)))
            .await;
        if node.below(3) == 0 {
            let left_out = node.below(members.len() as u64 * 2);
            let named = members
                .iter()
                .zip(0..)
                .filter(|(member, number)| *number != left_out || *member == node.name());
            let url = |name: &MemberName| (name.to_string(), String::new());
            let map = named.map(|(member, _)| url(member)).collect();
            // A driver that has ended needs no map.
            let _ = elector.set_failsafe(Failsafe(map));
        }
        if !elector.is_leader() {
            continue;
        }
        let Ok(poll) = elector.failsafe_poll().await else {
            continue;
        };
        let Ok(request) = serde_json::to_string(poll.request()) else {
            continue;
        };
        let is_asked = |member: &&MemberName| {
            let mut named = poll.members();
            *member != node.name() && named.any(|(name, _)| name == member.as_str())
        };
        let asked = members.iter().filter(is_asked);
        let answers = join_all(asked.map(|member| node.ask(member, request.clone(), LIMIT))).await;
        let answers = answers.into_iter().flatten();
        let answers = answers.filter_map(|text| serde_json::from_str(&text).ok());
        // Refused, the term ends by its deadline.
        let _ = elector
            .failsafe_extend(poll, answers.collect::<Vec<_>>())
            .await;
    }
}

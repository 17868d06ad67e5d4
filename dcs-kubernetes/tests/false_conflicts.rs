//! Config, initialize and history share one object, and so one revision: a write
//! of one of them is no conflict for the others.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::future::Future;
use std::sync::Arc;

use dcs_core::{Config, Dcs, DcsExt as _, History, HistoryLine, Initialize};
use futures_util::future::{join, join_all};
use support::server::{Mode, Place};

async fn in_both_modes<F: Future>(members: usize, test: impl Fn(Vec<Arc<dyn Dcs>>) -> F) {
    for mode in [Mode::Endpoints, Mode::ConfigMaps] {
        let place = Place::open(mode, members).await;
        test(place.handles.clone()).await;
    }
}

fn config(text: &str) -> Config {
    text.parse().unwrap()
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_config_is_written_over_a_history_that_came_in_between() {
    in_both_modes(2, async |members| {
        let [mine, other] = &members[..] else {
            unreachable!()
        };
        mine.put_config(config(r#"{"ttl":30}"#)).await.unwrap();
        let seen = mine.load().await.unwrap();
        let mut lines = History::default();
        lines.append(HistoryLine::new(1, 24, "no recovery target specified"));
        let lines = Some(lines);
        let wrote = other.write_key(lines.clone(), &seen.history).await;
        assert!(wrote.unwrap().is_some());

        let wrote = mine.write_key(Some(config(r#"{"ttl":40}"#)), &seen.config);
        assert!(wrote.await.unwrap().is_some(), "a false conflict was told");
        let now = mine.load().await.unwrap();
        assert_eq!(now.config.get(), Some(&config(r#"{"ttl":40}"#)));
        assert_eq!(now.history.get(), lines.as_ref());
    })
    .await;
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_config_is_not_written_over_one_that_came_in_between() {
    in_both_modes(2, async |members| {
        let [mine, other] = &members[..] else {
            unreachable!()
        };
        mine.put_config(config(r#"{"ttl":30}"#)).await.unwrap();
        let seen = mine.load().await.unwrap().config;
        other.put_config(config(r#"{"ttl":40}"#)).await.unwrap();

        let wrote = mine.write_key(Some(config(r#"{"ttl":50}"#)), &seen).await;
        assert_eq!(wrote.unwrap(), None);
        let now = mine.config().await.unwrap();
        assert_eq!(now, Some(config(r#"{"ttl":40}"#)));
    })
    .await;
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn initialize_has_one_winner_while_the_config_is_written() {
    in_both_modes(8, async |members| {
        members[0].put_config(config("{}")).await.unwrap();
        let seen = members[0].load().await.unwrap().initialize;
        let race = members.iter().map(async |member| {
            let wrote = member.write_key(Some(Initialize::InProgress), &seen).await;
            wrote.unwrap()
        });
        let beside = async {
            for ttl in 20..40 {
                let edit = |_: Option<&Config>| Some(config(&format!(r#"{{"ttl":{ttl}}}"#)));
                members[0].edit_config(edit).await.unwrap();
            }
        };
        let (won, ()) = join(join_all(race), beside).await;
        assert_eq!(won.iter().flatten().count(), 1, "{won:?}");
        let now = members[0].load().await.unwrap();
        assert_eq!(now.initialize.get(), Some(&Initialize::InProgress));
        assert_eq!(now.config.get(), Some(&config(r#"{"ttl":39}"#)));
    })
    .await;
}

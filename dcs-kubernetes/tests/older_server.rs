//! What an older API server refuses is not asked for.

mod support;

use std::time::Duration;

use dcs_core::{Dcs as _, WatchEvent};
use dcs_fakeapi::{FakeApi, Options, Verb};
use dcs_faults::covers;
use dcs_kubernetes::ConfigMapDcs;
use futures_util::StreamExt as _;
use support::scripted::Tuned as _;

#[tokio::test(start_paused = true)]
async fn a_watch_does_without_lists_that_stream() {
    let refused = covers(34);
    let fake = FakeApi::with_options(Options::new().streaming_lists(false));
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    let dcs = builder.build_with_client(fake.client()).unwrap();
    let mut watch = dcs.watch(Duration::from_secs(30));
    assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Reset(_)))));
    assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Alive))));
    let requests = fake.requests();
    assert!(requests.iter().all(|asked| asked.status == Some(200)));
    let watches = requests
        .iter()
        .filter(|asked| asked.verb == Some(Verb::Watch));
    refused.hit_times(u64::try_from(watches.count()).unwrap());
}

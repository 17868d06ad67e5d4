//! What a watch asks of a server that is in trouble, and how little of it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcs_core::{Clock as _, Dcs as _, TokioClock, Update, WatchEvent, WatchStream};
use dcs_fakeapi::{Disturbance, FakeApi, On, Recorded, Verb};
use dcs_kubernetes::{ConfigMapDcs, kube};
use futures_util::StreamExt as _;
use futures_util::future::{join_all, select};
use serde_json::{Value, json};
use support::fake::Seeded;
use support::scripted::{Asked, Log, Reply, Tuned as _, client, endpoints, line, list, object};

const SILENCE: Duration = Duration::from_secs(18);

fn leader(revision: u64) -> Value {
    object("demo", revision, &json!({"leader": "demo-0", "ttl": "30"}))
}

fn modified(revision: u64) -> String {
    line("MODIFIED", &leader(revision))
}

fn bookmark(revision: u64) -> String {
    let metadata = json!({"resourceVersion": revision.to_string()});
    line("BOOKMARK", &json!({"metadata": metadata}))
}

fn error(code: u16) -> String {
    line("ERROR", &json!({"kind": "Status", "code": code}))
}

/// A server that lists these keys, and then says this to each watch of them in
/// turn, the last of it over and over.
fn server(lists: Vec<Reply>, watches: Vec<Reply>) -> (kube::Client, Log) {
    let queues = [lists, watches].map(|replies| Mutex::new(VecDeque::from(replies)));
    client(move |asked| {
        if asked.is_of_pods() {
            return if asked.is_watch() {
                Reply::Open(vec![])
            } else {
                list(1, &[])
            };
        }
        let mut queue = queues[usize::from(asked.is_watch())].lock().unwrap();
        if queue.len() > 1 {
            return queue.pop_front().unwrap();
        }
        queue[0].clone()
    })
}

/// What was asked of the keys: lists, and where watches began.
fn asked_of_keys(log: &Log) -> (usize, Vec<String>) {
    let asked = log.all().into_iter().filter(|asked| !asked.is_of_pods());
    let (watches, lists): (Vec<_>, Vec<_>) = asked.partition(Asked::is_watch);
    let from = |uri: &str| {
        let (_, rest) = uri.split_once("resourceVersion=").unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    let from = watches.iter().map(|asked| from(&asked.uri)).collect();
    (lists.len(), from)
}

/// Reads the watch for as long as this.
async fn read_for(stream: &mut WatchStream, time: Duration) -> Vec<WatchEvent> {
    let mut told = Vec::new();
    let reads = async {
        while let Some(item) = stream.next().await {
            told.extend(item.ok());
        }
    };
    select(pin!(reads), TokioClock::new().sleep(time)).await;
    told
}

/// The revisions of the leader that were told.
fn leaders(told: &[WatchEvent]) -> Vec<u128> {
    let revisions = told.iter().filter_map(|event| match event {
        WatchEvent::Reset(all) => all.leader.revision,
        WatchEvent::Changed(Update::Leader(update)) => update.entry.revision,
        _ => None,
    });
    revisions.map(dcs_core::Revision::get).collect()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_at_once_what_is_wrong_each_time_is_not_stormed() {
    for (what, watch) in [
        ("a failure", Reply::Open(vec![error(500)])),
        ("a lost history", Reply::Open(vec![error(410)])),
        ("nonsense", Reply::Open(vec!["{}\n".to_owned()])),
        ("nothing new", Reply::Closed(vec![bookmark(5), modified(5)])),
        ("nothing", Reply::Closed(vec![])),
    ] {
        let (client, log) = server(vec![list(5, &[leader(5)])], vec![watch]);
        let mut stream = endpoints(client).watch(SILENCE);
        read_for(&mut stream, Duration::from_secs(60)).await;
        let (lists, watches) = asked_of_keys(&log);
        let count = lists + watches.len();
        assert!((20..130).contains(&count), "{what}: {count} in a minute");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_after_something_new_goes_on_at_once() {
    let ends = |revision| Reply::Closed(vec![modified(revision)]);
    let watches = vec![ends(6), ends(7), ends(8), Reply::Open(vec![])];
    let (client, log) = server(vec![list(5, &[leader(5)])], watches);
    let mut stream = endpoints(client).watch(SILENCE);
    let told = read_for(&mut stream, Duration::from_millis(10)).await;
    assert_eq!(leaders(&told), [5, 6, 7, 8]);
    assert_eq!(
        asked_of_keys(&log),
        (1, ["5", "6", "7", "8"].map(str::to_owned).to_vec())
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_the_stream_that_is_no_lost_history_is_resumed() {
    let watches = vec![
        Reply::Open(vec![modified(6), error(500)]),
        Reply::Open(vec![modified(7)]),
    ];
    let (client, log) = server(vec![list(5, &[leader(5)])], watches);
    let mut stream = endpoints(client).watch(SILENCE);
    let told = read_for(&mut stream, Duration::from_secs(10)).await;
    assert_eq!(leaders(&told), [5, 6, 7]);
    assert_eq!(
        asked_of_keys(&log),
        (1, vec!["5".to_owned(), "6".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_bookmark_from_the_past_moves_nothing_back() {
    let watches = vec![
        Reply::Closed(vec![modified(7), bookmark(3)]),
        Reply::Open(vec![modified(6), modified(8)]),
    ];
    let (client, log) = server(vec![list(5, &[leader(5)])], watches);
    let mut stream = endpoints(client).watch(SILENCE);
    let told = read_for(&mut stream, Duration::from_secs(10)).await;
    assert_eq!(leaders(&told), [5, 7, 8]);
    assert_eq!(asked_of_keys(&log).1, ["5", "7"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_new_list_had_already_is_not_told_again() {
    let watches = vec![
        Reply::Open(vec![modified(6), error(410)]),
        Reply::Open(vec![modified(28), modified(29), modified(30), modified(31)]),
    ];
    let lists = vec![list(5, &[leader(5)]), list(30, &[leader(29)])];
    let (client, _) = server(lists, watches);
    let mut stream = endpoints(client).watch(SILENCE);
    let told = read_for(&mut stream, Duration::from_secs(10)).await;
    assert_eq!(leaders(&told), [5, 6, 29, 31]);
}

#[tokio::test(start_paused = true)]
async fn no_list_waits_for_longer_than_the_silence_that_a_watch_is_given() {
    let asked = Mutex::new(0);
    let (client, _) = client(move |request| {
        let first = request.is_of_pods() && std::mem::replace(&mut *asked.lock().unwrap(), 1) == 0;
        match () {
            () if first => Reply::Raw(429, String::new(), vec![("retry-after", "3600")]),
            () if request.is_watch() => Reply::Open(vec![]),
            () => list(5, &[]),
        }
    });
    let mut stream = endpoints(client).watch(SILENCE);
    let told = read_for(&mut stream, SILENCE + Duration::from_secs(1)).await;
    let began = told
        .iter()
        .any(|event| matches!(event, WatchEvent::Reset(_)));
    assert!(began, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_lost_over_and_over_do_not_put_off_what_can_be_told_without_the_members() {
    let (client, _) = client(move |request| match request {
        request if request.is_of_pods() => Reply::Hang,
        request if request.is_watch() => Reply::Open(vec![error(410)]),
        _ => list(5, &[leader(5)]),
    });
    let mut stream = endpoints(client).watch(SILENCE);
    let told = read_for(&mut stream, SILENCE).await;
    assert!(leaders(&told).contains(&5), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn objects_of_others_with_the_labels_of_the_scope_are_passed_by_and_not_listed_for() {
    let others = |revision| line("ADDED", &object("others", revision, &json!({})));
    let watches = vec![
        Reply::Closed(vec![others(6), others(7)]),
        Reply::Open(vec![modified(8)]),
    ];
    let items = [leader(5), object("others", 4, &json!({}))];
    let (client, log) = server(vec![list(5, &items)], watches);
    let mut stream = endpoints(client).watch(SILENCE);
    let told = read_for(&mut stream, Duration::from_secs(10)).await;
    assert_eq!(leaders(&told), [5, 8]);
    assert_eq!(asked_of_keys(&log).1, ["5", "7"]);
    let signs = told.iter().filter(|event| **event == WatchEvent::Alive);
    assert_eq!(signs.count(), 2 + 2, "each watch, and each of theirs");
}

/// The most of these requests within so many milliseconds.
fn most_within(requests: &[Recorded], milliseconds: u64) -> usize {
    let within = Duration::from_millis(milliseconds);
    let beside = |first: &Recorded| {
        let near = requests
            .iter()
            .filter(|other| other.at >= first.at && other.at < first.at + within);
        near.count()
    };
    requests.iter().map(beside).max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_members_that_lose_the_history_at_once_do_not_list_at_once() {
    let fake = FakeApi::new();
    let watches = (0..100).map(|number| {
        let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
        let builder = builder.entropy(Arc::new(Seeded::new(number)));
        builder
            .build_with_client(fake.client())
            .unwrap()
            .watch(SILENCE)
    });
    let mut watches: Vec<_> = watches.collect();
    join_all(
        watches
            .iter_mut()
            .map(|watch| read_for(watch, Duration::from_secs(5))),
    )
    .await;
    fake.clear_requests();
    let lost = fake.disturb_watches(&On::any().kind("configmaps"), Disturbance::Gone);
    assert_eq!(lost, 100);
    let told = join_all(
        watches
            .iter_mut()
            .map(|watch| read_for(watch, Duration::from_secs(5))),
    )
    .await;
    let resets = told
        .iter()
        .flatten()
        .filter(|event| matches!(event, WatchEvent::Reset(_)));
    assert_eq!(resets.count(), 100);
    let mut lists = fake.requests();
    lists.retain(|asked| asked.verb == Some(Verb::List));
    assert_eq!(lists.len(), 100);
    let most = most_within(&lists, 100);
    assert!(most < 30, "{most} lists within a tenth of a second");
}

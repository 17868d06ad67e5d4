//! The watch: what it resumes, what it begins anew, and what it never says.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use dcs_core::{
    Clock as _, Dcs, Entry, Error, LeaderUpdate, Revision, TokioClock, Update, Value, WatchEvent,
    WatchStream,
};
use dcs_faults::covers;
use dcs_kubernetes::kube;
use futures_util::StreamExt as _;
use futures_util::future::select;
use serde_json::{Value as Json, json};
use support::samples::name;
use support::scripted::{Asked, Log, Reply, client, endpoints, line, list, object};

const SILENCE: Duration = Duration::from_secs(30);

/// A server that gives these answers to lists and watches of the keys, in this
/// order, and then the last list and silence. The Pods are one list and silence.
fn server(lists: Vec<Reply>, watches: Vec<Reply>) -> (kube::Client, Log) {
    let pods = vec![list(1, &[])];
    both(lists, watches, pods, vec![])
}

fn both(
    lists: Vec<Reply>,
    watches: Vec<Reply>,
    pods: Vec<Reply>,
    pod_watches: Vec<Reply>,
) -> (kube::Client, Log) {
    let queues =
        [lists, watches, pods, pod_watches].map(|replies| Mutex::new(VecDeque::from(replies)));
    client(move |asked| {
        let watch = usize::from(asked.is_watch());
        let mut queue = queues[watch + 2 * usize::from(asked.is_of_pods())]
            .lock()
            .unwrap();
        match queue.len() {
            0 => Reply::Open(vec![]),
            1 if watch == 0 => queue[0].clone(),
            _ => queue.pop_front().unwrap(),
        }
    })
}

/// A watch that is over after ten minutes: what has not come by then, never will.
fn watch(client: kube::Client, silence: Duration) -> WatchStream {
    let limit = clock().sleep(Duration::from_secs(600));
    endpoints(client).watch(silence).take_until(limit).boxed()
}

fn leader(revision: u64) -> Json {
    object("demo", revision, &json!({"leader": "demo-0", "ttl": "30"}))
}

fn modified(revision: u64) -> String {
    line("MODIFIED", &leader(revision))
}

fn bookmark(revision: u64) -> String {
    line(
        "BOOKMARK",
        &json!({"metadata": {"resourceVersion": revision.to_string()}}),
    )
}

fn expired() -> String {
    line(
        "ERROR",
        &json!({"kind": "Status", "code": 410, "reason": "Expired"}),
    )
}

fn clock() -> TokioClock {
    TokioClock::new()
}

fn at(revision: u128) -> Option<Revision> {
    Revision::new(revision)
}

/// What the stream says of the leader, as text, up to an item that ends with `last`.
async fn told(stream: &mut WatchStream, last: &str) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let item = stream.next().await;
        let item = item.unwrap_or_else(|| panic!("no {last} after {told:?}"));
        let text = match item {
            Ok(WatchEvent::Reset(all)) => format!("reset {:?}", all.leader.revision),
            Ok(WatchEvent::Changed(Update::Leader(LeaderUpdate {
                entry, previous, ..
            }))) => {
                format!("{previous:?} -> {:?}", entry.revision)
            }
            Ok(WatchEvent::Changed(Update::Member(name, entry))) => {
                format!("{name} {:?}", entry.revision)
            }
            Ok(WatchEvent::Changed(_) | WatchEvent::Alive) => continue,
            Err(error) => format!("error {}", short(&error)),
        };
        told.push(text.replace("Some(", "").replace(')', ""));
        if told.last().is_some_and(|text| text.ends_with(last)) {
            return told;
        }
    }
}

const fn short(error: &Error) -> &'static str {
    match error {
        Error::Unavailable { .. } => "unavailable",
        Error::Timeout { .. } => "timeout",
        Error::Backend { .. } => "backend",
        Error::PermissionDenied { .. } => "denied",
        _ => "other",
    }
}

/// The revisions from which the keys were watched.
fn watched_from(log: &Log) -> Vec<String> {
    let asked = log.all().into_iter();
    let watches = asked.filter(|asked| asked.is_watch() && !asked.is_of_pods());
    let from = |uri: String| {
        uri.split("resourceVersion=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap()
            .to_owned()
    };
    watches.map(|asked| from(asked.uri)).collect()
}

fn lists_of_keys(log: &Log) -> usize {
    let asked = log.all().into_iter();
    asked
        .filter(|asked| !asked.is_watch() && !asked.is_of_pods())
        .count()
}

#[tokio::test(start_paused = true)]
async fn each_version_names_the_one_before_it_until_the_key_is_gone() {
    let events = vec![
        modified(6),
        modified(7),
        line("DELETED", &leader(8)),
        line("ADDED", &leader(9)),
        modified(10),
    ];
    let (client, _) = server(vec![list(5, &[leader(5)])], vec![Reply::Open(events)]);
    let mut stream = watch(client, SILENCE);
    let told = told(&mut stream, "r10").await;
    assert_eq!(
        told,
        [
            "reset r5",
            "r5 -> r6",
            "r6 -> r7",
            "None -> None",
            "None -> r9",
            "r9 -> r10"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_version_of_a_key_that_was_not_there_has_none_before_it() {
    let (client, _) = server(
        vec![list(5, &[])],
        vec![Reply::Open(vec![line("ADDED", &leader(6))])],
    );
    let mut stream = watch(client, SILENCE);
    assert_eq!(told(&mut stream, "r6").await, ["reset None", "None -> r6"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_appears_again_unseen_going_is_not_continued() {
    let (client, _) = server(
        vec![list(5, &[leader(5)])],
        vec![Reply::Open(vec![line("ADDED", &leader(7))])],
    );
    let mut stream = watch(client, SILENCE);
    assert_eq!(told(&mut stream, "r7").await, ["reset r5", "None -> r7"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_continues_across_a_deletion_however_it_is_told() {
    let events = vec![line("DELETED", &leader(6)), modified(7), modified(8)];
    let (client, _) = server(vec![list(5, &[leader(5)])], vec![Reply::Open(events)]);
    let mut stream = watch(client, SILENCE);
    let told = told(&mut stream, "r8").await;
    assert_eq!(told, ["reset r5", "None -> None", "None -> r7", "r7 -> r8"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_goes_on_from_the_last_revision_without_a_gap() {
    let ended = covers(28);
    let in_a_line = covers(29);
    let whole = modified(7);
    let (half, _) = whole.split_at(20);
    let (client, log) = server(
        vec![list(5, &[leader(5)])],
        vec![
            Reply::Closed(vec![modified(6), half.to_owned()]),
            Reply::Broken(vec![modified(7), bookmark(20)]),
            Reply::Open(vec![modified(21)]),
        ],
    );
    let mut stream = watch(client, SILENCE);
    let told = told(&mut stream, "r21").await;
    assert_eq!(
        told,
        [
            "reset r5",
            "r5 -> r6",
            "r6 -> r7",
            "error unavailable",
            "r7 -> r21"
        ]
    );
    assert_eq!(watched_from(&log), ["5", "6", "20"]);
    assert_eq!(lists_of_keys(&log), 1);
    ended.hit();
    in_a_line.hit();
}

#[tokio::test(start_paused = true)]
async fn a_lost_history_begins_everything_anew() {
    let (status, event) = (covers(31), covers(30));
    for (gone, hit) in [
        (Reply::Raw(410, String::new(), vec![]), &status),
        (Reply::Open(vec![expired()]), &event),
    ] {
        let (client, log) = server(
            vec![list(5, &[leader(5)]), list(30, &[leader(29)])],
            vec![
                Reply::Closed(vec![modified(6)]),
                gone,
                Reply::Open(vec![modified(31)]),
            ],
        );
        let mut stream = watch(client, SILENCE);
        let told = told(&mut stream, "r31").await;
        assert_eq!(told, ["reset r5", "r5 -> r6", "reset r29", "r29 -> r31"]);
        assert_eq!(watched_from(&log), ["5", "6", "30"]);
        hit.hit();
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_twice_or_out_of_order() {
    let older = covers(36);
    let twice = covers(37);
    let events = vec![
        // Of before the list, which had it already.
        modified(4),
        modified(5),
        line("DELETED", &leader(5)),
        modified(7),
        modified(7),
        modified(6),
        modified(5),
        line("DELETED", &leader(6)),
        modified(8),
    ];
    let (client, _) = server(vec![list(5, &[leader(5)])], vec![Reply::Open(events)]);
    let mut stream = watch(client, SILENCE);
    assert_eq!(
        told(&mut stream, "r8").await,
        ["reset r5", "r5 -> r7", "r7 -> r8"]
    );
    older.hit();
    twice.hit();
}

#[tokio::test(start_paused = true)]
async fn a_list_from_the_past_is_not_believed_at_once() {
    let (client, _) = server(
        vec![
            list(20, &[leader(20)]),
            list(10, &[leader(10)]),
            list(22, &[leader(21)]),
        ],
        vec![Reply::Open(vec![expired()])],
    );
    let mut stream = watch(client, SILENCE);
    assert_eq!(
        told(&mut stream, "r21").await,
        ["reset r20", "error backend", "reset r21"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_line_that_cannot_be_read_is_a_gap() {
    for line in ["{}\n", "<html>\n", "{\"type\":\"NEWS\",\"object\":{}}\n"] {
        let (client, _) = server(
            vec![list(5, &[leader(5)]), list(9, &[leader(9)])],
            vec![Reply::Open(vec![line.to_owned()])],
        );
        let mut stream = watch(client, SILENCE);
        assert_eq!(
            told(&mut stream, "reset r9").await,
            ["reset r5", "error backend", "reset r9"],
            "{line}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_and_the_watch_goes_on() {
    let failed = |code| Reply::Raw(code, String::new(), vec![]);
    let (client, log) = server(
        vec![failed(500), failed(403), list(5, &[leader(5)])],
        vec![
            failed(500),
            Reply::Reset,
            Reply::Hang,
            Reply::Open(vec![modified(6)]),
        ],
    );
    let mut stream = watch(client, SILENCE);
    let told = told(&mut stream, "r6").await;
    assert_eq!(
        told,
        [
            "error unavailable",
            "error denied",
            "reset r5",
            "error unavailable",
            "error unavailable",
            "error timeout",
            "r5 -> r6",
        ]
    );
    assert_eq!(watched_from(&log), ["5"; 4]);
}

#[tokio::test(start_paused = true)]
async fn silence_opens_the_connection_again_without_a_gap() {
    let silent = covers(38);
    let (client, log) = server(
        vec![list(5, &[leader(5)])],
        vec![
            Reply::Open(vec![modified(6)]),
            Reply::Open(vec![modified(7)]),
        ],
    );
    let mut stream = watch(client, Duration::from_secs(14));
    let clock = clock();
    let started = clock.now();
    assert_eq!(
        told(&mut stream, "r7").await,
        ["reset r5", "r5 -> r6", "r6 -> r7"]
    );
    assert_eq!(clock.now().challenger_elapsed_since(started).as_secs(), 14);
    assert_eq!(watched_from(&log), ["5", "6"]);
    silent.hit();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_went_back_in_time_and_says_nothing_more_is_listed() {
    let went_back = covers(70);
    let [restored, newer] = [list(3, &[leader(3)]), list(5, &[leader(5)])];
    // A few lists from the past are taken for those of a replica that is behind.
    let lists = [vec![newer], vec![restored; 7]].concat();
    let (client, log) = server(lists, vec![Reply::Open(vec![]); 4]);
    let mut stream = watch(client, Duration::from_secs(14));
    let told = told(&mut stream, "reset r3").await;
    let [first, errors @ .., last] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!([&**first, &**last], ["reset r5", "reset r3"]);
    assert!(
        errors.iter().all(|said| said == "error backend"),
        "{told:?}"
    );
    assert_eq!(watched_from(&log), ["5"; 3]);
    went_back.hit();
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_the_server_has_not_reached_is_asked_for_again_and_then_listed() {
    let behind = covers(35);
    let details = json!({"causes": [{"reason": "ResourceVersionTooLarge"}]});
    let body = json!({"kind": "Status", "code": 504, "reason": "Timeout", "details": details});
    let ahead = Reply::Json(504, body);
    let (client, log) = server(
        vec![list(5, &[leader(5)]), list(9, &[leader(9)])],
        vec![
            Reply::Closed(vec![modified(6)]),
            ahead.clone(),
            ahead.clone(),
            Reply::Closed(vec![modified(7)]),
            ahead.clone(),
            ahead.clone(),
            ahead,
            Reply::Open(vec![modified(10)]),
        ],
    );
    let mut stream = watch(client, SILENCE);
    let told = told(&mut stream, "r10").await;
    let away = "error unavailable";
    assert_eq!(
        told,
        [
            "reset r5",
            "r5 -> r6",
            away,
            away,
            "r6 -> r7",
            away,
            away,
            away,
            "reset r9",
            "r9 -> r10"
        ]
    );
    assert_eq!(watched_from(&log), ["5", "6", "6", "6", "7", "7", "7", "9"]);
    behind.hit();
}

#[tokio::test(start_paused = true)]
async fn bookmarks_show_that_the_store_is_there() {
    let bookmarks = covers(33);
    let (client, _) = server(vec![list(5, &[])], vec![Reply::Open(vec![bookmark(6)])]);
    let mut stream = watch(client, SILENCE);
    assert!(matches!(
        stream.next().await,
        Some(Ok(WatchEvent::Reset(_)))
    ));
    // One for the connection, one for the bookmark.
    for _ in 0..2 {
        assert!(matches!(stream.next().await, Some(Ok(WatchEvent::Alive))));
    }
    bookmarks.hit();
}

#[tokio::test(start_paused = true)]
async fn a_watch_asks_for_metadata_and_bookmarks_and_for_less_than_a_minute() {
    let (client, log) = both(
        vec![list(5, &[leader(5)])],
        vec![Reply::Open(vec![modified(6)])],
        vec![list(4, &[])],
        vec![],
    );
    let mut stream = watch(client, SILENCE);
    told(&mut stream, "r6").await;
    let mut watches: Vec<_> = log.all().into_iter().filter(Asked::is_watch).collect();
    watches.sort_by(|one, other| one.uri.cmp(&other.uri));
    assert_eq!(watches.len(), 2);
    for (asked, (plural, from)) in watches.iter().zip([("endpoints", 5), ("pods", 4)]) {
        let (uri, seconds) = asked.uri.split_once("&timeoutSeconds=").unwrap();
        let selector = "labelSelector=application%3Ddcs%2Ccluster-name%3Ddemo";
        let expected = format!(
            "/api/v1/namespaces/default/{plural}?{selector}&watch=true&resourceVersion={from}&allowWatchBookmarks=true"
        );
        assert_eq!(uri, expected);
        let seconds: u64 = seconds.parse().unwrap();
        assert!((50..=60).contains(&seconds), "{seconds}");
        let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
        assert_eq!(asked.headers["accept"], accept);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_is_asked_for_later_and_as_late_as_the_server_says() {
    for (headers, least, most) in [
        (vec![], 50, 100),
        (vec![("retry-after", "7")], 7_000, 7_100),
        // No longer than the silence that a watch is given.
        (vec![("retry-after", "60")], 30_000, 30_100),
    ] {
        let failed = Reply::Raw(503, String::new(), headers);
        let (client, _) = server(vec![failed, list(5, &[leader(5)])], vec![]);
        let mut stream = watch(client, SILENCE);
        let clock = clock();
        let started = clock.now();
        let told = told(&mut stream, "reset r5").await;
        assert_eq!(told, ["error unavailable", "reset r5"]);
        let took = clock.now().challenger_elapsed_since(started).as_millis();
        assert!((least..=most).contains(&took), "{took} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_every_watch_at_once_is_not_stormed() {
    let replies = vec![Reply::Closed(vec![]); 1000];
    let (client, log) = server(vec![list(5, &[])], replies);
    let mut stream = watch(client, SILENCE);
    let a_minute = async { while stream.next().await.is_some() {} };
    select(pin!(a_minute), clock().sleep(Duration::from_secs(60))).await;
    let watches = watched_from(&log).len();
    assert!((20..80).contains(&watches), "{watches} in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_gap_of_the_pods_is_no_gap_of_the_leader() {
    let pod = |name, revision| object(name, revision, &json!({"status": "{}"}));
    let (client, _) = both(
        vec![list(5, &[leader(5)])],
        vec![Reply::Open(vec![])],
        vec![
            list(10, &[pod("demo-0", 8), pod("demo-1", 9)]),
            list(20, &[pod("demo-0", 8), pod("demo-2", 19)]),
        ],
        vec![
            Reply::Open(vec![expired()]),
            Reply::Open(vec![line("MODIFIED", &pod("demo-0", 21))]),
        ],
    );
    let mut stream = watch(client, SILENCE);
    let told = told(&mut stream, "r21").await;
    assert_eq!(
        told,
        ["reset r5", "demo-1 None", "demo-2 r19", "demo-0 r21"]
    );
}

#[tokio::test(start_paused = true)]
async fn one_version_of_an_object_is_told_for_each_of_its_keys() {
    let config = object(
        "demo-config",
        6,
        &json!({"config": "{}", "initialize": "1", "history": "["}),
    );
    let (client, _) = server(
        vec![list(5, &[])],
        vec![Reply::Open(vec![line("ADDED", &config)])],
    );
    let mut stream = watch(client, SILENCE);
    let mut updates = Vec::new();
    while updates.len() < 3 {
        if let Some(Ok(WatchEvent::Changed(update))) = stream.next().await {
            updates.push(update);
        }
    }
    let [
        Update::Config(config),
        Update::Initialize(initialize),
        Update::History(history),
    ] = &updates[..]
    else {
        panic!("{updates:?}")
    };
    assert_eq!(
        (config.revision, initialize.revision, history.revision),
        (at(6), at(6), at(6))
    );
    assert!(matches!(history.value, Value::Malformed(_)));
}

#[tokio::test(start_paused = true)]
async fn what_happens_before_both_lists_are_there_is_in_the_first_reset() {
    let pod = object("demo-0", 9, &json!({"status": "{\"state\":\"running\"}"}));
    let (client, _) = both(
        vec![list(5, &[leader(5)])],
        vec![Reply::Open(vec![modified(6), modified(7)])],
        vec![Reply::Raw(500, String::new(), vec![]), list(10, &[pod])],
        vec![],
    );
    let mut stream = watch(client, SILENCE);
    assert_eq!(
        told(&mut stream, "reset r7").await,
        ["error unavailable", "reset r7"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_goes_takes_its_member_along() {
    let pod = object("demo-0", 9, &json!({"status": "{}"}));
    let gone = line("DELETED", &object("demo-0", 11, &json!({"status": "{}"})));
    let (client, _) = both(
        vec![list(5, &[])],
        vec![],
        vec![list(10, &[pod])],
        vec![Reply::Open(vec![gone])],
    );
    let mut stream = watch(client, SILENCE);
    let (mut known, member) = (None, name("demo-0"));
    while known != Some(Entry::absent()) {
        match stream.next().await.unwrap().unwrap() {
            WatchEvent::Reset(all) => known = all.members.get(&member).cloned(),
            WatchEvent::Changed(Update::Member(_, entry)) => known = Some(entry),
            _ => {}
        }
    }
}

//! The handle's own client: new connections after silence, new credentials
//! after a refusal, and no request twice that may have been carried out.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcs_core::{Error, Outcome};
use dcs_faults::covers;
use dcs_kubernetes::ConfigMapDcs;
use futures_util::future::join_all;
use kube::Config;
use serde_json::json;
use support::renewal::{lock, write};
use support::scripted::Tuned as _;
use support::web::Web;

fn handle(config: Config) -> ConfigMapDcs {
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    builder.build(config).unwrap()
}

#[tokio::test]
async fn after_an_attempt_without_an_answer_the_next_one_has_a_new_connection() {
    let dead = covers(23);
    let web = Web::plain(|_| lock()).await;
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    // A pool of several, all of which go silent at once as behind a dead switch.
    let builder = builder.attempt_timeout(Duration::from_millis(500));
    let dcs = builder.build(Config::new(web.url("http", "127.0.0.1")));
    let dcs = dcs.unwrap();
    for outcome in join_all((0..4).map(|_| write(&dcs))).await {
        outcome.into_result().unwrap();
    }
    let pooled = web.opened();
    assert!(pooled > 1, "{pooled}");
    web.silence();

    let outcome = write(&dcs).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    let sent = web.seen().len();
    write(&dcs).await.into_result().unwrap();
    assert_eq!(web.seen().len(), sent + 1, "sent once");
    assert_eq!(web.opened(), pooled + 1);
    dead.hit();
}

#[tokio::test]
async fn after_an_attempt_that_was_dropped_the_next_one_has_a_new_connection() {
    let dead = covers(23);
    let web = Web::plain(|_| lock()).await;
    let dcs = handle(Config::new(web.url("http", "127.0.0.1")));
    for outcome in join_all((0..4).map(|_| write(&dcs))).await {
        outcome.into_result().unwrap();
    }
    let pooled = web.opened();
    assert_eq!(pooled, 4);
    web.silence();

    // As an elector does, whose attempts end by a deadline of its own.
    let sent = web.seen().len();
    let arrives = async {
        while web.seen().len() == sent {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        outcome = write(&dcs) => panic!("{outcome:?}"),
        () = arrives => {}
    }
    write(&dcs).await.into_result().unwrap();
    assert_eq!(web.opened(), pooled + 1);
    dead.hit();
}

/// A server that takes one token, and a handle that reads it from this file.
async fn guarded(folder: &Path, wanted: &Arc<Mutex<String>>) -> (Web, ConfigMapDcs) {
    fs::write(folder.join("token"), "first").unwrap();
    let wanted = Arc::clone(wanted);
    let web = Web::plain(move |head| {
        let header = format!("authorization: bearer {}\r\n", wanted.lock().unwrap());
        if head.to_lowercase().contains(&header) {
            return lock();
        }
        (
            401,
            json!({"kind": "Status", "code": 401, "reason": "Unauthorized"}),
        )
    });
    let web = web.await;
    let mut config = Config::new(web.url("http", "127.0.0.1"));
    let token = folder.join("token").to_str().unwrap().to_owned();
    config.auth_info.token_file = Some(token);
    (web, handle(config))
}

fn folder(test: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
async fn a_token_that_was_replaced_is_read_and_no_write_fails() {
    let replaced = covers(54);
    let folder = folder("token-replaced");
    let wanted = Arc::new(Mutex::new("first".to_owned()));
    let (web, dcs) = guarded(&folder, &wanted).await;
    write(&dcs).await.into_result().unwrap();

    fs::write(folder.join("token"), "second").unwrap();
    *wanted.lock().unwrap() = "second".to_owned();
    write(&dcs).await.into_result().unwrap();
    write(&dcs).await.into_result().unwrap();
    assert_eq!(web.seen().len(), 1 + 2 + 1, "{:?}", web.seen());
    replaced.hit();
}

#[tokio::test]
async fn credentials_that_stay_refused_are_sent_once_a_request_until_they_are_taken() {
    let folder = folder("token-refused");
    let wanted = Arc::new(Mutex::new("second".to_owned()));
    let (web, dcs) = guarded(&folder, &wanted).await;
    for sent in [2, 3, 4] {
        let outcome = write(&dcs).await;
        let is_denied = |outcome: &Outcome| {
            matches!(
                outcome,
                Outcome::NotCommitted(Error::Unauthenticated { .. })
            )
        };
        assert!(is_denied(&outcome), "{outcome:?}");
        assert_eq!(web.seen().len(), sent);
    }

    fs::write(folder.join("token"), "second").unwrap();
    write(&dcs).await.into_result().unwrap();
    assert_eq!(web.seen().len(), 5);
}

#[tokio::test]
async fn a_token_file_that_is_away_for_a_moment_leaves_the_old_token_in_use() {
    let away = covers(55);
    let folder = folder("token-away");
    let wanted = Arc::new(Mutex::new("other".to_owned()));
    let (_web, dcs) = guarded(&folder, &wanted).await;
    fs::remove_file(folder.join("token")).unwrap();
    let outcome = write(&dcs).await;
    assert!(outcome.into_result().is_err());
    *wanted.lock().unwrap() = "first".to_owned();
    write(&dcs).await.into_result().unwrap();
    away.hit();
}

#[tokio::test]
async fn a_client_of_kubes_default_make_sends_what_it_is_given_once() {
    let count = Arc::new(Mutex::new(0));
    // Every third request is served.
    let web = Web::plain(move |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        if *count % 3 == 0 {
            lock()
        } else {
            (503, json!({}))
        }
    });
    let web = web.await;
    let client = kube::Client::try_from(Config::new(web.url("http", "127.0.0.1"))).unwrap();
    let plain = http::Request::get("/api/v1").body(Vec::new()).unwrap();
    client.request_text(plain).await.unwrap();
    assert_eq!(web.seen().len(), 3, "it would send refused ones again");

    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    let dcs = builder.build_with_client(client).unwrap();
    for sent in [4, 5] {
        let outcome = write(&dcs).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
        assert_eq!(web.seen().len(), sent);
    }
    write(&dcs).await.into_result().unwrap();
    assert_eq!(web.seen().len(), 6);
}

//! What each answer means: committed, not committed, or unknown.

mod support;

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use dcs_core::{
    Change, Clock as _, Config, Dcs, Error, MemberRecord, Outcome, Precondition, TokioClock, Value,
};
use dcs_faults::covers;
use dcs_kubernetes::kube;
use futures_util::future::{Either, select};
use serde_json::json;
use support::samples::{at, held, leader, name};
use support::scripted::{Reply, Tuned as _, client, configmaps, endpoints, object};

const AN_HOUR: Duration = Duration::from_secs(3600);

async fn outcome_of(reply: Reply) -> Outcome {
    let (client, _) = client(move |_| reply.clone());
    endpoints(client)
        .write(&leader(held("demo-0", 1)), at(100))
        .await
}

fn status(code: u16, reason: &str, message: &str) -> Reply {
    Reply::Json(
        code,
        json!({"kind": "Status", "code": code, "reason": reason, "message": message}),
    )
}

fn shown(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Committed(_) => "committed",
        Outcome::NotCommitted(_) => "not committed",
        Outcome::Unknown(_) => "unknown",
    }
}

/// An answer by the row of the catalogue that it belongs to, or 0.
type Answered = (u32, Reply, &'static str);

/// A success that does not say what it produced proves nothing.
fn successes() -> Vec<Answered> {
    let object = |revision| Reply::Json(200, object("demo", revision, &json!({})));
    let raw = |text: &str| Reply::Raw(200, text.to_owned(), vec![]);
    let part = || vec![r#"{"metadata":"#.to_owned()];
    let odd = json!({"metadata": {"resourceVersion": "x"}});
    vec![
        (0, object(101), "committed"),
        (19, object(100), "unknown"),
        (0, object(99), "unknown"),
        (18, raw(""), "unknown"),
        (18, raw("<html>"), "unknown"),
        (18, Reply::Json(200, json!({})), "unknown"),
        (71, Reply::Json(200, odd), "unknown"),
        (18, Reply::Broken(part()), "unknown"),
        (18, Reply::Open(part()), "unknown"),
    ]
}

fn failures() -> Vec<Answered> {
    let raw = |code, text: &str, headers: &[_]| Reply::Raw(code, text.to_owned(), headers.to_vec());
    let apf = [("x-kubernetes-pf-flowschema-uid", "1")];
    let (shutdown, etcd) = (
        "apiserver is shutting down",
        "etcdserver: request timed out",
    );
    vec![
        (0, Reply::Hang, "unknown"),
        (0, Reply::Reset, "unknown"),
        (0, raw(302, "", &[]), "unknown"),
        (0, raw(408, "", &[]), "unknown"),
        (0, raw(410, "", &[]), "unknown"),
        (12, status(500, "InternalError", "a webhook"), "unknown"),
        (11, status(500, "InternalError", etcd), "unknown"),
        (11, status(500, "ServerTimeout", ""), "unknown"),
        (17, raw(502, "<html>", &[]), "unknown"),
        (17, raw(503, "no healthy upstream", &[]), "unknown"),
        (17, Reply::Json(503, json!({})), "unknown"),
        (10, status(504, "Timeout", ""), "unknown"),
        (0, raw(429, "Too many", &[("retry-after", "1")]), "unknown"),
        (15, raw(429, "", &apf), "not committed"),
        (15, status(429, "TooManyRequests", ""), "not committed"),
        (14, status(503, "", shutdown), "not committed"),
    ]
}

#[tokio::test(start_paused = true)]
async fn each_answer_has_the_outcome_that_it_proves() {
    let claims = BTreeMap::from([
        (10, covers(10)),
        (11, covers(11)),
        (12, covers(12)),
        (14, covers(14)),
        (15, covers(15)),
        (17, covers(17)),
        (18, covers(18)),
        (19, covers(19)),
        (71, covers(71)),
    ]);
    for (row, reply, expected) in [successes(), failures()].concat() {
        let outcome = outcome_of(reply.clone()).await;
        assert_eq!(shown(&outcome), expected, "{reply:?}: {outcome:?}");
        if let Some(claim) = claims.get(&row) {
            claim.hit();
        }
    }
    for code in [400, 401, 403, 404, 405, 406, 409, 413, 415, 422] {
        let outcome = outcome_of(Reply::Raw(code, String::new(), vec![])).await;
        assert_eq!(shown(&outcome), "not committed", "{code}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_listed_status_is_transient_and_still_not_committed() {
    for (listed, code, transient, expected) in [
        (&[403_u16][..], 403, true, "not committed"),
        (&[], 403, false, "not committed"),
        (&[401], 403, false, "not committed"),
        (&[302], 302, true, "unknown"),
        // That somebody else wrote is an answer, and no trouble.
        (&[409, 404], 409, false, "not committed"),
        (&[409, 404], 404, false, "not committed"),
    ] {
        let (client, _) = client(move |_| Reply::Raw(code, String::new(), vec![]));
        let builder = dcs_kubernetes::ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
        let builder = builder.retriable_http_codes(listed.iter().copied());
        let dcs = builder.build_with_client(client).unwrap();
        let outcome = dcs.write(&leader(held("demo-0", 1)), at(100)).await;
        assert_eq!(shown(&outcome), expected, "{listed:?} {code}");
        let (Outcome::NotCommitted(error) | Outcome::Unknown(error)) = &outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(
            error.is_transient(),
            transient,
            "{listed:?} {code}: {error}"
        );
    }
}

#[tokio::test]
async fn a_commit_returns_the_record_that_the_server_stored() {
    let stored = json!({"leader": "demo-9", "ttl": "15"});
    let outcome = outcome_of(Reply::Json(200, object("demo", 101, &stored))).await;
    let Outcome::Committed(committed) = outcome else {
        panic!("{outcome:?}")
    };
    let Some(Value::Present(record)) = committed.leader else {
        panic!("{committed:?}")
    };
    assert_eq!(record.holder, Some(name("demo-9")));
}

#[tokio::test]
async fn a_server_that_was_never_reached_wrote_nothing() {
    // Bound and closed again: nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = kube::Config::new(format!("http://{address}").parse().unwrap());
    let builder = dcs_kubernetes::ConfigMapDcs::builder("demo".parse().unwrap());
    let dcs = builder.tuned().build(config).unwrap();
    let outcome = dcs.write(&leader(held("demo-0", 1)), at(100)).await;
    assert!(
        matches!(outcome, Outcome::NotCommitted(Error::Unavailable { .. })),
        "{outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_by_its_deadline_even_while_bytes_trickle() {
    let silent = covers(22);
    let trickles = covers(24);
    for (reply, hit) in [
        (Reply::Hang, &silent),
        (Reply::Open(vec!["{".to_owned()]), &trickles),
    ] {
        let clock = TokioClock::new();
        let started = clock.now();
        let outcome = match select(pin!(outcome_of(reply)), clock.sleep(AN_HOUR)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => panic!("an attempt without end"),
        };
        assert_eq!(shown(&outcome), "unknown");
        assert_eq!(clock.now().challenger_elapsed_since(started).as_secs(), 2);
        hit.hit();
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_twice() {
    for reply in [
        Reply::Hang,
        Reply::Reset,
        Reply::Raw(503, String::new(), vec![]),
    ] {
        let (client, log) = client(move |_| reply.clone());
        let _ = endpoints(client)
            .write(&leader(held("demo-0", 1)), at(1))
            .await;
        assert_eq!(log.all().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_not_collected_for_ever() {
    let chunk = "x".repeat(1 << 20);
    let outcome = outcome_of(Reply::Closed(vec![chunk; 9])).await;
    let Outcome::Unknown(Error::Backend { source, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(source.to_string().contains("longer than"), "{source}");
}

fn error_of(outcome: Outcome) -> Error {
    match outcome {
        Outcome::NotCommitted(error) | Outcome::Unknown(error) => error,
        Outcome::Committed(committed) => panic!("{committed:?}"),
    }
}

#[tokio::test]
async fn each_refusal_says_the_way_out() {
    let denied = covers(51);
    let forbidden = error_of(outcome_of(status(403, "Forbidden", "no")).await);
    let text = forbidden.to_string();
    assert!(text.contains("patch endpoints default/demo"), "{text}");
    assert!(text.contains("let a Role grant"), "{text}");

    let openshift = "endpoint address 10.1.2.3 is not allowed";
    let guarded = error_of(outcome_of(status(403, "Forbidden", openshift)).await);
    assert!(guarded.to_string().contains("ConfigMapDcs"), "{guarded}");

    let unknown = error_of(outcome_of(status(401, "Unauthorized", "")).await);
    assert!(
        matches!(unknown, Error::Unauthenticated { .. }),
        "{unknown:?}"
    );

    let gone = error_of(outcome_of(status(404, "NotFound", "")).await);
    assert!(
        matches!(gone, Error::Conflict { found: None, .. }),
        "{gone:?}"
    );

    let refused = error_of(outcome_of(status(422, "Invalid", "bad\u{1b}[31m\naddress")).await);
    assert!(
        matches!(&refused, Error::Refused { why, .. } if why == "bad [31m address"),
        "{refused:?}"
    );
    denied.hit();
}

#[tokio::test]
async fn a_value_that_is_too_large_is_told_with_its_size() {
    let annotations = covers(48);
    let body = covers(49);
    let causes = json!([{"reason": "FieldValueTooLong", "field": "metadata.annotations"}]);
    let refusal = json!({"code": 422, "reason": "Invalid", "details": {"causes": causes}});
    for (reply, hit) in [
        (Reply::Json(422, refusal), &annotations),
        (Reply::Raw(413, String::new(), vec![]), &body),
    ] {
        let (client, _) = client(move |_| reply.clone());
        let config: Config = format!(r#"{{"x":"{}"}}"#, "y".repeat(300_000))
            .parse()
            .unwrap();
        let outcome = endpoints(client)
            .write(&Change::Config(Some(config)), at(1))
            .await;
        let Error::TooLarge { limit, actual, .. } = error_of(outcome) else {
            panic!("no TooLarge")
        };
        assert_eq!(limit, 262_144);
        assert!(actual > 300_000);
        hit.hit();
    }
}

#[tokio::test]
async fn a_hostile_retry_after_is_clamped() {
    let hostile = covers(16);
    for (text, expected) in [
        ("7", Some(7)),
        ("1000000000", Some(60)),
        ("18446744073709551615", Some(60)),
        ("99999999999999999999999", None),
        ("-1", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ] {
        let outcome = outcome_of(Reply::Raw(503, String::new(), vec![("retry-after", text)])).await;
        let Error::Unavailable { retry_after, .. } = error_of(outcome) else {
            panic!("{text}")
        };
        assert_eq!(retry_after, expected.map(Duration::from_secs), "{text}");
        hostile.hit();
    }
}

#[tokio::test]
async fn a_warning_in_the_headers_is_no_error() {
    let warned = covers(72);
    let text = "299 - \"v1 Endpoints is deprecated\"";
    let body = object("demo", 101, &json!({})).to_string();
    let warning = Reply::Raw(200, body, vec![("warning", text)]);
    let outcome = outcome_of(warning.clone()).await;
    assert_eq!(shown(&outcome), "committed", "{outcome:?}");
    warned.hit();
    let (client, _) = client(move |_| warning.clone());
    endpoints(client).load_leader().await.unwrap();
    warned.hit();
}

#[tokio::test]
async fn a_member_without_a_pod_is_told_to_create_it() {
    let (client, _) = client(|_| status(404, "NotFound", "pods \"demo-0\" not found"));
    let record = MemberRecord::new(name("demo-0"), serde_json::Map::new());
    let error = error_of(configmaps(client).put_member(&record).await);
    assert!(matches!(error, Error::Missing { .. }), "{error:?}");
    assert!(
        error.to_string().contains("create the member's Pod"),
        "{error}"
    );
}

#[tokio::test]
async fn a_creation_that_lost_is_a_conflict() {
    let race = covers(3);
    let (client, _) = client(|_| status(409, "AlreadyExists", ""));
    let outcome = endpoints(client)
        .write(&leader(held("demo-0", 1)), Precondition::Absent)
        .await;
    assert!(outcome.is_conflict(), "{outcome:?}");
    race.hit();
}

#[tokio::test]
async fn an_object_without_our_labels_is_not_ours() {
    let theirs = json!({"metadata": {"name": "demo", "resourceVersion": "5", "labels": {"cluster-name": "demo"}}});
    let (client, _) = client(move |_| Reply::Json(200, theirs.clone()));
    let error = endpoints(client).load_leader().await.unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("endpoints default/demo") && text.contains("application=dcs"),
        "{text}"
    );
}

#[tokio::test]
async fn a_list_whose_pages_expire_is_begun_anew_and_never_half() {
    let expired = covers(32);
    let rests = std::sync::atomic::AtomicUsize::new(0);
    let (client, _) = client(move |asked| {
        let rest = asked.uri.contains("continue=");
        let earlier = rests.fetch_add(usize::from(rest), std::sync::atomic::Ordering::SeqCst);
        match () {
            () if rest && earlier == 0 => status(410, "Expired", ""),
            () if rest => Reply::Json(
                200,
                json!({
                    "metadata": {"resourceVersion": "8"},
                    "items": [object("demo-config", 4, &json!({}))],
                }),
            ),
            () => {
                // What the first one showed is gone when the list begins anew.
                let first = if earlier == 0 {
                    "demo-sync"
                } else {
                    "demo-leader"
                };
                Reply::Json(
                    200,
                    json!({
                        "metadata": {"resourceVersion": "7", "continue": "x"},
                        "items": [object(first, 3, &json!({}))],
                    }),
                )
            }
        }
    });
    let found = configmaps(client).load().await.unwrap();
    assert!(found.config.revision.is_some() && found.leader.revision.is_some());
    assert_eq!(found.sync.revision, None, "a part of the first list");
    expired.hit();
}

#[tokio::test]
async fn a_list_that_gets_no_further_is_an_error() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let (client, _) = client(move |_| {
        let earlier = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let next = if earlier < 50 { "x" } else { "" };
        let metadata = json!({"resourceVersion": "7", "continue": next});
        Reply::Json(200, json!({"metadata": metadata, "items": []}))
    });
    let error = configmaps(client).load().await.unwrap_err();
    let Error::Backend { source, .. } = error else {
        panic!("{error:?}")
    };
    assert!(source.to_string().contains("next one"), "{source}");
}

#[tokio::test]
async fn a_config_object_that_someone_else_made_is_foreign_and_left_alone() {
    let (client, log) = client(|asked| match asked.method.as_str() {
        "POST" => status(
            409,
            "AlreadyExists",
            "endpoints \"demo-config\" already exists",
        ),
        _ => Reply::Json(
            200,
            json!({"metadata": {"name": "demo-config", "resourceVersion": "7", "labels": {}}}),
        ),
    });
    let change = Change::Config(Some(Config::default()));
    let outcome = endpoints(client).write(&change, Precondition::Absent).await;
    let Outcome::NotCommitted(error @ Error::Foreign { .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(error.to_string().contains("demo-config"), "{error}");
    assert!(log.all().iter().all(|asked| asked.method != "PATCH"));
}

#[tokio::test]
async fn a_config_object_that_a_member_made_first_is_a_conflict() {
    let (client, _) = client(|asked| match asked.method.as_str() {
        "POST" => status(
            409,
            "AlreadyExists",
            "endpoints \"demo-config\" already exists",
        ),
        _ => Reply::Json(200, object("demo-config", 7, &json!({}))),
    });
    let change = Change::Config(Some(Config::default()));
    let outcome = endpoints(client).write(&change, Precondition::Absent).await;
    assert!(outcome.is_conflict(), "{outcome:?}");
}

//! What goes wrong on command.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "time is virtual, and a test that cannot go on fails"
)]

mod support;

use std::time::Duration;

use dcs_fakeapi::{Action, Edit, FakeApi, Faults, On, Options, Rates, Recorded, Reply, Verb};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::support::{MAPS, Said, Watch, ask, label, map, read, send};

const SECOND: Duration = Duration::from_secs(1);

async fn one() -> (FakeApi, String) {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    fake.clear_requests();
    (fake, format!("{MAPS}/a"))
}

fn x(value: &str) -> Value {
    json!({"metadata": {"labels": {"x": value}}})
}

fn stored(fake: &FakeApi) -> Value {
    fake.object("configmaps", "default", "a").unwrap()["metadata"]["labels"]["x"].clone()
}

fn last(fake: &FakeApi) -> Recorded {
    fake.requests().pop().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_is_not_applied() {
    let (fake, path) = one().await;
    fake.fault(On::writes().once(), Action::LoseRequest);
    assert!(send(&fake, ("PATCH", &path), &x("2")).await.is_err());
    assert_eq!(stored(&fake), "1");
    let lost = last(&fake);
    assert_eq!(
        (lost.applied, lost.status, lost.faults),
        (false, None, vec!["LoseRequest"])
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_of_a_request_that_was_applied() {
    let (fake, path) = one().await;
    fake.fault(On::writes().once(), Action::LoseAnswer);
    assert!(send(&fake, ("PATCH", &path), &x("2")).await.is_err());
    assert_eq!(stored(&fake), "2");
    assert_eq!((last(&fake).applied, last(&fake).status), (true, None));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_held_is_applied_also_after_its_client_gave_up() {
    let (fake, path) = one().await;
    fake.fault(On::writes().once(), Action::DelayBefore(40 * SECOND));
    let body = x("2");
    let gives_up = timeout(10 * SECOND, ask(&fake, ("PATCH", &path), &body)).await;
    assert!(gives_up.is_err());
    assert_eq!(stored(&fake), "1");
    tokio::time::sleep(31 * SECOND).await;
    assert_eq!(stored(&fake), "2");
}

#[tokio::test(start_paused = true)]
async fn a_delay_after_the_commit_delays_the_answer_alone() {
    let (fake, path) = one().await;
    fake.fault(On::writes().once(), Action::DelayAfter(5 * SECOND));
    let started = Instant::now();
    let body = x("2");
    let asking = ask(&fake, ("PATCH", &path), &body);
    let looking = async {
        tokio::time::sleep(SECOND).await;
        assert_eq!(stored(&fake), "2");
    };
    let ((code, _), ()) = tokio::join!(asking, looking);
    assert_eq!((code, started.elapsed()), (200, 5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_never_answers() {
    for (action, applied) in [(Action::Hang, "1"), (Action::HangAfter, "2")] {
        let (fake, path) = one().await;
        fake.fault(On::writes().once(), action);
        let body = x("2");
        let answer = ask(&fake, ("PATCH", &path), &body);
        assert!(timeout(86_400 * SECOND, answer).await.is_err());
        assert_eq!(stored(&fake), applied);
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_of_a_duplicate_hears_of_the_second() {
    let fake = FakeApi::new();
    fake.fault(On::writes().once(), Action::Duplicate);
    let body = json!({"metadata": {"name": "a"}});
    let (code, status) = ask(&fake, ("POST", MAPS), &body).await;
    assert_eq!((code, &status["reason"]), (409, &json!("AlreadyExists")));
    assert!(last(&fake).applied);
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_applied_again_later() {
    let (fake, path) = one().await;
    fake.fault(On::writes().once(), Action::Replay(5 * SECOND));
    assert_eq!(ask(&fake, ("PATCH", &path), &x("2")).await.0, 200);
    assert_eq!(label(&fake, "a", "3").await, 4);
    tokio::time::sleep(6 * SECOND).await;
    assert_eq!((stored(&fake), fake.revision()), (json!("2"), 5));
}

#[tokio::test(start_paused = true)]
async fn any_answer_can_be_given_in_the_place_of_the_true_one() {
    let (fake, path) = one().await;
    let busy = Reply::status(503, "ServiceUnavailable", "later").retry_after(3600);
    fake.fault(On::writes().once(), Action::Answer(busy));
    let response = send(&fake, ("PATCH", &path), &x("2")).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "3600");
    assert_eq!(stored(&fake), "1");
    fake.fault(
        On::writes().once(),
        Action::AnswerAfter(Reply::etcd_timeout()),
    );
    let (code, status) = ask(&fake, ("PATCH", &path), &x("2")).await;
    assert_eq!((code, status.get("reason")), (500, None));
    assert_eq!(stored(&fake), "2");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_any_bytes_comes_as_it_is() {
    let (fake, path) = one().await;
    fake.fault(On::any(), Action::Answer(Reply::raw(502, "<html>")));
    let response = send(&fake, ("GET", &path), &Value::Null).await.unwrap();
    assert_eq!(response.headers().get("content-type"), None);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "<html>");
}

#[tokio::test(start_paused = true)]
async fn a_body_can_break_off_and_can_end_too_early() {
    let (fake, path) = one().await;
    let whole = send(&fake, ("GET", &path), &Value::Null).await.unwrap();
    let whole = whole.into_body().collect().await.unwrap().to_bytes();
    fake.fault(On::any().once(), Action::CutBody);
    let cut = send(&fake, ("GET", &path), &Value::Null).await.unwrap();
    assert!(cut.into_body().collect().await.is_err());
    fake.fault(On::any().once(), Action::TruncateBody);
    let short = send(&fake, ("GET", &path), &Value::Null).await.unwrap();
    let short = short.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(short, whole[..whole.len() / 2]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_takes_its_time() {
    let (fake, path) = one().await;
    fake.fault(On::any(), Action::Trickle(SECOND));
    let started = Instant::now();
    let (code, object) = read(&fake, &path).await;
    assert_eq!((code, &object["metadata"]["name"]), (200, &json!("a")));
    assert!(started.elapsed() > 10 * SECOND, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_watch_breaks_off_in_its_next_line() {
    let (fake, _) = one().await;
    fake.fault(On::any().verb(Verb::Watch), Action::CutBody);
    let mut watch = Watch::open(&fake, "&resourceVersion=0").await;
    let Said::Broken(fragment) = watch.next().await else {
        panic!("not broken");
    };
    assert!(fragment.starts_with("{\"type\":\"ADDED\""));
}

#[tokio::test(start_paused = true)]
async fn rbac_refuses_in_its_own_words() {
    let fake = FakeApi::with_options(Options::new().user("bob"));
    fake.fault(On::any(), Action::Forbid);
    for (uri, subject) in [
        (
            format!("{MAPS}/x"),
            "configmaps \"x\" is forbidden: User \"bob\" cannot get resource \"configmaps\" in API group \"\" in the namespace \"default\"",
        ),
        (
            MAPS.to_owned(),
            "configmaps is forbidden: User \"bob\" cannot list resource \"configmaps\" in API group \"\" in the namespace \"default\"",
        ),
        (
            format!("{MAPS}?watch=1"),
            "configmaps is forbidden: User \"bob\" cannot watch resource \"configmaps\" in API group \"\" in the namespace \"default\"",
        ),
        (
            "/apis/coordination.k8s.io/v1/leases".to_owned(),
            "leases.coordination.k8s.io is forbidden: User \"bob\" cannot list resource \"leases\" in API group \"coordination.k8s.io\" at the cluster scope",
        ),
    ] {
        let (code, status) = read(&fake, &uri).await;
        assert_eq!((code, &status["message"]), (403, &json!(subject)));
    }
    fake.set_faults(Faults::new().on(On::any(), Action::Unauthorized));
    assert_eq!(read(&fake, MAPS).await.0, 401);
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_for_the_requests_that_it_names() {
    let (fake, path) = one().await;
    let second = On::any()
        .verb(Verb::Patch)
        .kind("configmaps")
        .name("a")
        .nth(2);
    fake.fault(second, Action::LoseRequest);
    map(&fake, "b", "1").await;
    assert_eq!(read(&fake, &path).await.0, 200);
    label(&fake, "b", "2").await;
    label(&fake, "a", "2").await;
    assert!(send(&fake, ("PATCH", &path), &x("3")).await.is_err());
    label(&fake, "a", "3").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_can_be_cut_off_alone_and_healed() {
    let (fake, path) = one().await;
    fake.fault(On::any().client("m"), Action::Refuse);
    let request = || {
        http::Request::get(&path)
            .body(kube::client::Body::empty())
            .unwrap()
    };
    let cut = fake.client_named("m");
    assert!(cut.send(request()).await.is_err());
    assert!(fake.client_named("n").send(request()).await.is_ok());
    fake.clear_faults_of("m");
    assert!(cut.send(request()).await.is_ok());
    let clients: Vec<_> = fake
        .requests()
        .into_iter()
        .map(|asked| asked.client)
        .collect();
    assert_eq!(clients, ["m", "n", "m"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_and_a_request_can_be_changed_on_their_way() {
    let (fake, path) = one().await;
    let opaque = Edit::new(|object| object["metadata"]["resourceVersion"] = "abc".into());
    fake.fault(On::any().verb(Verb::Get), Action::EditAnswer(opaque));
    let (_, object) = read(&fake, &path).await;
    assert_eq!(object["metadata"]["resourceVersion"], "abc");
    let webhook = Edit::new(|object| object["metadata"]["labels"]["x"] = "forced".into());
    fake.fault(On::writes(), Action::EditRequest(webhook));
    let (_, object) = ask(&fake, ("PATCH", &path), &x("2")).await;
    assert_eq!(object["metadata"]["labels"]["x"], "forced");
    assert_eq!(last(&fake).body, x("2"), "the log has what was sent");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_brings_the_same_faults() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let fake = FakeApi::new();
        fake.set_faults(Faults::random(seed, Rates::all(0.1)));
        for number in 0..100 {
            let body = json!({"metadata": {"name": format!("a{number}")}});
            let asked = ask_if_it_answers(&fake, &body);
            let _ = timeout(60 * SECOND, asked).await;
        }
        let faults: Vec<_> = fake
            .requests()
            .into_iter()
            .map(|asked| (asked.faults, asked.status))
            .collect();
        runs.push(faults);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    assert!(runs[0].iter().any(|(faults, _)| !faults.is_empty()));
}

async fn ask_if_it_answers(fake: &FakeApi, body: &Value) {
    if let Ok(response) = send(fake, ("POST", MAPS), body).await {
        let _ = response.into_body().collect().await;
    }
}

#[tokio::test(start_paused = true)]
async fn rates_of_nothing_bring_nothing() {
    let fake = FakeApi::new();
    fake.set_faults(Faults::random(1, Rates::none()));
    for number in 0..100 {
        map(&fake, &format!("a{number}"), "1").await;
    }
    assert!(fake.requests().iter().all(|asked| asked.faults.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn the_newest_requests_are_remembered_and_each_keeps_its_own_outcome() {
    let fake = FakeApi::with_options(Options::new().keep_requests(2));
    fake.fault(On::writes().once(), Action::DelayBefore(5 * SECOND));
    let body = json!({"metadata": {"name": "late"}});
    let late = ask(&fake, ("POST", MAPS), &body);
    let others = async {
        tokio::time::sleep(SECOND).await;
        for _ in 0..3 {
            read(&fake, MAPS).await;
        }
    };
    let ((code, _), ()) = tokio::join!(late, others);
    assert_eq!(code, 201);
    let kept = fake.requests();
    assert_eq!(kept.len(), 2);
    assert!(
        kept.iter()
            .all(|asked| !asked.applied && asked.verb == Some(Verb::List))
    );
}

#[tokio::test(start_paused = true)]
async fn endpoints_come_with_their_warning() {
    let fake = FakeApi::new();
    let uri = "/api/v1/namespaces/default/endpoints";
    let response = send(&fake, ("GET", uri), &Value::Null).await.unwrap();
    let warning = response.headers()["warning"].to_str().unwrap();
    assert!(warning.starts_with("299 - \"v1 Endpoints is deprecated"));
}

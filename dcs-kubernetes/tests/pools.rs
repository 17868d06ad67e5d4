//! Whose connections are given up, and what of a `kube::Config` holds.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcs_core::{Change, Dcs, Error, MemberRecord, Outcome};
use dcs_kubernetes::{BuildError, ConfigMapDcs};
use kube::Config;
use kube::config::ExecConfig;
use serde_json::{Map, json};
use support::renewal::{lock, write};
use support::samples::{at, name};
use support::scripted::Tuned as _;
use support::web::Web;

fn handle(config: Config, attempt: Duration) -> ConfigMapDcs {
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    builder.attempt_timeout(attempt).build(config).unwrap()
}

#[tokio::test]
async fn lists_that_hang_leave_the_connection_of_the_lock_alone() {
    let web = Web::plain(|_| lock()).await;
    let attempt = Duration::from_millis(500);
    let dcs = handle(Config::new(web.url("http", "127.0.0.1")), attempt);
    dcs.load().await.unwrap();
    // All that there is so far carries lists, and dies.
    let lists = web.opened();
    web.silence();
    write(&dcs).await.into_result().unwrap();
    assert_eq!(web.opened(), lists + 1, "the lock's own");

    let error = dcs.load().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    write(&dcs).await.into_result().unwrap();
    assert_eq!(web.opened(), lists + 1, "the lock's is still in use");
}

#[tokio::test]
async fn writes_beside_the_lock_that_hang_leave_its_connection_alone() {
    let web = Web::plain(|_| lock()).await;
    let attempt = Duration::from_millis(500);
    let dcs = handle(Config::new(web.url("http", "127.0.0.1")), attempt);
    let member = MemberRecord::new(name("demo-0"), Map::new());
    let config = Change::Config(Some(dcs_core::Config::default()));
    dcs.put_member(&member).await.into_result().unwrap();
    dcs.write(&config, at(100)).await.into_result().unwrap();
    let beside = web.opened();
    web.silence();
    write(&dcs).await.into_result().unwrap();
    assert_eq!(web.opened(), beside + 1, "the lock's own");

    let outcome = dcs.put_member(&member).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    write(&dcs).await.into_result().unwrap();
    assert_eq!(web.opened(), beside + 1, "the lock's is still in use");
}

#[tokio::test]
async fn the_headers_of_a_configuration_are_sent_also_on_new_connections() {
    let web = Web::plain(|head| {
        let is_ours = head.to_lowercase().contains("x-tenant: blue\r\n");
        if is_ours { lock() } else { (403, json!({})) }
    });
    let web = web.await;
    let mut config = Config::new(web.url("http", "127.0.0.1"));
    let (name, value) = ("x-tenant".parse().unwrap(), "blue".parse().unwrap());
    config.headers.push((name, value));
    let dcs = handle(config, Duration::from_millis(500));
    write(&dcs).await.into_result().unwrap();
    web.silence();
    assert!(matches!(write(&dcs).await, Outcome::Unknown(_)));
    write(&dcs).await.into_result().unwrap();
}

#[tokio::test]
async fn a_refusal_is_sent_once_although_the_configuration_asks_for_retries() {
    let web = Web::plain(|_| (503, json!({}))).await;
    let mut config = Config::new(web.url("http", "127.0.0.1"));
    config.default_retry = true;
    let dcs = handle(config, Duration::from_secs(60));
    assert!(matches!(write(&dcs).await, Outcome::Unknown(_)));
    assert_eq!(web.seen().len(), 1);
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_told_and_never_passed_by() {
    let web = Web::plain(|_| lock()).await;
    let mut config = Config::new(web.url("http", "127.0.0.1"));
    config.proxy_url = Some("ftp://127.0.0.1:1/".parse().unwrap());
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    let error = builder.build(config).unwrap_err();
    assert!(matches!(error, BuildError::Client(_)), "{error:?}");
    assert_eq!(web.opened(), 0);
}

/// A command that brings the token of this folder, and with a file `slow` there
/// only once there is a file `go`.
fn command(folder: &Path) -> ExecConfig {
    let script = r#"
        if [ -e slow ]; then
            for i in $(seq 1000); do [ -e go ] && break; sleep 0.01; done
            touch done
        fi
        printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$(cat token)"
    "#;
    exec(&format!("cd '{}' && {script}", folder.display()))
}

/// The version of the answers of such commands.
const API: &str = "client.authentication.k8s.io/v1";

fn exec(script: &str) -> ExecConfig {
    let exec = json!({
        "apiVersion": API,
        "command": "sh",
        "args": ["-c", script],
        "interactiveMode": "Never",
    });
    serde_json::from_value(exec).unwrap()
}

/// A server that takes one token, and a handle whose command brings `first` and
/// hangs from now on.
struct Hangs {
    folder: PathBuf,
    wanted: Arc<Mutex<&'static str>>,
    dcs: ConfigMapDcs,
    _web: Web,
}

impl Hangs {
    async fn open(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("token"), "first").unwrap();
        let wanted = Arc::new(Mutex::new("first"));
        let known = Arc::clone(&wanted);
        let web = Web::plain(move |head| {
            let header = format!("authorization: bearer {}\r\n", known.lock().unwrap());
            let is_known = head.to_lowercase().contains(&header);
            if is_known { lock() } else { (401, json!({})) }
        });
        let web = web.await;
        let mut config = Config::new(web.url("http", "127.0.0.1"));
        config.auth_info.exec = Some(command(&folder));
        let dcs = handle(config, Duration::from_millis(400));
        write(&dcs).await.into_result().unwrap();
        fs::write(folder.join("slow"), "").unwrap();
        fs::write(folder.join("token"), "second").unwrap();
        Self {
            folder,
            wanted,
            dcs,
            _web: web,
        }
    }

    fn wants(&self, token: &'static str) {
        *self.wanted.lock().unwrap() = token;
    }

    async fn is_denied(&self) -> bool {
        match write(&self.dcs).await {
            Outcome::Committed(_) => false,
            Outcome::NotCommitted(Error::Unauthenticated { .. }) => true,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_command_that_hangs_holds_up_no_request_and_its_credentials_are_taken_later() {
    let hangs = Hangs::open("command-hangs").await;
    let done = hangs.folder.join("done");
    hangs.wants("second");
    assert!(hangs.is_denied().await);
    // What the old ones are good for goes on with them.
    hangs.wants("first");
    assert!(!hangs.is_denied().await);
    assert!(!done.exists(), "it was waited for");

    hangs.wants("second");
    fs::write(hangs.folder.join("go"), "").unwrap();
    while hangs.is_denied().await {}
    assert!(done.exists());
}

#[test]
fn a_command_that_hangs_keeps_no_process_from_its_end() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let hangs = runtime.block_on(Hangs::open("command-hangs-on"));
    hangs.wants("second");
    assert!(runtime.block_on(hangs.is_denied()));
    drop(runtime);
    assert!(!hangs.folder.join("done").exists(), "it was waited for");
    fs::write(hangs.folder.join("go"), "").unwrap();
}

#[tokio::test]
async fn credentials_that_cannot_be_had_are_told_and_nothing_is_sent() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("command-fails");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let web = Web::plain(|_| lock()).await;
    let mut config = Config::new(web.url("http", "127.0.0.1"));
    // Expired at once, so that each request needs new ones.
    let status = r#"{"token":"first","expirationTimestamp":"2000-01-01T00:00:00Z"}"#;
    config.auth_info.exec = Some(exec(&format!(
        r#"cd '{}' && [ ! -e broken ] && printf '{{"apiVersion":"{API}","kind":"ExecCredential","status":{status}}}'"#,
        folder.display()
    )));
    let dcs = handle(config, Duration::from_secs(60));
    write(&dcs).await.into_result().unwrap();
    fs::write(folder.join("broken"), "").unwrap();
    let outcome = write(&dcs).await;
    let is_told = matches!(
        outcome,
        Outcome::NotCommitted(Error::Unauthenticated { .. })
    );
    assert!(is_told, "{outcome:?}");
    assert_eq!(web.seen().len(), 1);
}

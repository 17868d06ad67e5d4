//! What the tests with a real server share.

#![allow(
    dead_code,
    reason = "each test binary compiles this file and uses a part of it"
)]

pub(crate) mod connection;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A client that trusts one authority only.
pub(crate) struct Client {
    agent: Agent,
    url: String,
    token: String,
}

/// The status and the body of a reply.
pub(crate) type Reply = (u16, Value);

impl Client {
    pub(crate) fn new(url: &str, authority: &str, token: &str) -> Self {
        let root = Certificate::from_pem(authority.as_bytes()).unwrap();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[root]))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .user_agent("cluster-test")
            .timeout_global(Some(Duration::from_secs(20)));
        Self {
            agent: config.build().into(),
            url: url.to_owned(),
            token: token.to_owned(),
        }
    }

    /// A client that knows nothing but a kubeconfig.
    pub(crate) fn from_kubeconfig(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let config: Value = serde_json::from_str(&text).unwrap();
        let cluster = &config["clusters"][0]["cluster"];
        let authority = cluster["certificate-authority-data"].as_str().unwrap();
        let authority = String::from_utf8(STANDARD.decode(authority).unwrap()).unwrap();
        let token = config["users"][0]["user"]["token"].as_str().unwrap();
        Self::new(cluster["server"].as_str().unwrap(), &authority, token)
    }

    pub(crate) fn with_token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    pub(crate) fn get(&self, path: &str) -> Result<Reply, ureq::Error> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let reply = request.header("Authorization", self.bearer()).call()?;
        Ok(Self::read(reply))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        let request = self.agent.post(format!("{}{path}", self.url));
        let reply = request
            .header("Authorization", self.bearer())
            .header("Content-Type", "application/json")
            .send(body.to_string())
            .unwrap();
        Self::read(reply)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn read(mut reply: Response<ureq::Body>) -> Reply {
        let status = reply.status().as_u16();
        let text = reply.body_mut().read_to_string().unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

/// The helper binary with one task, its output at hand.
pub(crate) fn helper(task: &str, parent: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_dcs-cluster-helper"))
        .arg(task)
        .arg(parent)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Whether a process of this number exists and is no zombie.
pub(crate) fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Asks again for some seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the servers are real processes and tell nobody when they are done"
)]
pub(crate) fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    (0..400).any(|_| {
        std::thread::sleep(Duration::from_millis(25));
        holds()
    })
}

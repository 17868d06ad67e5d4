//! Asking the servers whether they are ready.

use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::error::Error;

/// One question may take this long: a frozen server must not hold the poll.
const QUESTION_LIMIT: Duration = Duration::from_secs(2);

/// Asks an API server, over TLS verified against the cluster's own authority.
#[derive(Debug)]
pub(crate) struct ApiProbe {
    agent: Agent,
    url: String,
    token: String,
}

impl ApiProbe {
    pub(crate) fn new(url: &str, authority: &str, token: &str) -> Result<Self, Error> {
        let root =
            Certificate::from_pem(authority.as_bytes()).map_err(|source| Error::Certificates {
                reason: source.to_string(),
            })?;
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[root]))
            .build();
        let config = Agent::config_builder().tls_config(tls);
        Ok(Self {
            agent: loopback(config),
            url: url.to_owned(),
            token: token.to_owned(),
        })
    }

    /// `Ok` if the server is ready and has made the namespace `default`, which
    /// it does on its own some time after it calls itself ready.
    pub(crate) fn is_ready(&self) -> Result<(), String> {
        for path in ["/readyz", "/api/v1/namespaces/default"] {
            let request = self
                .agent
                .get(format!("{}{path}", self.url))
                .header("Authorization", format!("Bearer {}", self.token));
            expect_success(path, request.call())?;
        }
        Ok(())
    }
}

/// Asks an etcd.
pub(crate) fn etcd_is_ready(port: u16) -> Result<(), String> {
    let agent = loopback(Agent::config_builder());
    let answer = agent.get(format!("http://127.0.0.1:{port}/health")).call();
    expect_success("/health", answer)
}

/// No proxy that the environment names has a way to this machine's loopback.
fn loopback(config: ureq::config::ConfigBuilder<ureq::typestate::AgentScope>) -> Agent {
    config
        .proxy(None)
        .http_status_as_error(false)
        .timeout_global(Some(QUESTION_LIMIT))
        .build()
        .into()
}

fn expect_success(
    path: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(), String> {
    let mut response = answer.map_err(|error| format!("{path}: {error}"))?;
    if response.status().is_success() {
        return Ok(());
    }
    let body = response.body_mut().read_to_string().unwrap_or_default();
    Err(format!("{path}: {} {body}", response.status()))
}

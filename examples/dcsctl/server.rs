//! The API server, asked for all that could belong to a scope.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use dcs_core::Dcs;
use dcs_kubernetes::{
    BuildError, ConfigMapDcs, EndpointsDcs, Mode, Namespace, Saved, infer_config,
};
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::args::Args;

/// How this program calls itself in the API server's audit log.
const AGENT: &str = concat!("dcsctl/", env!("CARGO_PKG_VERSION"));
/// Longest that one request may take.
const REQUEST: Duration = Duration::from_secs(10);
/// Entries of one page of a list.
const PAGE: usize = 500;
/// Of a Pod its metadata is enough; its spec may hold secrets.
const METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// The way to the API server.
pub(crate) struct Server {
    config: kube::Config,
    namespace: Namespace,
}

impl Server {
    /// The cluster that a kubeconfig or the Pod names.
    pub(crate) async fn connect(namespace: &Namespace) -> anyhow::Result<Self> {
        let mut config = infer_config().await?;
        if config.accept_invalid_certs {
            bail!(BuildError::UncheckedServer);
        }
        config.default_retry = false;
        config.connect_timeout = Some(REQUEST);
        Ok(Self {
            config,
            namespace: namespace.clone(),
        })
    }

    /// The objects of both kinds, or of the one that was named, and the Pods:
    /// all that carry the scope's label.
    pub(crate) async fn lists(&self, args: &Args) -> anyhow::Result<Vec<Value>> {
        let kinds = match args.mode {
            Some(Mode::Endpoints) => vec!["Endpoints"],
            Some(Mode::ConfigMap) => vec!["ConfigMap"],
            None => vec!["Endpoints", "ConfigMap"],
        };
        let mut config = self.config.clone();
        config.read_timeout = Some(REQUEST);
        let agent = (http::header::USER_AGENT, AGENT.parse()?);
        config.headers.push(agent);
        let client = kube::Client::try_from(config).context("a client for the API server")?;
        let label = args.scope_label.as_ref();
        let label = label.map_or("cluster-name", |key| key.as_str());
        let selector = match &args.scope {
            Some(scope) => format!("{label}={scope}"),
            None => label.to_owned(),
        };
        let kinds = kinds.into_iter().chain(["Pod"]);
        try_join_all(kinds.map(|kind| self.list(client.clone(), kind, &selector))).await
    }

    /// A handle that speaks for no member, and never goes past the Service of
    /// the API servers: an administrator's machine may not reach them.
    pub(crate) fn handle(&self, args: &Args, saved: &Saved) -> anyhow::Result<Arc<dyn Dcs>> {
        macro_rules! built {
            ($backend:ty) => {{
                let mut builder = <$backend>::builder(saved.scope().clone())
                    .namespace(self.namespace.clone())
                    .labels(saved.labels().clone())
                    .attempt_timeout(REQUEST)
                    .user_agent(AGENT);
                if let Some(key) = &args.scope_label {
                    builder = builder.scope_label(key);
                }
                if let Some(group) = args.group {
                    builder = builder.group(group);
                }
                Arc::new(builder.build(self.config.clone())?)
            }};
        }
        Ok(match saved.mode() {
            Mode::Endpoints => built!(EndpointsDcs),
            Mode::ConfigMap => built!(ConfigMapDcs),
        })
    }

    async fn list(
        &self,
        client: kube::Client,
        kind: &str,
        selector: &str,
    ) -> anyhow::Result<Value> {
        let plural = match kind {
            "Endpoints" => "endpoints",
            "ConfigMap" => "configmaps",
            _ => "pods",
        };
        let doing = || format!("listing {plural} in namespace {}", self.namespace);
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let page = self.page(client.clone(), plural, selector, &next);
            let mut page = page.await.map_err(advised).with_context(doing)?;
            if let Value::Array(found) = page["items"].take() {
                items.extend(found);
            }
            match page["metadata"]["continue"].as_str() {
                Some(rest) if !rest.is_empty() => rest.clone_into(&mut next),
                _ => return Ok(json!({"kind": format!("{kind}List"), "items": items})),
            }
        }
    }

    async fn page(
        &self,
        client: kube::Client,
        plural: &str,
        selector: &str,
        next: &str,
    ) -> kube::Result<Value> {
        // Nothing in these texts needs escaping but what stands here.
        let escape = |text: &str| {
            text.replace('=', "%3D")
                .replace('/', "%2F")
                .replace('+', "%2B")
        };
        let (namespace, selector) = (&self.namespace, escape(selector));
        let next = match next {
            "" => String::new(),
            next => format!("&continue={}", escape(next)),
        };
        let uri = format!(
            "/api/v1/namespaces/{namespace}/{plural}?labelSelector={selector}&limit={PAGE}{next}"
        );
        let request = http::Request::get(uri).header(http::header::ACCEPT, METADATA);
        let request = request.body(Vec::new()).map_err(kube::Error::HttpError)?;
        client.request(request).await
    }
}

/// An object that may not be seen is not an object that is not there.
fn advised(error: kube::Error) -> anyhow::Error {
    let forbidden = matches!(&error, kube::Error::Api(status) if status.code == 403);
    let error = anyhow::Error::from(error);
    if forbidden {
        return error.context("let a Role grant list on them, or name the mode with --mode");
    }
    error
}

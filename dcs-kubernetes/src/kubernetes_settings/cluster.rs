//! Where the API server is.

use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use serde_json::json;

use super::KubernetesSettings;
use crate::BuildError;

impl KubernetesSettings {
    /// Where the API server is: as the service account of this Pod says, or
    /// outside of a cluster as the kubeconfig does (`KUBECONFIG`, else
    /// `~/.kube/config`), in the context of these settings.
    ///
    /// [`infer_config`](crate::infer_config) asks in the other order, as
    /// kubectl does; this one is Patroni's. The certificate authority is the
    /// one of `cacert`, where that is set: the file is read again when it
    /// changes, as that of a service account is, and a kubeconfig that says
    /// not to check the server is overruled.
    ///
    /// # Errors
    /// [`BuildError::NoCluster`] where there is none, [`BuildError::Context`]
    /// and [`BuildError::CaCert`] where a setting is wrong.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    pub async fn cluster(&self) -> Result<kube::Config, BuildError> {
        let config = match kube::Config::incluster() {
            Ok(config) => config,
            Err(no_pod) => {
                tracing::debug!(error = %no_pod, "not in a cluster: looking for a kubeconfig");
                let kubeconfig = Kubeconfig::read();
                self.outside(kubeconfig.map_err(|error| BuildError::NoCluster(error.into()))?)
                    .await?
            }
        };
        self.trusting(config).await
    }

    /// As a kubeconfig says it, in the context of these settings.
    async fn outside(&self, kubeconfig: Kubeconfig) -> Result<kube::Config, BuildError> {
        if let Some(context) = &self.context {
            let known: Vec<_> = kubeconfig
                .contexts
                .iter()
                .map(|it| it.name.clone())
                .collect();
            if !known.contains(context) {
                return Err(BuildError::Context {
                    context: context.clone(),
                    known,
                });
            }
        }
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
        config.map_err(|error| BuildError::NoCluster(error.into()))
    }

    async fn trusting(&self, mut config: kube::Config) -> Result<kube::Config, BuildError> {
        let Some(path) = &self.cacert else {
            return Ok(config);
        };
        let wrong = |source| BuildError::CaCert {
            path: path.clone(),
            source,
        };
        let certificates = certificates(path).await.map_err(|why| wrong(why.into()))?;
        if certificates.iter().flatten().next().is_none() {
            return Err(wrong("there is no certificate in it".into()));
        }
        config.root_cert = certificates;
        config.root_cert_file = Some(PathBuf::from(path));
        config.accept_invalid_certs = false;
        Ok(config)
    }
}

/// The certificates in a file, read as those of a kubeconfig are: kube has no
/// other way in.
async fn certificates(path: &Path) -> Result<Option<Vec<Vec<u8>>>, KubeconfigError> {
    let kubeconfig = json!({
        "clusters": [{"name": "it", "cluster": {
            "server": "https://localhost",
            "certificate-authority": path,
        }}],
        "users": [{"name": "it", "user": {}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    });
    let kubeconfig = Kubeconfig::from_yaml(&kubeconfig.to_string())?;
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    Ok(config.root_cert)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = r"
current-context: here
contexts:
- {name: here, context: {cluster: here, user: me}}
- {name: there, context: {cluster: there, user: me}}
clusters:
- {name: here, cluster: {server: 'https://here.example:6443', insecure-skip-tls-verify: true}}
- {name: there, cluster: {server: 'https://there.example:6443'}}
users:
- {name: me, user: {token: t}}
";

    async fn outside(yaml: &str) -> Result<kube::Config, BuildError> {
        let settings = KubernetesSettings::from_yaml(yaml).unwrap();
        let kubeconfig = Kubeconfig::from_yaml(KUBECONFIG).unwrap();
        let config = settings.outside(kubeconfig).await?;
        settings.trusting(config).await
    }

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("dcs-{name}-{}.pem", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    #[tokio::test]
    async fn the_context_chooses_the_cluster_and_none_is_the_current_one() {
        for (yaml, host) in [
            ("context: there", "there.example"),
            ("context: here", "here.example"),
            ("context: ''", "here.example"),
            ("", "here.example"),
        ] {
            let config = outside(yaml).await.unwrap();
            assert_eq!(config.cluster_url.host(), Some(host), "{yaml}");
        }
    }

    #[tokio::test]
    async fn a_context_that_is_not_there_is_refused_with_those_that_are() {
        let error = outside("context: kind-kind").await.unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("kind-kind") && text.contains("here, there"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_certificate_authority_is_taken_and_ends_an_unchecked_server() {
        // The DER of a certificate is not looked at before a server is met.
        let path = file(
            "ca",
            "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n",
        );
        let config = outside(&format!("cacert: {}", path.display()))
            .await
            .unwrap();
        assert_eq!(config.root_cert, Some(vec![vec![0, 1, 2]]));
        assert_eq!(config.root_cert_file.as_ref(), Some(&path));
        assert!(!config.accept_invalid_certs);
        assert!(outside("").await.unwrap().accept_invalid_certs);
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn a_certificate_authority_that_is_none_is_refused_with_its_path() {
        let path = file("no-ca", "nothing");
        for path in [&*path, Path::new("/nonexistent/ca.crt")] {
            let error = outside(&format!("cacert: {}", path.display()))
                .await
                .unwrap_err();
            assert!(matches!(error, BuildError::CaCert { .. }), "{error}");
            assert!(
                error.to_string().contains(&path.display().to_string()),
                "{error}"
            );
        }
        std::fs::remove_file(path).unwrap();
    }
}

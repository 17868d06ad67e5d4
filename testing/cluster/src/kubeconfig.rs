//! A kubeconfig, to be pointed at another address of the same server.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::{At, Error};
use crate::files::write_private;

/// A kubeconfig as [`crate::Cluster::kubeconfig`] names one.
///
/// The certificate of the API server is valid for 127.0.0.1 with any port, so
/// what connects through a [`Proxy`](crate::proxy::Proxy) verifies it as ever.
///
/// ```no_run
/// use std::path::Path;
/// use dcs_cluster::{Kubeconfig, proxy::Proxy};
///
/// # async fn example() -> Result<(), dcs_cluster::Error> {
/// let direct = Kubeconfig::read(Path::new("/tmp/kubeconfig"))?;
/// let proxy = Proxy::start(direct.server()).await?;
/// direct.write_pointed_at(proxy.address(), Path::new("/tmp/kubeconfig-proxied"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Kubeconfig {
    config: Value,
    server: SocketAddr,
    path: PathBuf,
}

impl Kubeconfig {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read, [`Error::Kubeconfig`] if it is not
    /// JSON with exactly one server at `https://IP:PORT`.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).at("read", path)?;
        let (config, server) = parse(&text).map_err(|reason| Error::Kubeconfig {
            path: path.to_owned(),
            reason,
        })?;
        Ok(Self {
            config,
            server,
            path: path.to_owned(),
        })
    }

    /// Where the API server listens.
    #[must_use]
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Writes the same to `path` with `server` in place of the API server's
    /// address. Only the owner can read the file: it holds a token.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be written.
    pub fn write_pointed_at(&self, server: SocketAddr, path: &Path) -> Result<(), Error> {
        let mut config = self.config.clone();
        config["clusters"][0]["cluster"]["server"] = json!(format!("https://{server}"));
        write_private(path, &format!("{config:#}\n"))
    }
}

impl std::fmt::Debug for Kubeconfig {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubeconfig")
            .field("path", &self.path)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

fn parse(text: &str) -> Result<(Value, SocketAddr), String> {
    let config: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    let clusters = config["clusters"].as_array().map_or(0, Vec::len);
    if clusters != 1 {
        return Err(format!("it names {clusters} clusters"));
    }
    let server = &config["clusters"][0]["cluster"]["server"];
    let address = server
        .as_str()
        .and_then(|url| url.strip_prefix("https://"))
        .and_then(|address| address.trim_end_matches('/').parse().ok());
    let address = address.ok_or_else(|| format!("its server is {server}"))?;
    Ok((config, address))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn text(server: &str) -> String {
        let config = json!({
            "clusters": [{ "name": "c", "cluster": { "server": server, "other": "kept" } }],
            "users": [{ "name": "u", "user": { "token": "secret" } }],
        });
        config.to_string()
    }

    #[test]
    fn the_copy_differs_in_the_address_of_the_server_and_in_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, text("https://127.0.0.1:1")).unwrap();

        let direct = Kubeconfig::read(&from).unwrap();
        direct
            .write_pointed_at("127.0.0.1:2".parse().unwrap(), &to)
            .unwrap();

        assert_eq!(direct.server(), "127.0.0.1:1".parse().unwrap());
        let copy: Value = serde_json::from_str(&fs::read_to_string(&to).unwrap()).unwrap();
        let expected: Value = serde_json::from_str(&text("https://127.0.0.1:2")).unwrap();
        assert_eq!(copy, expected);
        let mode = fs::metadata(&to).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{direct:?}").contains("secret"), "{direct:?}");
    }

    #[test]
    fn what_names_no_single_server_by_its_address_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        for (text, said) in [
            ("kind: Config".to_owned(), "no JSON"),
            ("{}".to_owned(), "it names 0 clusters"),
            (
                text("https://localhost:1"),
                r#"its server is "https://localhost:1""#,
            ),
            (
                text("http://127.0.0.1:1"),
                r#"its server is "http://127.0.0.1:1""#,
            ),
        ] {
            fs::write(&path, &text).unwrap();
            let error = Kubeconfig::read(&path).unwrap_err();
            assert!(matches!(error, Error::Kubeconfig { .. }), "{error:?}");
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}

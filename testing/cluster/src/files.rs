//! The folder of one run: what stands where, and the text of the files that
//! the servers read.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::credentials::{ADMIN, Credential, Credentials, PROBE, Pki};
use crate::error::{At, Error};
use crate::process::Server;

/// The files of one run.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    folder: PathBuf,
}

impl Files {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    pub(crate) fn user_kubeconfig(&self, user: &str) -> PathBuf {
        self.folder.join(format!("kubeconfig-{user}"))
    }

    pub(crate) fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    pub(crate) fn log(&self, server: Server) -> PathBuf {
        self.folder.join(format!("{server}.log"))
    }

    pub(crate) fn etcd_data(&self) -> PathBuf {
        self.folder.join("etcd")
    }

    pub(crate) fn tokens(&self) -> PathBuf {
        self.folder.join("tokens.csv")
    }

    pub(crate) fn audit_policy(&self) -> PathBuf {
        self.folder.join("audit-policy.json")
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("server.crt")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("server.key")
    }

    pub(crate) fn service_account_key(&self) -> PathBuf {
        self.folder.join("service-account.key")
    }

    pub(crate) fn service_account_public(&self) -> PathBuf {
        self.folder.join("service-account.pub")
    }

    /// Writes what does not depend on a port.
    pub(crate) fn write_inputs(&self, pki: &Pki, users: &Credentials) -> Result<(), Error> {
        write_private(&self.authority(), &pki.authority)?;
        write_private(&self.certificate(), &pki.certificate)?;
        write_private(&self.key(), &pki.key)?;
        write_private(&self.service_account_key(), &pki.service_account_key)?;
        write_private(&self.service_account_public(), &pki.service_account_public)?;
        write_private(&self.tokens(), &users.token_file())?;
        write_private(&self.audit_policy(), &audit_policy())
    }

    /// Writes a kubeconfig for every user but the probe.
    pub(crate) fn write_kubeconfigs(
        &self,
        url: &str,
        pki: &Pki,
        users: &Credentials,
    ) -> Result<(), Error> {
        for user in users.iter().filter(|user| user.name != PROBE) {
            let path = if user.name == ADMIN {
                self.kubeconfig()
            } else {
                self.user_kubeconfig(&user.name)
            };
            write_private(&path, &kubeconfig(url, &pki.authority, user))?;
        }
        Ok(())
    }

    /// The last lines of a server's log.
    pub(crate) fn tail(&self, server: Server) -> String {
        let bytes = fs::read(self.log(server)).unwrap_or_default();
        tail(&String::from_utf8_lossy(&bytes))
    }
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .at("write", path)
}

/// The last lines of a text, each cut to a length that fits an error.
pub(crate) fn tail(text: &str) -> String {
    const LINES: usize = 20;
    const WIDTH: usize = 400;
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LINES);
    let cut = lines[from..].iter().map(|line| {
        let end = line.floor_char_boundary_at(WIDTH);
        &line[..end]
    });
    cut.collect::<Vec<_>>().join("\n")
}

trait FloorCharBoundary {
    /// The last place for a cut at or before `index`.
    fn floor_char_boundary_at(&self, index: usize) -> usize;
}

impl FloorCharBoundary for str {
    fn floor_char_boundary_at(&self, index: usize) -> usize {
        let top = index.min(self.len());
        let is_boundary = |at: &usize| self.is_char_boundary(*at);
        (0..=top).rev().find(is_boundary).unwrap_or(0)
    }
}

/// A kubeconfig is YAML, and JSON is YAML.
fn kubeconfig(url: &str, authority: &str, user: &Credential) -> String {
    let cluster = json!({
        "server": url,
        "certificate-authority-data": STANDARD.encode(authority),
    });
    let context = json!({ "cluster": "dcs-cluster", "user": user.name, "namespace": "default" });
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "dcs-cluster", "cluster": cluster }],
        "users": [{ "name": user.name, "user": { "token": user.token } }],
        "contexts": [{ "name": "dcs-cluster", "context": context }],
        "current-context": "dcs-cluster",
    });
    format!("{config:#}\n")
}

/// What the audit log holds; [`crate::Cluster::audit_log`] tells how to read it.
fn audit_policy() -> String {
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            { "level": "None", "users": ["system:apiserver", PROBE] },
            { "level": "Metadata" },
        ],
    });
    format!("{policy:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_keeps_the_last_lines() {
        let lines: Vec<String> = (0..50).map(|line| line.to_string()).collect();
        let tail = tail(&lines.join("\n"));
        assert!(tail.starts_with("30\n") && tail.ends_with("\n49"), "{tail}");
    }

    #[test]
    fn a_tail_cuts_a_long_line_between_characters() {
        let tail = tail(&"ä".repeat(1000));
        assert_eq!(tail.chars().count(), 200);
    }

    #[test]
    fn a_kubeconfig_carries_the_authority_and_skips_no_check() {
        let users = Credentials::generate(&[]).unwrap();
        let admin = users.iter().next().unwrap();
        let text = kubeconfig("https://127.0.0.1:1", "PEM", admin);
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        let cluster = &config["clusters"][0]["cluster"];
        assert_eq!(cluster["certificate-authority-data"], "UEVN");
        assert!(!text.contains("insecure"));
    }

    #[test]
    fn a_kubeconfig_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned());
        let users = Credentials::generate(&[]).unwrap();
        let pki = Pki::generate().unwrap();
        files
            .write_kubeconfigs("https://127.0.0.1:1", &pki, &users)
            .unwrap();
        let mode = fs::metadata(files.kubeconfig())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

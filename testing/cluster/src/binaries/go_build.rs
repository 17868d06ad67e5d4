//! The build of the servers from their Go module, which stands beside this
//! crate and is part of its code, so a build needs no source tree.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::NAMES;
use super::progress::Progress;
use crate::error::{At, Error};
use crate::files::tail;

/// How many lines of a failed build are kept for the error.
const KEPT_LINES: usize = 20;

/// The files of the module.
const MODULE: [(&str, &str); 4] = [
    ("go.mod", include_str!("../../go/go.mod")),
    ("go.sum", include_str!("../../go/go.sum")),
    (
        "cmd/etcd/main.go",
        include_str!("../../go/cmd/etcd/main.go"),
    ),
    (
        "cmd/kube-apiserver/main.go",
        include_str!("../../go/cmd/kube-apiserver/main.go"),
    ),
];

/// A name for what this module builds: it differs if a file of the module does.
pub(super) fn key() -> String {
    key_of(&MODULE)
}

/// Builds the pair into a folder.
pub(super) fn build(go: &OsStr, folder: &Path) -> Result<(), Error> {
    let source = folder.join("source");
    for (name, text) in MODULE {
        let path = source.join(name);
        let parent = path.parent().unwrap_or(&source);
        fs::create_dir_all(parent).at("create", parent)?;
        fs::write(&path, text).at("write", &path)?;
    }
    let version = kubernetes_version(MODULE[0].1);
    let task = format!("building etcd and kube-apiserver {version} with Go (minutes, once)");
    let progress = Progress::start(&task);
    let built = run(go, &source, folder, &progress);
    progress.finish(if built.is_ok() { "done" } else { "failed" });
    built?;
    fs::remove_dir_all(&source).at("remove", &source)
}

fn run(go: &OsStr, source: &Path, folder: &Path, progress: &Progress) -> Result<(), Error> {
    let mut command = Command::new(go);
    command
        .current_dir(source)
        .env("CGO_ENABLED", "0")
        // A workspace file or a repository around the cache folder is no
        // business of this build.
        .env("GOWORK", "off")
        .args(["build", "-v", "-trimpath", "-buildvcs=false"])
        .arg(format!("-ldflags={}", linker_flags()))
        .arg("-o")
        .arg(folder)
        .args(NAMES.map(|name| format!("./cmd/{name}")))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let missing = |source| Error::GoMissing {
        command: go.to_string_lossy().into_owned(),
        source,
    };
    let mut child = command.spawn().map_err(missing)?;
    let mut last = VecDeque::with_capacity(KEPT_LINES);
    if let Some(output) = child.stderr.take() {
        for line in BufReader::new(output).lines().map_while(io::Result::ok) {
            progress.step(&line);
            if last.len() == KEPT_LINES {
                last.pop_front();
            }
            last.push_back(line);
        }
    }
    let status = child.wait().at("wait for", Path::new(go))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::GoFailed {
        status: status.to_string(),
        tail: tail(&last.make_contiguous().join("\n")),
    })
}

/// Without these the server calls itself v0.0.0, and clients that look at the
/// version misbehave.
fn linker_flags() -> String {
    let version = kubernetes_version(MODULE[0].1);
    let mut numbers = version.trim_start_matches('v').split('.');
    let mut next = || numbers.next().unwrap_or("0");
    let (major, minor) = (next(), next());
    let package = "k8s.io/component-base/version";
    format!(
        "-s -w -X {package}.gitVersion={version} \
         -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
    )
}

fn key_of(module: &[(&str, &str)]) -> String {
    let mut digest = Sha256::new();
    let mut text = "";
    for (name, content) in module {
        if *name == "go.mod" {
            text = content;
        }
        // The lengths keep the parts apart.
        for part in [name, content] {
            digest.update(part.len().to_le_bytes());
            digest.update(part.as_bytes());
        }
    }
    let digest = crate::hex(&digest.finalize());
    format!("{}-{}", kubernetes_version(text), &digest[..12])
}

/// The version of Kubernetes that a `go.mod` requires.
fn kubernetes_version(go_mod: &str) -> &str {
    go_mod
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
        .unwrap_or("v0.0.0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_the_module_requires() {
        let flags = linker_flags();
        assert!(flags.contains(".gitVersion=v1.36."), "{flags}");
        assert!(flags.contains(".gitMajor=1 "), "{flags}");
        assert!(flags.ends_with(".gitMinor=36"), "{flags}");
    }

    #[test]
    fn the_key_begins_with_the_version() {
        assert!(key().starts_with("v1.36."), "{}", key());
    }

    #[test]
    fn another_module_has_another_key() {
        let mut changed = MODULE;
        changed[1].1 = "";
        assert_ne!(key(), key_of(&changed));
    }
}

//! The search with a made-up environment: a `go` that is a shell script and a
//! server that is a thread.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::*;

mod download;
mod order;

/// What `go` does after it was called: the folder for the servers is `$out`.
const GO_BUILDS: &str = r#"for name in etcd kube-apiserver; do
    echo built > "$out/$name"; chmod 755 "$out/$name"
done"#;
const GO_FAILS: &str = "echo some/package >&2; echo undefined: nonsense >&2; exit 2";

struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn cache(&self) -> PathBuf {
        self.path("cache")
    }

    /// A search whose `go` runs this script and that has no server.
    fn search(&self, go: &str) -> Search {
        let calls = self.path("go-calls");
        let script = format!(
            "#!/bin/sh\necho \"$@\" >> {}\nwhile [ \"$1\" != -o ]; do shift; done\nout=$2\n{go}\n",
            calls.display()
        );
        executable(&self.path("go"), &script);
        Search::new(self.cache())
            .with_go(self.path("go"))
            .with_envtest_url("http://127.0.0.1:1/none")
    }

    fn go_calls(&self) -> usize {
        let calls = fs::read_to_string(self.path("go-calls")).unwrap_or_default();
        calls.lines().count()
    }

    /// What is in the cache but its lock.
    fn cached(&self) -> Vec<String> {
        let entries = fs::read_dir(self.cache()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "lock").collect()
    }
}

/// Lets a shell write the file: a thread that starts a process at the same
/// moment would else hand it our open file, and a file that is open for writing
/// cannot be executed.
pub(crate) fn executable(path: &Path, text: &str) {
    let status = Command::new("/bin/sh")
        .args(["-c", r#"printf %s "$1" > "$0" && chmod 755 "$0""#])
        .arg(path)
        .arg(text)
        .status();
    assert!(status.unwrap().success());
}

/// A folder with these executables.
fn assets(folder: PathBuf, names: &[&str]) -> PathBuf {
    fs::create_dir_all(&folder).unwrap();
    for name in names {
        executable(&folder.join(name), "");
    }
    folder
}

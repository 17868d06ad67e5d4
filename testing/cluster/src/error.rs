//! Everything that can go wrong, with what to do about it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::Server;

/// Why a test cluster could not be started, found or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `KUBEBUILDER_ASSETS` is set, but its folder is not usable.
    #[error(
        "KUBEBUILDER_ASSETS is {}, but there is no executable file {missing} in it; \
         point it at a folder with etcd and kube-apiserver, or unset it",
        folder.display()
    )]
    #[non_exhaustive]
    AssetsIncomplete {
        /// The value of the variable.
        folder: PathBuf,
        /// The first file that is missing or not executable.
        missing: &'static str,
    },

    /// None of the four ways to get the servers works.
    #[error(
        "no etcd and kube-apiserver to start; one of these four ways has to work:\n\
         1. KUBEBUILDER_ASSETS, a folder with both: it is not set\n\
         2. the cache: {cache}\n\
         3. a build with Go: {build}\n\
         4. the published envtest archive (DCS_ENVTEST_URL names its folder): {download}"
    )]
    #[non_exhaustive]
    NoBinaries {
        /// Why the cache did not help.
        cache: String,
        /// Why the build failed.
        build: String,
        /// Why the download failed.
        download: String,
    },

    /// The `go` command could not be run.
    #[error("could not run {command}; install Go 1.26 or newer, or put it on the PATH")]
    #[non_exhaustive]
    GoMissing {
        /// The command as it was tried.
        command: String,
        /// What the system said.
        source: io::Error,
    },

    /// The build of the servers failed.
    #[error("go build ended with {status}; its last lines:\n{tail}")]
    #[non_exhaustive]
    GoFailed {
        /// How the command ended.
        status: String,
        /// The last lines that it wrote.
        tail: String,
    },

    /// A file could not be fetched.
    #[error("could not fetch {url}: {reason}")]
    #[non_exhaustive]
    Fetch {
        /// The address.
        url: String,
        /// The status of the reply, or what failed on the way.
        reason: String,
    },

    /// The archive is not the one that its checksum file describes.
    #[error(
        "the SHA-512 of {url} is {actual}, its checksum file says {expected}; \
         nothing of it was unpacked; try again, or look at the server behind DCS_ENVTEST_URL"
    )]
    #[non_exhaustive]
    Checksum {
        /// The address of the archive.
        url: String,
        /// What the checksum file says, in lower case.
        expected: String,
        /// What was received.
        actual: String,
    },

    /// The checksum file holds no checksum.
    #[error(
        "{url} begins with {found:?}, but a SHA-512 of 128 hexadecimal digits has to stand first"
    )]
    #[non_exhaustive]
    ChecksumFile {
        /// The address of the checksum file.
        url: String,
        /// The beginning of what was received.
        found: String,
    },

    /// The archive lacks one of the servers.
    #[error(
        "the archive {url} holds no file {missing}; both etcd and kube-apiserver have to be in it"
    )]
    #[non_exhaustive]
    ArchiveLacks {
        /// The address of the archive.
        url: String,
        /// The file that is missing.
        missing: &'static str,
    },

    /// The archive has the right checksum and is still no archive.
    #[error("the archive {url} could not be unpacked; it has to be a gzipped tar file")]
    #[non_exhaustive]
    ArchiveUnreadable {
        /// The address of the archive.
        url: String,
        /// What was wrong.
        source: io::Error,
    },

    /// A file or folder could not be used.
    #[error("could not {action} {}", path.display())]
    #[non_exhaustive]
    Io {
        /// What was being done, as in "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The folder for runs belongs to someone else.
    #[error(
        "{} has to be a folder of yours that nobody else can enter (mode 0700), because it holds \
         tokens; remove it, or set TMPDIR to a folder of your own",
        path.display()
    )]
    #[non_exhaustive]
    FolderNotPrivate {
        /// The folder.
        path: PathBuf,
    },

    /// The name of a user cannot stand in a token file.
    #[error(
        "{name:?} is no user name: 1 to 128 letters, digits and any of . : @ - _ are allowed, \
         and not the names admin and dcs-cluster, which are in use"
    )]
    #[non_exhaustive]
    InvalidUser {
        /// The name as it was given.
        name: String,
    },

    /// Keys or certificates could not be made.
    #[error("could not make the keys and certificates of the API server: {reason}")]
    #[non_exhaustive]
    Certificates {
        /// What failed.
        reason: String,
    },

    /// No free port could be had.
    #[error("could not get a free port on 127.0.0.1")]
    #[non_exhaustive]
    NoPort {
        /// What the system said.
        source: io::Error,
    },

    /// Nothing can listen on the port of a proxy.
    #[error("could not listen on {address}")]
    #[non_exhaustive]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },

    /// A kubeconfig cannot be pointed at another address.
    #[error(
        "{} is no kubeconfig that can be pointed elsewhere: {reason}; it has to be JSON with \
         exactly one cluster, and its server https://IP:PORT, as the clusters of this crate write it",
        path.display()
    )]
    #[non_exhaustive]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A server did not start as a process.
    #[error("could not run {}", path.display())]
    #[non_exhaustive]
    Spawn {
        /// The executable.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A server ended on its own.
    #[error(
        "{server} ended with {status} before the cluster was ready; the last lines of its log:\n{tail}"
    )]
    #[non_exhaustive]
    Exited {
        /// Which one.
        server: Server,
        /// How it ended.
        status: String,
        /// The last lines of its log.
        tail: String,
    },

    /// A server runs, but did not become ready in time.
    #[error(
        "{server} was not ready within {limit:?} (last answer: {answer}); \
         allow it more with Options::with_ready_limit; the last lines of its log:\n{tail}"
    )]
    #[non_exhaustive]
    NotReady {
        /// Which one.
        server: Server,
        /// The time that it was given.
        limit: Duration,
        /// The last answer to the question whether it is ready.
        answer: String,
        /// The last lines of its log.
        tail: String,
    },

    /// A record that this crate keeps on disk makes no sense.
    #[error("{} is not what this version writes; stop its processes by hand and remove its folder", path.display())]
    #[non_exhaustive]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Error {
    /// Whether another process took a port between its choice and its use.
    pub(crate) fn is_lost_port(&self) -> bool {
        matches!(self, Self::Exited { tail, .. } if tail.contains("address already in use"))
    }

    /// The message together with those of its sources.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = std::error::Error::source(self);
        while let Some(source) = next {
            text.push_str(": ");
            text.push_str(&source.to_string());
            next = source.source();
        }
        text
    }
}

/// Names the file in an input or output error.
pub(crate) trait At<T> {
    /// Turns the error into [`Error::Io`].
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            action,
            path: path.to_owned(),
            source,
        })
    }
}

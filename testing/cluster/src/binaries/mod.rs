//! Where the servers come from.

mod archive;
mod cache;
mod fetch;
mod go_build;
mod progress;

use std::env;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use ureq::Proxy;

use crate::error::Error;
use cache::Cache;

/// The executables of one pair of servers.
const NAMES: [&str; 2] = ["etcd", "kube-apiserver"];

/// The folder of the archive of Kubernetes' test servers, as the controller
/// tools publish it: the newest one of the minor version that is built here.
const ENVTEST_URL: &str =
    "https://github.com/kubernetes-sigs/controller-tools/releases/download/envtest-v1.36.2";

/// Which of the ways led to a pair of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A folder that was named, by `KUBEBUILDER_ASSETS` or by the caller.
    Given,
    /// The user's cache.
    Cache,
    /// A build with Go, now in the cache.
    Built,
    /// The published archive, now in the cache.
    Downloaded,
}

/// An etcd and a kube-apiserver that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
    origin: Origin,
}

impl Binaries {
    /// The pair in this folder.
    ///
    /// # Errors
    ///
    /// [`Error::AssetsIncomplete`] if one of the two files is missing or not
    /// executable.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        let folder = folder.into();
        match missing(&folder) {
            Some(missing) => Err(Error::AssetsIncomplete { folder, missing }),
            None => Ok(Self::new(folder, Origin::Given)),
        }
    }

    /// The path of etcd.
    #[must_use]
    pub fn etcd(&self) -> PathBuf {
        self.folder.join(NAMES[0])
    }

    /// The path of kube-apiserver.
    #[must_use]
    pub fn kube_apiserver(&self) -> PathBuf {
        self.folder.join(NAMES[1])
    }

    /// The folder that holds both.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where they come from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    fn new(folder: PathBuf, origin: Origin) -> Self {
        Self { folder, origin }
    }
}

/// The search for a pair of servers.
///
/// Four ways are tried in this order: the folder that `KUBEBUILDER_ASSETS`
/// names, the user's cache, a build with Go, the published archive. What was
/// built or downloaded goes to the cache, under a name that changes whenever
/// the Go module of the servers does.
#[derive(Clone, Debug)]
pub struct Search {
    assets: Option<PathBuf>,
    cache: Option<PathBuf>,
    go: OsString,
    envtest_url: String,
    proxy: Option<Proxy>,
}

impl Search {
    /// A search that reads no environment: no folder is given and `cache` is
    /// the folder for what is built or downloaded.
    #[must_use]
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            assets: None,
            cache: Some(cache.into()),
            go: OsString::from("go"),
            envtest_url: ENVTEST_URL.to_owned(),
            proxy: None,
        }
    }

    /// The search of the user who runs this process: `KUBEBUILDER_ASSETS` and
    /// `DCS_ENVTEST_URL` are read, where an empty value counts as unset, the
    /// cache is the folder `dcs-cluster` in the user's cache folder, and a
    /// download goes through the proxy that `HTTPS_PROXY` and the like name.
    #[must_use]
    pub fn from_env() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let home = etcetera::choose_base_strategy().ok();
        let url = set("DCS_ENVTEST_URL").and_then(|value| value.into_string().ok());
        Self {
            assets: set("KUBEBUILDER_ASSETS").map(PathBuf::from),
            cache: home.map(|home| home.cache_dir().join("dcs-cluster")),
            go: OsString::from("go"),
            envtest_url: url.unwrap_or_else(|| ENVTEST_URL.to_owned()),
            proxy: Proxy::try_from_env(),
        }
    }

    /// Takes the pair from this folder, as `KUBEBUILDER_ASSETS` does.
    #[must_use]
    pub fn with_assets(mut self, folder: impl Into<PathBuf>) -> Self {
        self.assets = Some(folder.into());
        self
    }

    /// Builds with this command instead of the `go` on the path.
    #[must_use]
    pub fn with_go(mut self, command: impl Into<OsString>) -> Self {
        self.go = command.into();
        self
    }

    /// Downloads from this folder, as `DCS_ENVTEST_URL` does. The archive and
    /// its checksum file have to stand in it under their published names.
    #[must_use]
    pub fn with_envtest_url(mut self, url: impl Into<String>) -> Self {
        self.envtest_url = url.into();
        self
    }

    /// Finds, builds or downloads a pair. A build takes minutes.
    ///
    /// # Errors
    ///
    /// [`Error::AssetsIncomplete`] if a folder was given and lacks a server:
    /// nothing else is tried then. [`Error::NoBinaries`], which tells why each
    /// way failed. [`Error::Io`] if the cache cannot be written.
    pub fn find(&self) -> Result<Binaries, Error> {
        if let Some(folder) = &self.assets {
            return Binaries::in_folder(folder);
        }
        let Some(cache) = &self.cache else {
            let reason = "there is no cache folder; set HOME or XDG_CACHE_HOME".to_owned();
            return Err(Error::NoBinaries {
                cache: reason.clone(),
                build: reason.clone(),
                download: reason,
            });
        };
        let cache = Cache::new(cache, go_build::key());
        if let Some(folder) = cache.hit() {
            return Ok(Binaries::new(folder, Origin::Cache));
        }
        self.fill(&cache)
    }

    fn fill(&self, cache: &Cache) -> Result<Binaries, Error> {
        let filling = cache.lock()?;
        // Whoever held the lock before may have filled the cache.
        if let Some(folder) = cache.hit() {
            return Ok(Binaries::new(folder, Origin::Cache));
        }
        let from_go = filling.publish(|draft| go_build::build(&self.go, draft));
        let build = match from_go {
            Ok(folder) => return Ok(Binaries::new(folder, Origin::Built)),
            Err(error) => error.chain(),
        };
        let downloaded = filling.publish(|draft| self.download(draft));
        match downloaded {
            Ok(folder) => Ok(Binaries::new(folder, Origin::Downloaded)),
            Err(error) => Err(Error::NoBinaries {
                cache: format!("{} holds none", cache.folder().display()),
                build,
                download: error.chain(),
            }),
        }
    }

    fn download(&self, draft: &Path) -> Result<(), Error> {
        fetch::download(&self.envtest_url, self.proxy.as_ref(), draft)
    }
}

/// The first server that cannot be executed in a folder.
fn missing(folder: &Path) -> Option<&'static str> {
    let is_executable = |name: &&str| {
        let found = folder.join(name).metadata();
        found.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    NAMES.into_iter().find(|name| !is_executable(name))
}

#[cfg(test)]
pub(crate) mod tests;

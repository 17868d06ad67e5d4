//! The download of the published pair.

use std::env::consts::{ARCH, OS};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha512};
use ureq::{Agent, Proxy};

use super::archive::unpack;
use super::progress::Progress;
use crate::error::Error;

/// Far more than the archive has; a server that never ends must not fill the
/// memory.
const SIZE_LIMIT: u64 = 1 << 30;
/// How long a server may keep silent.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// How long the whole archive may take.
const ARCHIVE_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Downloads the archive from the folder `base`, compares its checksum and
/// only then unpacks it.
pub(super) fn download(base: &str, proxy: Option<&Proxy>, folder: &Path) -> Result<(), Error> {
    let agent = Agent::config_builder()
        .proxy(proxy.cloned())
        .timeout_connect(Some(SILENCE_LIMIT))
        .timeout_recv_response(Some(SILENCE_LIMIT))
        .timeout_recv_body(Some(ARCHIVE_LIMIT))
        .build()
        .into();
    let base = base.trim_end_matches('/');
    let url = format!("{base}/{}", archive_name(base));
    let progress = Progress::start(&format!("downloading {url}"));
    let done = try_download(&agent, &url, folder);
    progress.finish(if done.is_ok() { "done" } else { "failed" });
    done
}

/// The published name, whose version is the last part of the release's name.
pub(super) fn archive_name(base: &str) -> String {
    let release = base.rsplit('/').next().unwrap_or_default();
    let release = if release.starts_with("envtest-v") {
        release
    } else {
        super::ENVTEST_URL.rsplit('/').next().unwrap_or_default()
    };
    let architecture = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let system = if OS == "macos" { "darwin" } else { OS };
    format!("{release}-{system}-{architecture}.tar.gz")
}

fn try_download(agent: &Agent, url: &str, folder: &Path) -> Result<(), Error> {
    let expected = checksum(agent, &format!("{url}.sha512"))?;
    let archive = fetch(agent, url)?;
    let actual = crate::hex(&Sha512::digest(&archive));
    if actual != expected {
        return Err(Error::Checksum {
            url: url.to_owned(),
            expected,
            actual,
        });
    }
    unpack(url, &archive, folder)
}

/// The first word of a checksum file, as `sha512sum` writes it.
fn checksum(agent: &Agent, url: &str) -> Result<String, Error> {
    let bytes = fetch(agent, url)?;
    let text = String::from_utf8_lossy(&bytes);
    let word = text.split_whitespace().next().unwrap_or_default();
    if word.len() != 128 || !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::ChecksumFile {
            url: url.to_owned(),
            found: text.chars().take(40).collect(),
        });
    }
    Ok(word.to_ascii_lowercase())
}

fn fetch(agent: &Agent, url: &str) -> Result<Vec<u8>, Error> {
    let failed = |reason: String| Error::Fetch {
        url: url.to_owned(),
        reason,
    };
    let mut response = agent
        .get(url)
        .call()
        .map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    response
        .body_mut()
        .with_config()
        .limit(SIZE_LIMIT)
        .reader()
        .read_to_end(&mut bytes)
        .map_err(|error| failed(error.to_string()))?;
    Ok(bytes)
}

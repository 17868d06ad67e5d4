//! Where the tasks work, and with which cargo.

use std::env;
use std::ffi::OsString;
use std::path::Path;

/// The cargo that started this task.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// The folder of the workspace.
pub(crate) fn folder() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

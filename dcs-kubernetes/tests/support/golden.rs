//! The requests that are kept as files.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::server::Mode;

pub(crate) fn folder(mode: Mode) -> &'static str {
    match mode {
        Mode::Endpoints => "endpoints",
        Mode::ConfigMaps => "configmaps",
    }
}

/// The golden requests of a mode, in the order of the story.
pub(crate) fn golden(mode: Mode) -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root.join(folder(mode)))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let read = |file: PathBuf| {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(file).unwrap();
        (name, serde_json::from_str(&text).unwrap())
    };
    files.into_iter().map(read).collect()
}

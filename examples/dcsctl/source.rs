//! Where a scope is read from: saved lists, or the API server's own.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use dcs_core::Dcs;
use dcs_kubernetes::{Saved, Selection};
use serde_json::Value;

use crate::args::Args;
use crate::server::Server;

/// A scope on a server: what stood there, and a handle to change it.
pub(crate) struct Live {
    pub(crate) saved: Saved,
    pub(crate) dcs: Arc<dyn Dcs>,
}

/// Where a scope is read from.
#[derive(Debug)]
pub(crate) enum Source {
    Files(Vec<PathBuf>),
    Server,
}

impl Source {
    pub(crate) fn of(args: &Args) -> Self {
        match args.command.files() {
            [] => Self::Server,
            files => Self::Files(files.to_vec()),
        }
    }

    /// The scope that is meant, as it stands there now.
    pub(crate) async fn read(&self, args: &Args) -> anyhow::Result<Saved> {
        let lists = match self {
            Self::Files(files) => files.iter().map(from_file).collect::<Result<_, _>>()?,
            Self::Server => Server::connect(&args.namespace).await?.lists(args).await?,
        };
        Ok(Saved::read(&lists, &selection(args))?)
    }
}

impl Live {
    pub(crate) async fn find(args: &Args) -> anyhow::Result<Self> {
        let server = Server::connect(&args.namespace).await?;
        let saved = Saved::read(&server.lists(args).await?, &selection(args))?;
        let dcs = server.handle(args, &saved)?;
        Ok(Self { saved, dcs })
    }
}

/// Which scope is meant.
fn selection(args: &Args) -> Selection {
    let mut selection = Selection::default();
    selection.scope.clone_from(&args.scope);
    selection.mode = args.mode;
    selection.group = args.group;
    selection.scope_label.clone_from(&args.scope_label);
    selection
}

fn from_file(path: &PathBuf) -> anyhow::Result<Value> {
    let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))
}

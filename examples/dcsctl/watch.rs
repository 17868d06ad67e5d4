//! The listing, each time that it changes.

use std::time::Duration;

use dcs_core::ClusterFeed;
use futures::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Args, Output};
use crate::listing::Listing;
use crate::output;
use crate::source::Live;

/// After this time without a word the watch is opened again.
const SILENCE: Duration = Duration::from_secs(60);

/// Draws until a signal, or until nobody reads any more.
pub(crate) async fn watch(args: &Args) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        () = output::reader_gone() => Ok(()),
        drawn = draw(args) => drawn,
    }
}

/// One watch, however often it draws: reading what it has seen costs nothing.
async fn draw(args: &Args) -> anyhow::Result<()> {
    let live = Live::find(args).await?;
    let (scope, mode) = (live.saved.scope().clone(), live.saved.mode());
    let mut events = live.dcs.watch(SILENCE);
    let (feed, view) = ClusterFeed::new();
    let mut drawn = String::new();
    while let Some(event) = events.next().await {
        match event {
            // It goes on by itself.
            Err(error) => tracing::warn!(%error, "watching"),
            Ok(event) => feed.apply(event),
        }
        let Some(snapshot) = view.latest() else {
            continue;
        };
        // A renewal changes nothing that is shown.
        let text = args.output.drawn(&Listing::of(&scope, mode, &snapshot))?;
        if text != drawn {
            let apart = args.output == Output::Table && !drawn.is_empty();
            let shown = if apart {
                format!("\n{text}")
            } else {
                text.clone()
            };
            if !output::print_unless_gone(&shown)? {
                return Ok(());
            }
            drawn = text;
        }
    }
    Ok(())
}

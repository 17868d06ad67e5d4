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

/// One watch, however often it draws: reading what it has seen costs nothing.
pub(crate) async fn watch(args: &Args) -> anyhow::Result<()> {
    let live = Live::find(args).await?;
    let (scope, mode) = (live.saved.scope().clone(), live.saved.mode());
    let mut events = live.dcs.watch(SILENCE);
    let (feed, view) = ClusterFeed::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut drawn = String::new();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
        };
        match event {
            None => return Ok(()),
            // It goes on by itself.
            Some(Err(error)) => tracing::warn!(%error, "watching"),
            Some(Ok(event)) => feed.apply(event),
        }
        let Some(snapshot) = view.latest() else {
            continue;
        };
        // A renewal changes nothing that is shown.
        let text = args.output.drawn(&Listing::of(&scope, mode, &snapshot))?;
        if text != drawn {
            if args.output == Output::Table && !drawn.is_empty() {
                output::print("")?;
            }
            output::print(&text)?;
            drawn = text;
        }
    }
}

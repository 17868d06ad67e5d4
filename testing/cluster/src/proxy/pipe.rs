//! One way of one connection.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::counts::Counts;
use super::rules::{Passed, Rules, Way};
use crate::real_time::{sleep_until, tokio_now};

/// Bytes that are received at once, at most.
const PIECE: usize = 16 << 10;
/// Pieces that are held, at most.
const MOST_HELD: usize = 256;

/// Carries the bytes of one way.
pub(super) struct Pipe<'a> {
    pub(super) way: Way,
    /// The number of its connection.
    pub(super) connection: u64,
    pub(super) rules: watch::Receiver<Rules>,
    pub(super) counts: &'a watch::Sender<Counts>,
}

/// What came, and when: bytes, none where the sender has said all, or an error
/// where the sender is gone.
type Held = (Instant, io::Result<Vec<u8>>);

impl Pipe<'_> {
    /// Carries until the sender has said all.
    pub(super) async fn run(self, from: ReadHalf<'_>, to: WriteHalf<'_>) -> io::Result<()> {
        let (queue, held) = mpsc::channel(MOST_HELD);
        let taking = take_in(self.way, self.counts, from, queue);
        tokio::try_join!(taking, self.pass_on(held, to))?;
        Ok(())
    }

    async fn pass_on(
        mut self,
        mut held: mpsc::Receiver<Held>,
        mut to: WriteHalf<'_>,
    ) -> io::Result<()> {
        let mut last = None;
        while let Some((came, piece)) = held.recv().await {
            let mut most = self.may_pass(came, last).await?;
            let piece = piece?;
            if piece.is_empty() {
                return to.shutdown().await;
            }
            let mut rest = &piece[..];
            loop {
                let (now, later) = rest.split_at(rest.len().min(most));
                to.write_all(now).await?;
                let passed = length(now);
                self.counts
                    .send_modify(|counts| counts.of(self.way).passed += passed);
                last = Some(Passed {
                    at: tokio_now(),
                    bytes: u32::try_from(passed).unwrap_or(u32::MAX),
                });
                if later.is_empty() {
                    break;
                }
                rest = later;
                most = self.may_pass(came, last).await?;
            }
        }
        Ok(())
    }

    /// Waits until bytes of what came at `came` may pass, by the rules of that
    /// instant, and says how many at most.
    async fn may_pass(&mut self, came: Instant, last: Option<Passed>) -> io::Result<usize> {
        loop {
            let flow = self
                .rules
                .borrow_and_update()
                .flow(self.way, self.connection);
            let due = flow.due(came, last);
            let time = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                changed = self.rules.changed() => changed.map_err(io::Error::other)?,
                () = time => return Ok(usize::try_from(flow.most()).unwrap_or(usize::MAX)),
            }
        }
    }
}

/// Receives what the sender sends, when it sends it, whatever may pass.
async fn take_in(
    way: Way,
    counts: &watch::Sender<Counts>,
    mut from: ReadHalf<'_>,
    queue: mpsc::Sender<Held>,
) -> io::Result<()> {
    loop {
        let mut bytes = Vec::with_capacity(PIECE);
        let piece = from.read_buf(&mut bytes).await.map(|_| bytes);
        let came = piece.as_deref().map_or(0, length);
        counts.send_modify(|counts| counts.of(way).came += came);
        let sent = queue.send((tokio_now(), piece)).await;
        // What is left of the connection is up to who passes on.
        if came == 0 || sent.is_err() {
            return Ok(());
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

//! The lines of a watch: bounded, and only whole ones.

use bytes::{Bytes, BytesMut};
use dcs_core::BoxError;
use http_body_util::BodyExt as _;
use kube::client::Body;

/// Longest line that is read. An object has at most 256 KiB of annotations.
const LINE_MAX: usize = 4 << 20;

/// Splits a body into lines.
#[derive(Debug)]
pub(super) struct Lines {
    body: Body,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of line.
    scanned: usize,
}

/// How a watch stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The server closed it, or the connection broke. What came before is
    /// whole: the fragment of a line is dropped, and comes again.
    Ended(Option<BoxError>),
    /// A line is too long to be read.
    TooLong,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            scanned: 0,
        }
    }

    /// The next line that is not empty.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    pub(super) async fn next(&mut self) -> Result<Bytes, Stop> {
        loop {
            while let Some(line) = self.buffered() {
                if !line.is_empty() {
                    return Ok(line);
                }
            }
            if self.buffer.len() > LINE_MAX {
                return Err(Stop::TooLong);
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(Stop::Ended(Some(error.into()))),
                None => return Err(Stop::Ended(None)),
            }
        }
    }

    fn buffered(&mut self) -> Option<Bytes> {
        let unseen = &self.buffer[self.scanned..];
        let Some(at) = unseen.iter().position(|byte| *byte == b'\n') else {
            self.scanned = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(self.scanned + at + 1).freeze();
        self.scanned = 0;
        Some(line.slice(..line.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines_of(body: impl Into<Vec<u8>>) -> (Vec<Bytes>, Stop) {
        let mut lines = Lines::new(Body::from(body.into()));
        let mut found = Vec::new();
        loop {
            match lines.next().await {
                Ok(line) => found.push(line),
                Err(stop) => return (found, stop),
            }
        }
    }

    #[tokio::test]
    async fn the_fragment_at_the_end_is_dropped() {
        let (found, stop) = lines_of("{}\n\n[1]\n{\"type\"").await;
        assert_eq!(found, ["{}", "[1]"]);
        assert!(matches!(stop, Stop::Ended(None)));
    }

    #[tokio::test]
    async fn a_line_without_end_is_not_collected_for_ever() {
        let (found, stop) = lines_of(vec![b'x'; LINE_MAX + 1]).await;
        assert!(found.is_empty());
        assert!(matches!(stop, Stop::TooLong));
    }
}

//! One connection, from its client to the server.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::sync::watch;

use super::counts::Counts;
use super::pipe::Pipe;
use super::rules::{Rules, Way, until_cut};

/// What every connection of a proxy needs.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) upstream: SocketAddr,
    /// The number of the connection, from 0.
    pub(super) connection: u64,
    pub(super) rules: watch::Receiver<Rules>,
    pub(super) counts: watch::Sender<Counts>,
}

impl Line {
    /// Carries the connection until both sides have ended it, one of them is
    /// gone, or the proxy is cut.
    pub(super) async fn carry(self, mut client: TcpStream) {
        let mut server = None;
        let ended = tokio::select! {
            biased;
            () = until_cut(self.rules.clone()) => Err(io::ErrorKind::ConnectionReset.into()),
            ended = self.pass(&mut client, &mut server) => ended,
        };
        if ended.is_err() {
            for socket in [Some(client), server].into_iter().flatten() {
                // Where it fails the connection is over already.
                let _ = socket.set_zero_linger();
            }
        }
    }

    async fn pass(&self, client: &mut TcpStream, server: &mut Option<TcpStream>) -> io::Result<()> {
        let mut rules = self.rules.clone();
        let is_open = |rules: &Rules| !rules.flow(Way::Requests, self.connection).is_frozen;
        rules.wait_for(is_open).await.map_err(io::Error::other)?;
        let server = server.insert(TcpStream::connect(self.upstream).await?);
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::try_join!(
            self.pipe(Way::Requests).run(from_client, to_server),
            self.pipe(Way::Answers).run(from_server, to_client),
        )?;
        Ok(())
    }

    fn pipe(&self, way: Way) -> Pipe<'_> {
        Pipe {
            way,
            connection: self.connection,
            rules: self.rules.clone(),
            counts: &self.counts,
        }
    }
}

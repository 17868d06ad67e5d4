//! The port of a proxy, and who takes the connections to it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

use super::carry::Line;
use super::rules::until_cut;
use crate::error::Error;

/// Connections that may wait to be taken.
const BACKLOG: u32 = 128;

/// A loopback port that nobody else gets, whether something listens on it or
/// not: a socket that is bound and does not listen keeps it, and connections
/// are refused as they are on a port that is free.
#[derive(Debug)]
pub(super) struct Port {
    address: SocketAddr,
    _keeper: TcpSocket,
}

impl Port {
    pub(super) fn reserve() -> Result<Self, Error> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let reserved = bound(any).and_then(|socket| Ok((socket.local_addr()?, socket)));
        let (address, keeper) = reserved.map_err(|source| Error::NoPort { source })?;
        Ok(Self {
            address,
            _keeper: keeper,
        })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn listen(&self) -> Result<TcpListener, Error> {
        let address = self.address;
        bound(address)
            .and_then(|socket| socket.listen(BACKLOG))
            .map_err(|source| Error::Listen { address, source })
    }
}

/// Takes connections until the proxy is cut. When this is done they are over.
pub(super) async fn run(listener: TcpListener, line: Line) {
    let mut connections = JoinSet::new();
    let mut cut = std::pin::pin!(until_cut(line.rules.clone()));
    loop {
        tokio::select! {
            biased;
            () = &mut cut => break,
            Some(_) = connections.join_next() => {}
            taken = listener.accept() => match taken {
                Ok((client, _)) => {
                    let connection = line.counts.borrow().connections;
                    line.counts.send_modify(|counts| counts.connections += 1);
                    let line = Line { connection, ..line.clone() };
                    connections.spawn(line.carry(client));
                }
                // Its client knows; others may fare better.
                Err(_) => tokio::task::yield_now().await,
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // The keeper and the listener are on one port.
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

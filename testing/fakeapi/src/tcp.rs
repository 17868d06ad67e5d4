//! The server on a port, for clients that bring their own connections.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::{FakeApi, FakeService};

/// A port on which a server listens. Dropping it closes the port and all its
/// connections; the server and its objects stay.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Listening {
    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as `kube::Config::new` takes it.
    ///
    /// # Panics
    /// Never: an address and a port are a URI.
    #[must_use]
    pub fn url(&self) -> http::Uri {
        let url = format!("http://{}", self.address);
        url.parse().expect("an address and a port are a URI")
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl FakeApi {
    /// Listens on a free port of 127.0.0.1, without encryption and without
    /// asking who comes. All its connections are one client without a name.
    ///
    /// Over TCP time is real: a runtime whose time is paused jumps ahead while
    /// bytes travel.
    ///
    /// # Errors
    /// What the operating system says where no port can be opened.
    ///
    /// # Cancel safety
    /// Nothing listens where the future is dropped.
    pub async fn listen(&self) -> io::Result<Listening> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, self.service()));
        Ok(Listening { address, accepting })
    }
}

/// Ends with its task, and all connections end with it.
async fn accept(listener: TcpListener, service: FakeService) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let service = TowerToHyperService::new(service.clone());
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                // A fault that breaks a connection is an error here, and meant.
                connections.spawn(async { drop(connection.await) });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

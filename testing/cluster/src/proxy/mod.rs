//! A TCP proxy of our own: a network between one client and its server that
//! can be made to fail.
//!
//! A [`Proxy`] listens on 127.0.0.1 and carries each connection to one server,
//! byte for byte, so TLS passes through untouched. What is asked of it holds at
//! once, for the connections that are there and for those that come.
//!
//! | fault | on the proxy |
//! |---|---|
//! | answers or requests come late | [`Proxy::delay`] |
//! | answers or requests trickle | [`Proxy::trickle`] |
//! | packets get lost, nobody is told: a half-open connection, a black hole | [`Proxy::freeze`], of one way or of both |
//! | open connections are forgotten on the way, new ones are well | [`Proxy::strand`] |
//! | the network comes back, and what TCP had held arrives after all | [`Proxy::thaw`] |
//! | connections are reset and new ones refused | [`Proxy::cut`] |
//! | all is well again | [`Proxy::heal`] |

mod carry;
mod counts;
mod listen;
mod pipe;
mod rules;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use counts::{Counts, Traffic};
pub use rules::Way;

use crate::error::Error;
use carry::Line;
use listen::Port;
use rules::Rules;

/// A proxy on a loopback port of its own, which it keeps while it lives.
///
/// Its tasks run on the tokio runtime that it was started on: whoever blocks
/// all threads of that runtime blocks the proxy too. Dropping it is a cut that
/// nobody waits for: its tasks end as soon as the runtime gets to them.
///
/// ```
/// use std::time::Duration;
/// use dcs_cluster::proxy::{Proxy, Way};
/// use tokio::net::{TcpListener, TcpStream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = TcpListener::bind("127.0.0.1:0").await?;
/// let mut proxy = Proxy::start(server.local_addr()?).await?;
/// let client = TcpStream::connect(proxy.address()).await?;
///
/// proxy.delay(&[Way::Answers], Duration::from_secs(9));
/// proxy.freeze(&Way::BOTH);
/// proxy.cut().await;
/// assert!(TcpStream::connect(proxy.address()).await.is_err());
/// proxy.heal().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Proxy {
    port: Port,
    upstream: SocketAddr,
    rules: watch::Sender<Rules>,
    counts: watch::Sender<Counts>,
    /// What listens, unless the proxy is cut. It ends after all connections
    /// when the rules say so, or when they are gone with this value.
    listening: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 for connections to `upstream`.
    ///
    /// # Errors
    ///
    /// [`Error::NoPort`] if no port can be had, [`Error::Listen`] if nothing
    /// can listen on it.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, it leaves nothing behind.
    #[expect(clippy::unused_async, reason = "says that it needs a tokio runtime")]
    pub async fn start(upstream: SocketAddr) -> Result<Self, Error> {
        let mut proxy = Self {
            port: Port::reserve()?,
            upstream,
            rules: watch::Sender::default(),
            counts: watch::Sender::default(),
            listening: None,
        };
        proxy.listen()?;
        Ok(proxy)
    }

    /// Where clients connect to; the same after a [`Proxy::heal`].
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Every byte on these ways is passed on `by` after it came, in its order;
    /// so is the end of a connection. It holds for bytes that are already on
    /// their way, too: a shorter delay than theirs passes them on sooner. Zero
    /// takes the delay away. Opening a connection is not delayed.
    pub fn delay(&self, ways: &[Way], by: Duration) {
        self.change(ways, |flow| flow.delay = by);
    }

    /// So many bytes a second pass on these ways of each connection, some of them
    /// every tenth of a second, or one at a time below ten. It holds for bytes
    /// that are already on their way, too. `None` lets them pass as they come.
    pub fn trickle(&self, ways: &[Way], bytes_per_second: Option<NonZeroU32>) {
        self.change(ways, |flow| flow.rate = bytes_per_second);
    }

    /// Holds all that comes on connections that were opened so far, on both ways,
    /// as behind a switch that has forgotten them: nobody is told. Those that
    /// are opened from now on are carried. A [`Proxy::heal`] passes on what was
    /// held; a [`Proxy::thaw`] does not.
    pub fn strand(&self) {
        let first_alive = self.counts().connections;
        self.rules
            .send_modify(|rules| rules.first_alive = first_alive);
    }

    /// Holds all that comes on these ways, the end of a connection as well;
    /// connections stay open. A connection that is opened while requests are
    /// held is taken and does not reach the server.
    ///
    /// This is also how a network looks to TCP that loses all packets of one
    /// way. Each way of a connection holds 256 pieces of at most 16 KiB; beyond
    /// that its sender is no longer read from.
    pub fn freeze(&self, ways: &[Way]) {
        self.change(ways, |flow| flow.is_frozen = true);
    }

    /// Passes on what was held on these ways, and all that comes. A delay
    /// that was set is still in force.
    pub fn thaw(&self, ways: &[Way]) {
        self.change(ways, |flow| flow.is_frozen = false);
    }

    /// Resets all connections, with what was held, and refuses new ones. When
    /// this is done, none is left.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, connections end a little later. Call it
    /// again to wait for that.
    pub async fn cut(&mut self) {
        self.rules.send_modify(|rules| rules.is_cut = true);
        if let Some(listening) = &mut self.listening {
            // It fails only with its runtime, and then there is nothing left.
            let _ = listening.await;
        }
        self.listening = None;
    }

    /// Takes all faults away: no delay, nothing held, and new connections are
    /// taken on the same port.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] if nothing can listen on the port; the proxy is then
    /// cut as before.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, a proxy that was cut is still cut.
    pub async fn heal(&mut self) -> Result<(), Error> {
        if !self.rules.borrow().is_cut {
            self.rules.send_replace(Rules::default());
            return Ok(());
        }
        // The task of a cut that was dropped may still be there.
        self.cut().await;
        self.listen()
    }

    /// What has come and gone since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    /// Waits until what has come and gone is as `is_meant` wants it.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: it can be asked again.
    pub async fn counted(&self, is_meant: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.counts.subscribe();
        let counted = counts.wait_for(is_meant).await;
        // The other end is a part of this value, so this is never an error.
        counted.map_or_else(|_| self.counts(), |counted| *counted)
    }

    /// Begins to listen, with no fault in force.
    fn listen(&mut self) -> Result<(), Error> {
        let listener = self.port.listen()?;
        self.rules.send_replace(Rules::default());
        let line = Line {
            upstream: self.upstream,
            connection: 0,
            rules: self.rules.subscribe(),
            counts: self.counts.clone(),
        };
        self.listening = Some(tokio::spawn(listen::run(listener, line)));
        Ok(())
    }

    fn change(&self, ways: &[Way], change: impl Fn(&mut rules::Flow)) {
        self.rules.send_modify(|rules| {
            for way in ways {
                change(rules.flow_mut(*way));
            }
        });
    }
}

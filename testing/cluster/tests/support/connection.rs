//! A connection through the proxy, both ends of it in the hands of a test.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use dcs_cluster::proxy::{Counts, Proxy, Way};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// How long to wait for what has to come, at most.
const LIMIT: Duration = Duration::from_secs(10);

/// A proxy, both ends of a connection through it, and the server's listener.
pub(crate) async fn start() -> (Proxy, TcpStream, TcpStream, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = listener.local_addr().unwrap();
    let proxy = Proxy::start(upstream).await.unwrap();
    let (client, server) = connect(proxy.address(), &listener).await;
    (proxy, client, server, listener)
}

/// Both ends of a new connection.
pub(crate) async fn connect(to: SocketAddr, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(to).await.unwrap();
    let (server, _) = within_limit(listener.accept()).await.unwrap();
    (client, server)
}

/// What `what` gives, unless it hangs. The limit is real time, of a thread: the
/// clock of the runtime may be paused.
pub(crate) async fn within_limit<T>(what: impl Future<Output = T>) -> T {
    let (late, is_late) = oneshot::channel();
    let (done, is_done) = mpsc::channel::<()>();
    thread::spawn(move || {
        if is_done.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            // A test that has just ended does not ask any more.
            let _ = late.send(());
        }
    });
    tokio::select! {
        biased;
        given = what => given,
        Ok(()) = is_late => {
            drop(done);
            panic!("nothing within {LIMIT:?}")
        }
    }
}

pub(crate) async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// The next bytes, as many as `text` has, are `text`.
pub(crate) async fn hear(stream: &mut TcpStream, text: &str) {
    let mut heard = vec![0; text.len()];
    within_limit(stream.read_exact(&mut heard)).await.unwrap();
    assert_eq!(String::from_utf8(heard).unwrap(), text);
}

pub(crate) async fn hear_the_end(stream: &mut TcpStream) {
    assert_eq!(within_limit(stream.read(&mut [0])).await.unwrap(), 0);
}

/// On a paused clock: an hour passes, in small steps, in which nothing comes, not even an end.
#[expect(clippy::disallowed_methods, reason = "the clock is paused")]
pub(crate) async fn hear_nothing(stream: &mut TcpStream) {
    let mut byte = [0];
    for _ in 0..60 {
        tokio::select! {
            came = stream.read(&mut byte) => panic!("{came:?} {byte:?}"),
            () = tokio::time::sleep(Duration::from_secs(60)) => {}
        }
    }
}

/// Waits until the proxy has received this many bytes.
pub(crate) async fn came(proxy: &Proxy, way: Way, bytes: u64) {
    let is_there = |counts: &Counts| match way {
        Way::Requests => counts.requests.came >= bytes,
        Way::Answers => counts.answers.came >= bytes,
    };
    within_limit(proxy.counted(is_there)).await;
}

/// What a read on a connection of a cut proxy says.
pub(crate) async fn read_error(stream: &mut TcpStream) -> ErrorKind {
    let read = within_limit(stream.read(&mut [0])).await;
    read.unwrap_err().kind()
}

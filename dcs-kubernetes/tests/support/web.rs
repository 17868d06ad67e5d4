//! HTTP servers on loopback that answer as a test says: where requests must
//! really travel.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// From the head of a request to its answer.
type Answers = Arc<dyn Fn(&str) -> (u16, Value) + Send + Sync>;

/// One server.
pub(crate) struct Web {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
    dead: watch::Sender<bool>,
    opened: Arc<AtomicUsize>,
    silent: Arc<AtomicUsize>,
}

/// A certificate authority.
pub(crate) struct Certificate {
    der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Web {
    pub(crate) async fn plain(
        answers: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        Self::start(None, Arc::new(answers)).await
    }

    pub(crate) async fn tls(
        config: ServerConfig,
        answers: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::start(Some(acceptor), Arc::new(answers)).await
    }

    async fn start(tls: Option<TlsAcceptor>, answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (dead, dies) = watch::channel(false);
        let log = Arc::clone(&seen);
        let (opened, silent) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (count, silenced) = (Arc::clone(&opened), Arc::clone(&silent));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, log) = (tls.clone(), Arc::clone(&log));
                let (answers, mut dies) = (Arc::clone(&answers), dies.clone());
                let (number, silenced) = (count.fetch_add(1, SeqCst), Arc::clone(&silenced));
                let answers =
                    move |head: &str| (number >= silenced.load(SeqCst)).then(|| answers(head));
                tokio::spawn(async move {
                    let talk = async {
                        match tls {
                            None => talk(stream, &log, &answers).await,
                            Some(tls) => match tls.accept(stream).await {
                                Ok(stream) => talk(stream, &log, &answers).await,
                                Err(error) => Err(error),
                            },
                        }
                    };
                    tokio::select! {
                        _ = talk => {}
                        _ = dies.wait_for(|dead| *dead) => {}
                    }
                });
            }
        });
        Self {
            address,
            seen,
            accepting,
            dead,
            opened,
            silent,
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, scheme: &str, host: &str) -> http::Uri {
        let port = self.address.port();
        format!("{scheme}://{host}:{port}").parse().unwrap()
    }

    /// The first line of each request.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The connections that were opened so far.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(SeqCst)
    }

    /// Those that were opened so far are answered no more, and stay open.
    pub(crate) fn silence(&self) {
        self.silent.store(self.opened(), SeqCst);
    }

    /// Ends all connections, and takes no others.
    pub(crate) async fn die(&mut self) {
        self.accepting.abort();
        let _ = (&mut self.accepting).await;
        self.dead.send_replace(true);
    }
}

impl Certificate {
    pub(crate) fn authority() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let issuer = Issuer::new(params, key);
        Self { der, issuer }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.der.clone()
    }

    /// A server with a certificate for this name, and for no address.
    pub(crate) fn of(&self, name: &str) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth();
        config.with_single_cert(chain, key).unwrap()
    }
}

/// Requests one after the other on one connection.
async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    log: &Mutex<Vec<String>>,
    answers: &impl Fn(&str) -> Option<(u16, Value)>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        while bytes.len() < head + length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        let asked = String::from_utf8_lossy(&bytes[..head]).into_owned();
        let line = asked.lines().next().unwrap_or_default().to_owned();
        bytes.drain(..head + length);
        log.lock().unwrap().push(line);
        let Some((status, body)) = answers(&asked) else {
            std::future::pending::<()>().await;
            return Ok(());
        };
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} .\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.flush().await?;
    }
}

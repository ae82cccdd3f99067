//! How requests come in: connections, with TLS where it is configured, each with a limit on how long a head may take, and a
//! clean end: no new connections, the requests under way finish, and what is late is cut off.
//!
//! HTTP/1.1 only. axum's own `serve` sets no time for reading heads, and hyper-util's version detection none for the first
//! bytes; a proxy in front speaks HTTP/2 and 3 to those who want it.

use crate::extract::Peer;
use axum::{Router, body::Body};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// Connections at once; more wait in the system's queue.
const CONNECTIONS: usize = 4096;
/// A handshake, and the head of a request, must be through by then.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests under way are given to finish.
const DRAIN: Duration = Duration::from_secs(20);
/// When the system has no file handles left, trying again at once would only burn time.
const PAUSE: Duration = Duration::from_millis(50);

/// Why the listener cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the certificate cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not make an identity.
    #[error("the certificate and its key cannot be used")]
    Identity(#[source] rustls::Error),
}

/// Files of a server's identity, in PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate and those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// An address that is listened on.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`Error`] by cause.
    pub async fn bind(address: SocketAddr, tls: Option<&Tls>) -> Result<Self, Error> {
        let tls = tls.map(acceptor).transpose()?;
        let bind = |source| Error::Bind { address, source };
        let socket = TcpListener::bind(address).await.map_err(bind)?;
        let address = socket.local_addr().map_err(bind)?;
        Ok(Self { socket, address, tls })
    }

    /// Where it listens: with the port that the system chose, if it was asked to.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its root.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `stop`, then lets the requests under way finish.
    pub async fn serve(self, router: Router, stop: CancellationToken) {
        let (tracker, late) = (TaskTracker::new(), CancellationToken::new());
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = async {
                let place = Arc::clone(&room).acquire_owned().await;
                (place, self.socket.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accepted => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let (tls, router, stop, late) = (self.tls.clone(), router.clone(), stop.clone(), late.clone());
            tracker.spawn(async move {
                let _place = place;
                tokio::select! {
                    () = late.cancelled() => {}
                    () = connection(stream, address, tls, router, stop) => {}
                }
            });
        }
        // Nobody may connect to a server that is on its way out.
        drop(self.socket);
        tracker.close();
        if timeout(DRAIN, tracker.wait()).await.is_err() {
            tracing::warn!(connections = tracker.len(), "cut off what did not finish in time");
            late.cancel();
            tracker.wait().await;
        }
    }
}

fn acceptor(tls: &Tls) -> Result<TlsAcceptor, Error> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&tls.certificate).and_then(Iterator::collect);
    let certificates = certificates.map_err(file(&tls.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(file(&tls.key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::Identity)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(Error::Identity)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) {
    // Small answers go out at once. Without it they only come a little later.
    let _slower = stream.set_nodelay(true);
    let peer = Peer { address: address.ip(), encrypted: tls.is_some() };
    match tls {
        None => requests(stream, peer, router, stop).await,
        Some(tls) => match timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
            Ok(Ok(stream)) => requests(stream, peer, router, stop).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        },
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    router: Router,
    stop: CancellationToken,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

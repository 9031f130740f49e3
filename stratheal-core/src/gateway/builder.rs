//! Settings of a gateway, and its start.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::access::{AccessToken, Names};
use super::files::Aborted;
use super::fitting::Fitting;
use super::origin::SharedOrigin;
use super::proxy::{Host, Proxy, ProxySettings};
use super::remembered::{self, Remembered};
use super::rendered::Kept;
use super::running::Running;
use super::server;
use super::service::Service;
use super::tally::Tally;
use crate::base::class::chain;
use crate::base::clock::{Clock, SystemClock};
use crate::fetch::{Fetcher, TransportSettings};
use crate::index::ProjectName;

/// The fetcher as a server.
///
/// ```no_run
/// # async fn example(fetcher: stratheal_core::fetch::Fetcher) -> Result<(), Box<dyn std::error::Error>> {
/// use stratheal_core::gateway::Gateway;
/// let running = Gateway::builder(fetcher).state_folder("cache/gateway".into()).start().await?;
/// // Give this to pip as PIP_INDEX_URL, or let `child_environment` say what a client needs.
/// let url = running.url();
/// let report = running.stop().await;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Gateway;

impl Gateway {
    /// Begins with a fetcher.
    #[must_use]
    pub fn builder(fetcher: Fetcher) -> GatewayBuilder {
        let offline = fetcher.is_offline();
        GatewayBuilder::new(Arc::new(fetcher), offline)
    }
}

/// Settings of a gateway.
#[derive(Debug)]
pub struct GatewayBuilder {
    origin: SharedOrigin,
    offline: bool,
    listen: Option<SocketAddr>,
    state_folder: Option<PathBuf>,
    token: Option<AccessToken>,
    tls: Option<(PathBuf, PathBuf)>,
    insecure: bool,
    names: Vec<String>,
    silence: Duration,
    fitting: Option<Fitting>,
    proxy: Option<ProxySettings>,
    clock: Arc<dyn Clock>,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// Its address cannot be taken.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Its folder cannot be used.
    #[error("cannot keep the gateway's port and secret: {0}")]
    State(io::Error),
    /// It would be open to others than this machine without a token.
    #[error("{0} can be reached from other machines: its clients have to know a token (`--token-file`)")]
    NeedsToken(SocketAddr),
    /// It would send its token over the network in clear.
    #[error(
        "{0} can be reached from other machines, which would send the token in clear: it takes a certificate and its key (`--tls-cert`, `--tls-key`), \
         or `--insecure`"
    )]
    NeedsTls(SocketAddr),
    /// Its certificate or its key cannot be used.
    #[error("cannot use the gateway's certificate: {0}")]
    Tls(String),
    /// The proxy cannot be made.
    #[error("cannot make the proxy: {0}")]
    Proxy(String),
    /// The proxy is for one command of this machine.
    #[error("{0} can be reached from other machines, and the proxy is for commands on this one only")]
    ProxyBeyondLoopback(SocketAddr),
    /// The system has no random bytes to give.
    #[error("the system has no random bytes to give, so there can be no secret")]
    Random,
}

impl GatewayBuilder {
    pub(super) fn new(origin: SharedOrigin, offline: bool) -> Self {
        Self {
            origin,
            offline,
            listen: None,
            state_folder: None,
            token: None,
            tls: None,
            insecure: false,
            names: Vec::new(),
            silence: Duration::from_mins(15),
            fitting: None,
            proxy: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Where it listens. Default: 127.0.0.1, at the port it had the last time with the same folder. Beyond loopback it needs a token,
    /// and a certificate or [`Self::insecure`].
    #[must_use]
    pub const fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// Where it keeps its port and its secret, so that the caches of clients stay warm. Without one, both are new each time.
    #[must_use]
    pub fn state_folder(mut self, folder: PathBuf) -> Self {
        self.state_folder = Some(folder);
        self
    }

    /// What clients have to know, instead of a secret that it makes itself.
    #[must_use]
    pub fn token(mut self, token: AccessToken) -> Self {
        self.token = Some(token);
        self
    }

    /// Its certificate (with the chain behind it) and its private key, as PEM files.
    #[must_use]
    pub fn tls(mut self, certificate: PathBuf, key: PathBuf) -> Self {
        self.tls = Some((certificate, key));
        self
    }

    /// Beyond loopback without a certificate: who listens on the network learns the token.
    #[must_use]
    pub const fn insecure(mut self, insecure: bool) -> Self {
        self.insecure = insecure;
        self
    }

    /// Further names under which it may be addressed, without port.
    #[must_use]
    pub fn host_names(mut self, names: Vec<String>) -> Self {
        self.names = names;
        self
    }

    /// How long clients are told to wait for an answer; default 15 minutes. It must be longer than what the fetcher needs to get 16
    /// MiB under the worst conditions it puts up with, because up to that size a file is sent in one go.
    #[must_use]
    pub const fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Shows only wheels that fit, and every file of a version of which nothing would be left: for clients that choose for one
    /// interpreter. It is asked with the wheel's file name. Pages are shorter by far then. What a proxy sends stays as the index says
    /// it.
    #[must_use]
    pub fn fitting(mut self, fits: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.fitting = Some(Fitting(Arc::new(fits)));
        self
    }

    /// Is a proxy, too, for clients that keep URLs. `transport` has the user's certificates and proxies.
    #[must_use]
    pub fn proxy(mut self, transport: TransportSettings) -> Self {
        self.proxy = Some(ProxySettings { transport, ..self.proxy.unwrap_or_default() });
        self
    }

    /// Hosts that files come from, beside the members of the chain: those of a lock, see
    /// [`hosts_of_lock`](super::hosts_of_lock). Other hosts are tunnelled untouched. Implies a proxy.
    #[must_use]
    pub fn file_hosts(mut self, hosts: Vec<(String, u16)>) -> Self {
        let proxy = self.proxy.get_or_insert_default();
        proxy.file_hosts.extend(hosts.into_iter().map(|(name, port)| Host { name, port }));
        self
    }

    /// Projects whose pages are looked at before the start, to learn which hosts files come from. Implies a proxy.
    #[must_use]
    pub fn sample_projects(mut self, projects: Vec<ProjectName>) -> Self {
        self.proxy.get_or_insert_default().samples.extend(projects);
        self
    }

    /// What shows the wall time, for the certificates of the proxy.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Starts it in the runtime of the caller, which should have several threads.
    ///
    /// # Cancellation
    /// Dropping the future leaves nothing behind but, perhaps, the file with port and secret.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn start(self) -> Result<Running, GatewayError> {
        let wished = self.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let loopback = wished.ip().is_loopback();
        if !loopback && self.token.is_none() {
            return Err(GatewayError::NeedsToken(wished));
        }
        if !loopback && self.tls.is_none() && !self.insecure {
            return Err(GatewayError::NeedsTls(wished));
        }
        if !loopback && self.proxy.is_some() {
            return Err(GatewayError::ProxyBeyondLoopback(wished));
        }
        let tls = match &self.tls {
            Some((certificate, key)) => Some(acceptor(certificate.clone(), key.clone()).await?),
            None => None,
        };
        let before = match self.state_folder.clone() {
            Some(folder) => blocking(move || {
                remembered::make_folder(&folder)?;
                Ok(remembered::read(&folder))
            })
            .await
            .map_err(GatewayError::State)?,
            None => None,
        };
        let (listener, note) = listen(wished, before.as_ref().map(|before| before.port)).await?;
        let address = listener.local_addr().map_err(|source| GatewayError::Listen { address: wished, source })?;
        let chosen = self.token.is_some();
        let token = match (self.token, &before) {
            (Some(token), _) => token,
            (None, Some(before)) => before.token.clone(),
            (None, None) => AccessToken::random().map_err(|_| GatewayError::Random)?,
        };
        // A port that was only taken because the usual one is busy is not the next usual one. A token somebody chose is theirs to keep.
        if let (Some(folder), None, false) = (self.state_folder.clone(), &before, chosen) {
            let remembered = Remembered { port: address.port(), token: token.clone() };
            blocking(move || remembered::write(&folder, &remembered)).await.map_err(GatewayError::State)?;
        }
        let folder = self.state_folder.unwrap_or_else(std::env::temp_dir);
        let proxy = match self.proxy {
            Some(settings) => {
                let proxy = Proxy::start(settings, &self.origin, &folder, self.clock.now()).await;
                Some(proxy.map_err(GatewayError::Proxy)?)
            }
            None => None,
        };
        let tally = Arc::new(Tally::default());
        let listening = tokio::spawn(tally.clone().listen(self.origin.events()));
        let service = Arc::new(Service {
            origin: self.origin,
            tally,
            kept: Kept::default(),
            aborted: Arc::new(Aborted::default()),
            token,
            names: Names { port: address.port(), loopback, also: self.names },
            offline: self.offline,
            compress: !loopback,
            fitting: self.fitting,
            proxy,
            listing: tokio::sync::Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let secure = tls.is_some();
        let serving = tokio::spawn(server::serve(listener, service.clone(), tls, async move {
            // An error means that the other end was dropped, which is as good.
            let _ = stopped.await;
        }));
        Ok(Running::new(address, secure, service, self.silence, note, stop, serving, listening))
    }
}

/// Takes the port of the last time, or any other where that one is busy.
async fn listen(wished: SocketAddr, last: Option<u16>) -> Result<(TcpListener, Option<String>), GatewayError> {
    let failed = |source| GatewayError::Listen { address: wished, source };
    let (0, Some(last)) = (wished.port(), last) else {
        return Ok((TcpListener::bind(wished).await.map_err(failed)?, None));
    };
    match TcpListener::bind(SocketAddr::new(wished.ip(), last)).await {
        Ok(listener) => Ok((listener, None)),
        Err(error) => {
            let listener = TcpListener::bind(wished).await.map_err(failed)?;
            let note = format!(
                "the gateway's usual port {last} cannot be taken ({error}), so it has another one, and clients may find their caches \
                 cold"
            );
            Ok((listener, Some(note)))
        }
    }
}

async fn acceptor(certificate: PathBuf, key: PathBuf) -> Result<TlsAcceptor, GatewayError> {
    let made = blocking(move || {
        let bad =
            |path: &PathBuf, error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", path.display()));
        let certificates: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(&certificate).map_err(|error| bad(&certificate, &error))?.collect();
        let certificates = certificates.map_err(|error| bad(&certificate, &error))?;
        let key = PrivateKeyDer::from_pem_file(&key).map_err(|error| bad(&key, &error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
            .map_err(|error| bad(&certificate, &error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    });
    made.await.map_err(|error| GatewayError::Tls(chain(&error)))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other).flatten()
}

/// Whether an address is this machine's own.
#[must_use]
pub(super) const fn host_text(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "127.0.0.1",
        IpAddr::V6(_) => "[::1]",
    }
}

//! TLS for checks: whom to trust, and how long the certificate is still good for.
//!
//! Sessions are never resumed, because only a full handshake looks at the certificate.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use super::{NetError, Phase, Progress, Stream, Validity};
use crate::base::single_flight::{Flight, Flights};
use crate::contract::{CheckContext, CheckError};

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));

/// The system's roots, read once: they are large and change with system updates only.
static SYSTEM_ROOTS: OnceCell<Arc<RootCertStore>> = OnceCell::const_new();

type Loaded = Result<Arc<RootCertStore>, Arc<str>>;

static CA_FILES: Flights<Loaded> = Flights::new();

/// The largest file of certificates that is read, in bytes.
const MAX_CA_FILE: u64 = 4 << 20;

/// The oldest version of TLS that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    Tls13,
}

/// Whom to trust.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsOptions {
    /// A file of PEM certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether any certificate is accepted. Its days are measured all the same.
    pub insecure_skip_verify: bool,
    /// The name to ask for (SNI) and to expect in the certificate, instead of the host's.
    pub server_name: Option<String>,
    /// The oldest version to accept.
    pub min_version: TlsVersion,
}

/// A TLS option is impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("server_name `{0}` is neither a host name nor an IP address")]
pub struct InvalidTls(String);

/// Makes TLS connections with one set of options.
pub struct Tls {
    options: TlsOptions,
    server_name: Option<ServerName<'static>>,
    protocols: Vec<Vec<u8>>,
    ca_file: Option<Arc<Flight<Loaded>>>,
    config: Mutex<Option<Arc<ClientConfig>>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Tls {
    /// Takes the options. `protocols` are offered by ALPN; none means that it is not used. Certificates are read at the first
    /// handshake.
    ///
    /// # Errors
    /// [`InvalidTls`] for a server name that is none.
    pub fn new(options: TlsOptions, protocols: &[&str]) -> Result<Self, InvalidTls> {
        let server_name = match &options.server_name {
            Some(name) => Some(ServerName::try_from(name.clone()).map_err(|_| InvalidTls(name.clone()))?),
            None => None,
        };
        let ca_file = options.ca_file.as_deref().map(|path| CA_FILES.get(&path.display().to_string()));
        let protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Ok(Self { options, server_name, protocols, ca_file, config: Mutex::default() })
    }

    /// Reads the certificates to trust now, if they have not been read, so that this costs the first handshake no time.
    ///
    /// # Errors
    /// [`CheckError`] when they cannot be read.
    pub async fn prepare(&self, cx: &CheckContext) -> Result<(), CheckError> {
        self.config(cx).await.map(drop)
    }

    /// Makes a TLS connection over an open one. `own_host` says whether the configured server name is meant for this host; after
    /// a redirect to another one it is not.
    ///
    /// # Errors
    /// [`NetError::Tls`] when the handshake fails, [`NetError::Local`] when the certificates to trust cannot be read.
    pub async fn handshake(
        &self,
        stream: TcpStream,
        host: &str,
        own_host: bool,
        cx: &CheckContext,
        progress: &mut Progress,
    ) -> Result<Stream, NetError> {
        progress.leave(tokio::time::Instant::now());
        let config = self.config(cx).await?;
        progress.enter(Phase::Tls, tokio::time::Instant::now());
        let name = match &self.server_name {
            Some(name) if own_host => name.clone(),
            _ => ServerName::try_from(host.to_owned()).map_err(|_| {
                CheckError::malformed(format!("the host name `{host}`"), "it cannot stand in a certificate")
            })?,
        };
        let shown = name.to_str().into_owned();
        // Only a matter of speed: a handshake is several small writes, each of which would wait for an acknowledgement.
        drop(stream.set_nodelay(true));
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|source| {
            if self.options.ca_file.is_some() {
                // The file may have been replaced since it was read.
                *self.config.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            NetError::of_io(source, |source| NetError::Tls { to: shown, source })
        })?;
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        progress.certificate = leaf.and_then(|certificate| Validity::of(certificate));
        Ok(Stream::Tls(Box::new(stream)))
    }

    async fn config(&self, cx: &CheckContext) -> Result<Arc<ClientConfig>, CheckError> {
        if let Some(config) = &*self.config.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(config.clone());
        }
        let algorithms = PROVIDER.signature_verification_algorithms;
        let verifier: Arc<dyn ServerCertVerifier> = if self.options.insecure_skip_verify {
            Arc::new(AcceptAny { algorithms })
        } else {
            let roots = self.roots(cx).await?;
            let webpki = WebPkiServerVerifier::builder_with_provider(roots, PROVIDER.clone()).build();
            let webpki =
                webpki.map_err(|error| CheckError::Setup { what: "TLS".to_owned(), problem: error.to_string() })?;
            Arc::new(NamesExpiry { webpki })
        };
        let versions: &[&rustls::SupportedProtocolVersion] = match self.options.min_version {
            TlsVersion::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
            TlsVersion::Tls13 => &[&rustls::version::TLS13],
        };
        let mut config = ClientConfig::builder_with_provider(PROVIDER.clone())
            .with_protocol_versions(versions)
            .map_err(|error| CheckError::Setup { what: "TLS".to_owned(), problem: error.to_string() })?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols.clone_from(&self.protocols);
        config.resumption = Resumption::disabled();
        let config = Arc::new(config);
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = Some(config.clone());
        Ok(config)
    }

    async fn roots(&self, cx: &CheckContext) -> Result<Arc<RootCertStore>, CheckError> {
        let unusable =
            |what: &str, problem: &str| CheckError::Setup { what: what.to_owned(), problem: problem.to_owned() };
        let (Some(path), Some(flight)) = (&self.options.ca_file, &self.ca_file) else {
            let load = || async {
                let loaded = cx.blocking("the system's certificates", system_roots).await?;
                loaded.map_err(|problem| unusable("the system's certificate store", &problem))
            };
            return SYSTEM_ROOTS.get_or_try_init(load).await.cloned();
        };
        let shown = path.display().to_string();
        let work = async {
            let path = path.clone();
            cx.blocking(&format!("ca_file {shown}"), move || file_roots(&path).map_err(Arc::from)).await
        };
        flight.run(work).await?.map_err(|problem: Arc<str>| unusable(&format!("ca_file `{shown}`"), &problem))
    }
}

/// Blocks on files.
fn system_roots() -> Result<Arc<RootCertStore>, String> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(loaded.certs);
    if usable > 0 {
        return Ok(Arc::new(roots));
    }
    let problem = loaded.errors.first().map_or_else(|| "it is empty".to_owned(), ToString::to_string);
    Err(format!("{problem}; install the package ca-certificates, or name a ca_file"))
}

/// Blocks on a file.
fn file_roots(path: &Path) -> Result<Arc<RootCertStore>, String> {
    use std::io::Read;
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_CA_FILE + 1).read_to_end(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_CA_FILE {
        return Err(format!("it is larger than {MAX_CA_FILE} bytes"));
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| format!("it is no valid PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("a certificate in it cannot be used: {error}"))?;
    }
    if roots.is_empty() {
        return Err("it holds no PEM certificate".to_owned());
    }
    Ok(Arc::new(roots))
}

/// The usual rules, but a certificate that is expired is always reported as expired, whatever else is wrong with it: that is
/// what a person can act on.
#[derive(Debug)]
struct NamesExpiry {
    webpki: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for NamesExpiry {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| {
            match Validity::of(end_entity).and_then(|validity| u64::try_from(validity.not_after).ok()) {
                Some(not_after) if not_after < now.as_secs() => {
                    let not_after = UnixTime::since_unix_epoch(Duration::from_secs(not_after));
                    CertificateError::ExpiredContext { time: now, not_after }.into()
                }
                _ => error,
            }
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// Accepts any certificate, but still checks that the server has its key.
#[derive(Debug)]
struct AcceptAny {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

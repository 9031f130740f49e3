//! A server on 127.0.0.1 that does to each connection what a test tells it to, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One thing done to a connection. After the last one it is closed.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Send(Vec<u8>),
    Wait(Duration),
    /// Keeps the connection open until the other side closes it, which is counted.
    Hang,
    /// Closes with a reset.
    Reset,
}

impl Act {
    pub(crate) fn send(text: impl Into<String>) -> Self {
        Self::Send(text.into().into_bytes())
    }
}

/// An answer with a body of this type.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<Act> {
    vec![Act::send(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()))]
}

type Script = Arc<dyn Fn(&str) -> Vec<Act> + Send + Sync>;

#[derive(Debug)]
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) closed: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TestServer {
    /// Reads a request on each connection, then does what `script` says to it.
    pub(crate) async fn http(script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::start(None, true, Arc::new(script)).await
    }

    /// The same over TLS.
    pub(crate) async fn https(
        config: Arc<ServerConfig>,
        script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(config), true, Arc::new(script)).await
    }

    /// Does these things to each connection without reading first.
    pub(crate) async fn raw(acts: Vec<Act>) -> Self {
        Self::start(None, false, Arc::new(move |_| acts.clone())).await
    }

    async fn start(tls: Option<Arc<ServerConfig>>, reads: bool, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let closed = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (count, log) = (closed.clone(), requests.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (count, log, script, tls) = (count.clone(), log.clone(), script.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, reads, &script, &log, &count, set_reset).await,
                        Some(config) => {
                            let acceptor = tokio_rustls::TlsAcceptor::from(config);
                            // A client that does not like the certificate goes away here.
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            serve(stream, reads, &script, &log, &count, |_| ()).await;
                        }
                    }
                });
            }
        });
        Self { address, closed, requests, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was asked so far, heads and bodies.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until this many connections were closed by the other side.
    pub(crate) async fn wait_closed(&self, count: usize) {
        for _ in 0..200 {
            if self.closed.load(Ordering::SeqCst) >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the connection was not closed");
    }
}

fn set_reset(stream: &TcpStream) {
    stream.set_zero_linger().unwrap();
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    reads: bool,
    script: &Script,
    log: &Mutex<Vec<String>>,
    closed: &AtomicUsize,
    reset: impl Fn(&S),
) {
    let request = if reads { read_request(&mut stream).await } else { String::new() };
    log.lock().unwrap().push(request.clone());
    for act in script(&request) {
        match act {
            Act::Send(bytes) => {
                // The client may have had enough already.
                if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            Act::Wait(time) => tokio::time::sleep(time).await,
            Act::Hang => {
                let mut buffer = [0; 1024];
                while !matches!(stream.read(&mut buffer).await, Ok(0) | Err(_)) {}
                closed.fetch_add(1, Ordering::SeqCst);
                return;
            }
            Act::Reset => {
                reset(&stream);
                return;
            }
        }
    }
    drop(stream.shutdown().await);
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let shown = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = shown.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return shown;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(count @ 1..) => text.extend_from_slice(&buffer[..count]),
            _ => return shown,
        }
    }
}

/// Which certificate a TLS server shows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Certificate {
    Good,
    Expired,
    WrongName,
    SelfSigned,
}

/// An authority of one test.
#[derive(Debug)]
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "test authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap() }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server with a certificate for `localhost` and 127.0.0.1, unless it is to be wrong.
    pub(crate) fn server(&self, kind: Certificate) -> Arc<ServerConfig> {
        let names = match kind {
            Certificate::WrongName => vec!["other.test".to_owned()],
            _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        };
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2000, 1, 1);
        parameters.not_after = match kind {
            Certificate::Expired => rcgen::date_time_ymd(2020, 1, 1),
            _ => rcgen::date_time_ymd(2120, 1, 1),
        };
        let key = KeyPair::generate().unwrap();
        let certificate = match kind {
            Certificate::SelfSigned => parameters.self_signed(&key).unwrap(),
            _ => parameters.signed_by(&key, &self.issuer).unwrap(),
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}

/// A context with this much time.
pub(crate) fn context(time: Duration) -> crate::contract::CheckContext {
    let deadline = tokio::time::Instant::now() + time;
    crate::contract::CheckContext::new(deadline, None, false, crate::base::blocking::BlockingPool::new(4))
}

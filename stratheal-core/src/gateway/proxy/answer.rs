//! What the proxy does with a request.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION};
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use url::Url;

use super::authority::Authority;
use super::bundle::{self, Bundle};
use super::hosts::{Host, Hosts};
use super::{canonical, pass, tunnel};
use crate::base::class::chain;
use crate::fetch::{FetchError, TransportSettings};
use crate::gateway::access::{AccessToken, split_host};
use crate::gateway::body::Body;
use crate::gateway::environment::Bypass;
use crate::gateway::origin::SharedOrigin;
use crate::gateway::problem::{self, Answer};
use crate::gateway::server::http;
use crate::gateway::service::Service;
use crate::gateway::tally::add;
use crate::index::ProjectName;

/// Tunnels at the same time; one more waits.
const TUNNELS: usize = 512;
/// How long it waits.
const WAIT: Duration = Duration::from_secs(30);
/// How long a TLS handshake with the client may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long the page may take from which the hosts of files are learned. The command waits for it.
const LEARN_WITHIN: Duration = Duration::from_secs(3);

/// What the proxy needs to know beside the chain.
#[derive(Debug, Clone, Default)]
pub(in crate::gateway) struct ProxySettings {
    /// Hosts that files come from.
    pub file_hosts: Vec<Host>,
    /// Projects whose pages say where files come from.
    pub samples: Vec<ProjectName>,
    /// Certificates and proxies of the user.
    pub transport: TransportSettings,
}

/// The proxy.
#[derive(Debug)]
pub(in crate::gateway) struct Proxy {
    token: AccessToken,
    authority: Authority,
    bundle: Bundle,
    hosts: Hosts,
    transport: TransportSettings,
    pub(super) client: reqwest::Client,
    tunnels: Arc<Semaphore>,
}

impl Proxy {
    /// Makes the authority and the file of certificates.
    pub(in crate::gateway) async fn start(
        settings: ProxySettings,
        origin: &SharedOrigin,
        folder: &Path,
        now: Timestamp,
    ) -> Result<Self, String> {
        let mut hosts = Hosts::of_chain(origin.chain());
        settings.file_hosts.into_iter().for_each(|host| hosts.add(host));
        for project in &settings.samples {
            match tokio::time::timeout(LEARN_WITHIN, origin.page(project)).await {
                Ok(Ok(page)) => hosts.learn(&page),
                Ok(Err(error)) => tracing::debug!(%project, %error, "no file hosts are learned from this page"),
                Err(_) => tracing::debug!(%project, "no file hosts are learned from this page: it takes too long"),
            }
        }
        let token = AccessToken::random().map_err(|_| "the system has no random bytes to give".to_owned())?;
        let (transport, folder): (_, PathBuf) = (settings.transport, folder.to_owned());
        let made = tokio::task::spawn_blocking(move || {
            let authority = Authority::new(&hosts, now).map_err(|error| chain(&error))?;
            let trusted = bundle::trusted(&transport.certificates).map_err(|error| chain(&error))?;
            let number = now.as_nanosecond() as u64;
            let bundle = Bundle::write(&folder, number, &trusted, &authority.pem()).map_err(|error| chain(&error))?;
            let client = pass::client(&transport, trusted)?;
            let tunnels = Arc::new(Semaphore::new(TUNNELS));
            Ok(Self { token, authority, bundle, hosts, transport, client, tunnels })
        });
        made.await.map_err(|error| chain(&error)).flatten()
    }

    pub(in crate::gateway) const fn token(&self) -> &AccessToken {
        &self.token
    }

    pub(in crate::gateway) fn bundle(&self) -> &Path {
        self.bundle.path()
    }

    pub(in crate::gateway) fn hosts(&self) -> Vec<(String, u16)> {
        self.hosts.iter().map(|host| (host.name.clone(), host.port)).collect()
    }

    /// Answers one request: CONNECT, or one that names its server in its first line.
    pub(in crate::gateway) async fn answer(&self, service: &Arc<Service>, request: Request<Incoming>) -> Answer {
        let given = request.headers().get(PROXY_AUTHORIZATION);
        if !given.is_some_and(|given| self.token.is_in(given.as_bytes())) {
            add(&service.tally.refused_requests, 1);
            let detail = "the proxy's secret is missing or wrong: only the command that was started with it may use it";
            let mut answer = problem::plain(StatusCode::PROXY_AUTHENTICATION_REQUIRED, detail);
            answer
                .headers_mut()
                .insert(PROXY_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"stratheal proxy\""));
            return answer;
        }
        if *request.method() == Method::CONNECT {
            return self.connect(service, request).await;
        }
        let Ok(url) = Url::parse(&request.uri().to_string()) else {
            return problem::plain(StatusCode::BAD_REQUEST, "this is no URL");
        };
        let Some(host) = Host::of(&url) else {
            return problem::plain(StatusCode::BAD_REQUEST, "only http: URLs are asked for like this");
        };
        if !self.hosts.contains(&host.name, host.port) {
            note(service, &host.name);
            if service.offline {
                return problem::of(&FetchError::Offline { wanted: host.name });
            }
            return pass::on(service, self, &url, request).await;
        }
        canonical::answer(service, self, &url, request).await
    }

    async fn connect(&self, service: &Arc<Service>, request: Request<Incoming>) -> Answer {
        let target = request.uri().authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
        let Some((name, Some(port))) = split_host(&target) else {
            return problem::plain(StatusCode::BAD_REQUEST, "CONNECT needs a host and a port");
        };
        let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
        let Ok(Ok(permit)) = tokio::time::timeout(WAIT, self.tunnels.clone().acquire_owned()).await else {
            return problem::plain(StatusCode::SERVICE_UNAVAILABLE, "too many tunnels at the same time");
        };
        if self.hosts.contains(&name, port) {
            let service = service.clone();
            tokio::spawn(async move {
                if let Err(error) = intercept(&service, &name, port, request, permit).await {
                    tracing::debug!(host = name, %error, "a connection to a host of the chain ended early");
                }
            });
            return Answer::new(Body::empty());
        }
        note(service, &name);
        if service.offline {
            return problem::of(&FetchError::Offline { wanted: name });
        }
        match tunnel::open(&name, port, &self.transport.proxies, self.transport.connect_timeout).await {
            Ok(server) => {
                add(&service.tally.tunnels, 1);
                tokio::spawn(async move {
                    let _permit = permit;
                    let passed = match hyper::upgrade::on(request).await {
                        Ok(client) => tunnel::pass(TokioIo::new(client), server).await,
                        Err(error) => Err(std::io::Error::other(error)),
                    };
                    if let Err(error) = passed {
                        tracing::debug!(host = name, %error, "a tunnel ended early");
                    }
                });
                Answer::new(Body::empty())
            }
            Err(error) => {
                problem::plain(StatusCode::BAD_GATEWAY, &format!("{name} cannot be reached: {}", chain(&error)))
            }
        }
    }
}

/// What is no host of the chain goes past the gateway's own work, and is named.
fn note(service: &Service, host: &str) {
    service.tally.bypass(Bypass {
        what: host.to_owned(),
        place: "a connection of the command".to_owned(),
        meaning: "no index of the chain: passed on untouched".to_owned(),
    });
}

/// Is this host towards the client.
async fn intercept(
    service: &Arc<Service>,
    name: &str,
    port: u16,
    request: Request<Incoming>,
    _permit: OwnedSemaphorePermit,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let Some(proxy) = &service.proxy else { return Ok(()) };
    let client = hyper::upgrade::on(request).await?;
    let acceptor = TlsAcceptor::from(proxy.authority.config(name)?);
    let stream = tokio::time::timeout(HANDSHAKE_WITHIN, acceptor.accept(TokioIo::new(client))).await??;
    let base = Url::parse(&format!("https://{name}:{port}/"))?;
    let answer = service_fn(move |request: Request<Incoming>| {
        let (service, base) = (service.clone(), base.clone());
        async move {
            add(&service.tally.requests, 1);
            let method = request.method().clone();
            let answer =
                match (&service.proxy, base.join(request.uri().path_and_query().map_or("/", |path| path.as_str()))) {
                    (Some(proxy), Ok(url)) if Host::of(&url) == Host::of(&base) => {
                        canonical::answer(&service, proxy, &url, request).await
                    }
                    _ => problem::plain(StatusCode::BAD_REQUEST, "this is no URL of this host"),
                };
            Ok::<_, std::convert::Infallible>(service.finish(&method, answer))
        }
    });
    http().serve_connection(TokioIo::new(stream), answer).await?;
    Ok(())
}

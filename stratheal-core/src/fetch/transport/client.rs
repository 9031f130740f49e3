//! The client: one request, its redirects, its limits.

use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderValue, LOCATION};
#[cfg(feature = "notify")]
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, NoProxy, Proxy, redirect::Policy};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use url::Url;

use super::answer::{Answer, Body};
use super::ask::{Ask, Encoding};
use super::resolver::Resolver;
use super::settings::{InvalidTransport, Login, TransportSettings};
use super::{problem, trust};
use crate::base::redact::{Secret, safe_url};
use crate::fetch::failure::{Failure, FailureKind};
#[cfg(feature = "notify")]
use crate::fetch::retry_after::parse_retry_after;
use crate::net::{Redirect, redirect};

/// The most redirects that are followed for one request.
const MAX_REDIRECTS: usize = 10;
/// The most header lines of an answer, and their size together, in bytes.
const MAX_HEADERS: usize = 100;
const MAX_HEAD: usize = 64 << 10;
/// Idle connections of one host that are kept, and for how long: less than servers usually do, so that they rarely close one
/// just when it is used again.
const MAX_IDLE: usize = 50;
const IDLE_FOR: std::time::Duration = std::time::Duration::from_secs(20);

/// What came of something that was sent.
#[cfg(feature = "notify")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<std::time::Duration>,
}

/// Sends requests. Clones share their connections.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: TransportSettings,
    resolver: Resolver,
    proxies: Vec<Proxy>,
    plain: Client,
    /// Made at the first `https:` URL, because reading the system's certificates takes time.
    secure: OnceCell<Client>,
}

impl Transport {
    /// Takes the settings. Nothing is opened yet.
    ///
    /// # Errors
    /// [`InvalidTransport`] for a proxy that cannot be used.
    pub(crate) fn new(settings: TransportSettings) -> Result<Self, InvalidTransport> {
        let resolver = Resolver::new(settings.connect_timeout);
        let proxies = proxies(&settings)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let no_tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| InvalidTransport::Client(error.to_string()))?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let plain = client(&settings, &resolver, &proxies, &no_tls)?;
        let shared = Shared { settings, resolver, proxies, plain, secure: OnceCell::new() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Sends a GET request and follows its redirects. Any status is an answer.
    ///
    /// # Cancellation
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    /// [`Failure`] when there is no answer, or none that may be used.
    pub(crate) async fn get(&self, url: &Url, ask: &Ask) -> Result<Answer, Failure> {
        let begun = Instant::now();
        tokio::time::timeout(ask.head_within, self.follow(url, ask)).await.unwrap_or_else(|_| {
            let waited = begun.elapsed().as_secs_f64();
            Err(Failure::new(FailureKind::Silent, format!("did not answer within {waited:.1} s")))
        })
    }

    async fn follow(&self, url: &Url, ask: &Ask) -> Result<Answer, Failure> {
        let mut asked = vec![url.clone()];
        loop {
            let at = &asked[asked.len() - 1];
            let response = self.send(at, ask).await?;
            let is_packed = check_head(&response, ask)?;
            let location = response.headers().get(LOCATION);
            let next = match redirect(at, &reqwest::Method::GET, response.status(), location) {
                Redirect::None => return Ok(self.answer(at.clone(), response, is_packed)),
                Redirect::Impossible(why) => {
                    return Err(Failure::new(
                        FailureKind::Redirect,
                        format!("sent a redirect that cannot be followed: {why}"),
                    ));
                }
                Redirect::To { url, .. } => *url,
            };
            check_redirect(&asked, &next)?;
            asked.push(next);
        }
    }

    /// Sends something, and answers the status and how long to wait if that was said. Redirects are not followed: what was written for one
    /// place is not for another.
    ///
    /// # Cancellation
    /// Dropping the future closes the connection; the other side may have it already.
    ///
    /// # Errors
    /// [`Failure`] when there is no answer.
    #[cfg(feature = "notify")]
    pub(crate) async fn post(&self, url: &Url, headers: HeaderMap, body: Vec<u8>) -> Result<Posted, Failure> {
        let request = self.client_for(url).await?.post(url.clone()).headers(headers).body(body);
        let response = request.send().await.map_err(|error| problem::of_request(&error))?;
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let longest = self.shared.settings.longest_retry_after;
        let retry_after = retry_after.and_then(|value| parse_retry_after(value, jiff::Timestamp::now(), longest));
        Ok(Posted { status: response.status().as_u16(), retry_after })
    }

    async fn client_for(&self, url: &Url) -> Result<&Client, Failure> {
        let client = match url.scheme() {
            "http" => self.plain().await,
            "https" => self.secure().await,
            other => return Err(Failure::new(FailureKind::Redirect, format!("has a URL of the scheme `{other}`"))),
        };
        client.map_err(|error| Failure::new(FailureKind::Local, format!("cannot be asked: {error}")))
    }

    async fn send(&self, url: &Url, ask: &Ask) -> Result<reqwest::Response, Failure> {
        let client = self.client_for(url).await?;
        let mut headers = ask.headers();
        if let Some(login) = self.shared.settings.credentials.find(url).await {
            headers.insert(AUTHORIZATION, basic(&login)?);
        }
        let mut bare = url.clone();
        bare.set_fragment(None);
        // Setting them fails only for URLs without a host, which have none.
        let _ = (bare.set_username(""), bare.set_password(None));
        client.get(bare).headers(headers).send().await.map_err(|error| problem::of_request(&error))
    }

    /// The client for `http:`. A proxy that is itself reached by TLS needs the certificates for that as well.
    async fn plain(&self) -> Result<&Client, InvalidTransport> {
        let settings = &self.shared.settings.proxies;
        let is_secure = |proxy: &Option<Secret<String>>| {
            proxy.as_ref().is_some_and(|proxy| proxy.expose().to_ascii_lowercase().starts_with("https:"))
        };
        if is_secure(&settings.http) || is_secure(&settings.all) { self.secure().await } else { Ok(&self.shared.plain) }
    }

    async fn secure(&self) -> Result<&Client, InvalidTransport> {
        let shared = &self.shared;
        let load = || async {
            let trusted = shared.settings.certificates.clone();
            let config = tokio::task::spawn_blocking(move || trust::tls_config(&trusted))
                .await
                .map_err(|error| InvalidTransport::Client(error.to_string()))??;
            client(&shared.settings, &shared.resolver, &shared.proxies, &config)
        };
        shared.secure.get_or_try_init(load).await
    }

    fn answer(&self, final_url: Url, response: reqwest::Response, is_packed: bool) -> Answer {
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            final_url,
            body: Body { response },
            is_packed,
            longest_retry_after: self.shared.settings.longest_retry_after,
        }
    }
}

/// One client for everything, so that files take over the connections of pages. It unpacks nothing: files must arrive as they are.
fn client(
    settings: &TransportSettings,
    resolver: &Resolver,
    proxies: &[Proxy],
    tls: &rustls::ClientConfig,
) -> Result<Client, InvalidTransport> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .http1_only()
        .http1_max_headers(MAX_HEADERS)
        .user_agent(&settings.user_agent)
        .connect_timeout(settings.connect_timeout)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tcp_nodelay(true)
        .pool_idle_timeout(IDLE_FOR)
        .pool_max_idle_per_host(MAX_IDLE)
        .dns_resolver(resolver.clone())
        .no_proxy();
    for proxy in proxies {
        builder = builder.proxy(proxy.clone());
    }
    builder.build().map_err(|error| InvalidTransport::Client(crate::base::class::chain(&error)))
}

type Make = fn(&str) -> reqwest::Result<Proxy>;

fn proxies(settings: &TransportSettings) -> Result<Vec<Proxy>, InvalidTransport> {
    let configured = &settings.proxies;
    let none_for = configured.none_for.as_deref().and_then(NoProxy::from_string);
    let mut proxies = Vec::new();
    let kinds: [(&Option<Secret<String>>, Make); 3] = [
        (&configured.http, |url| Proxy::http(url)),
        (&configured.https, |url| Proxy::https(url)),
        (&configured.all, |url| Proxy::all(url)),
    ];
    for (url, make) in kinds {
        let Some(url) = url.as_ref().map(|url| url.expose().trim()).filter(|url| !url.is_empty()) else { continue };
        let unusable = |problem: &str| InvalidTransport::Proxy { proxy: safe_url(url), problem: problem.to_owned() };
        if url.to_ascii_lowercase().starts_with("socks") {
            return Err(unusable("SOCKS is not supported, only http: and https: proxies are"));
        }
        let proxy = make(url).map_err(|_| unusable("it is no valid http: or https: URL"))?;
        proxies.push(proxy.no_proxy(none_for.clone()));
    }
    Ok(proxies)
}

fn basic(login: &Login) -> Result<HeaderValue, Failure> {
    use base64::Engine;
    let text = format!("{}:{}", login.user, login.password.expose());
    let text = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text));
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Failure::new(FailureKind::Local, "cannot be asked: its credentials are unusable"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether the body has to be unpacked; an error for a head that is no good.
fn check_head(response: &reqwest::Response, ask: &Ask) -> Result<bool, Failure> {
    let size: usize = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > MAX_HEAD {
        return Err(Failure::new(FailureKind::Malformed, format!("sent a head of more than {MAX_HEAD} bytes")));
    }
    let encoding = response.headers().get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    match encoding.as_deref() {
        None | Some(b"" | b"identity") => Ok(false),
        // Some servers call a `.tar.gz` itself packed. Its bytes are taken as they come; the hash tells whether they are right.
        Some(_) if ask.encoding == Encoding::Identity => Ok(false),
        Some(b"gzip" | b"x-gzip") => Ok(true),
        Some(encoding) => {
            let encoding: String = String::from_utf8_lossy(encoding).chars().take(40).collect();
            Err(Failure::new(
                FailureKind::Content,
                format!("sent a page packed as {encoding:?}, which was not asked for"),
            ))
        }
    }
}

/// Whether the next URL may be asked after these.
fn check_redirect(asked: &[Url], next: &Url) -> Result<(), Failure> {
    let refused = |text: String| Err(Failure::new(FailureKind::Redirect, text));
    let shown = safe_url(next.as_str());
    if asked.contains(next) {
        return refused(format!("redirects in a loop: {shown} comes twice"));
    }
    if asked.len() > MAX_REDIRECTS {
        return refused(format!("redirects more than {MAX_REDIRECTS} times, at last to {shown}"));
    }
    if asked.last().is_some_and(|from| from.scheme() == "https") && next.scheme() == "http" {
        return refused(format!("redirects from https to {shown}, which is not protected"));
    }
    Ok(())
}

//! Settings of the transport. Nothing here is read from the environment: whoever builds a fetcher passes it in.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::base::redact::Secret;

/// How connections are made.
///
/// ```
/// use std::time::Duration;
/// use stratheal_core::fetch::TransportSettings;
/// let settings = TransportSettings { connect_timeout: Duration::from_secs(3), ..TransportSettings::default() };
/// assert!(settings.user_agent.starts_with("stratheal/"));
/// ```
#[derive(Debug, Clone)]
pub struct TransportSettings {
    /// Whose certificates are trusted.
    pub certificates: TrustedCertificates,
    /// Which proxies are used.
    pub proxies: Proxies,
    /// Who knows user names and passwords.
    pub credentials: Credentials,
    /// How long the lookup, the connection and the TLS handshake may take together; default 10 s.
    pub connect_timeout: Duration,
    /// What it calls itself.
    pub user_agent: String,
    /// The longest `Retry-After` that is believed; default 60 s.
    pub longest_retry_after: Duration,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            certificates: TrustedCertificates::default(),
            proxies: Proxies::default(),
            credentials: Credentials::none(),
            connect_timeout: Duration::from_secs(10),
            user_agent: concat!("stratheal/", env!("CARGO_PKG_VERSION")).to_owned(),
            longest_retry_after: Duration::from_mins(1),
        }
    }
}

/// Whose certificates are trusted: all of these together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedCertificates {
    /// The system's own store (where `SSL_CERT_FILE` and `SSL_CERT_DIR` point to, if they are set for this process).
    pub system: bool,
    /// Files of PEM certificates, as in pip's `--cert`.
    pub files: Vec<PathBuf>,
    /// Folders of such files.
    pub folders: Vec<PathBuf>,
}

impl Default for TrustedCertificates {
    fn default() -> Self {
        Self { system: true, files: Vec::new(), folders: Vec::new() }
    }
}

/// Proxies, in the form of the usual environment variables: `HTTP_PROXY` and so on. They may hold credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http:` URLs.
    pub http: Option<Secret<String>>,
    /// For `https:` URLs.
    pub https: Option<Secret<String>>,
    /// For both, where the other two say nothing.
    pub all: Option<Secret<String>>,
    /// Hosts, domains, addresses and networks that are reached directly, separated by commas.
    pub none_for: Option<String>,
}

/// A user name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name; `__token__` and the like, too.
    pub user: String,
    /// The password.
    pub password: Secret<String>,
}

impl Login {
    /// What stands in a URL.
    #[must_use]
    pub fn of_url(url: &Url) -> Option<Self> {
        (!url.username().is_empty() || url.password().is_some()).then(|| Self {
            user: decoded(url.username()),
            password: Secret::new(decoded(url.password().unwrap_or_default())),
        })
    }
}

type Provider = dyn Fn(&Url) -> Option<Login> + Send + Sync;

/// Who knows the credentials for a URL.
///
/// Asked anew for each URL, also after a redirect, so that a host gets its own credentials and never those of another one. It is
/// called on a thread that may block for a moment; a slow source remembers what it found.
#[derive(Clone)]
pub struct Credentials(Option<Arc<Provider>>);

impl Credentials {
    /// Nobody knows any.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Asks this function.
    #[must_use]
    pub fn new(provider: impl Fn(&Url) -> Option<Login> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(provider)))
    }

    /// The credentials for a URL: what stands in it, or what the function says.
    pub(super) async fn find(&self, url: &Url) -> Option<Login> {
        if let Some(login) = Login::of_url(url) {
            return Some(login);
        }
        let provider = self.0.clone()?;
        let url = url.clone();
        tokio::task::spawn_blocking(move || provider(&url)).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot ask for credentials");
            None
        })
    }
}

/// The credentials that were found in URLs, `.netrc` and keyrings.
impl From<crate::index::Credentials> for Credentials {
    fn from(known: crate::index::Credentials) -> Self {
        Self::new(move |url| {
            let found = known.for_url(url)?;
            Some(Login { user: found.user.expose().clone(), password: found.password })
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Credentials(..)" } else { "Credentials(none)" })
    }
}

/// Replaces `%41` by `A`. What is no valid escape, or not UTF-8 afterwards, stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push((high << 4 | low) as u8);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The settings of the transport are impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTransport {
    /// A proxy cannot be used.
    #[error("the proxy {proxy} cannot be used: {problem}")]
    Proxy {
        /// The proxy, as a safe URL.
        proxy: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Certificates cannot be read.
    #[error("the certificates in {place} cannot be used: {problem}")]
    Certificates {
        /// A file, a folder, or the system's store.
        place: String,
        /// What is wrong with them.
        problem: String,
    },
    /// The HTTP client refuses the settings.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn what_stands_in_the_url_comes_first() {
        let credentials = Credentials::new(|url| {
            (url.host_str() == Some("known.test"))
                .then(|| Login { user: "store".to_owned(), password: Secret::new("s3".to_owned()) })
        });
        for (url, expected) in [
            ("http://known.test/", Some(("store", "s3"))),
            ("http://other.test/", None),
            ("http://me:p%40w@known.test/", Some(("me", "p@w"))),
            ("http://token@known.test/", Some(("token", ""))),
        ] {
            let found = credentials.find(&url.parse().unwrap()).await;
            let found = found.as_ref().map(|login| (login.user.as_str(), login.password.expose().as_str()));
            assert_eq!(found, expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn decoding_never_panics(text in "\\PC{0,20}", near in "[%0-9a-f]{0,12}") {
            let _ = (decoded(&text), decoded(&near));
        }
    }
}

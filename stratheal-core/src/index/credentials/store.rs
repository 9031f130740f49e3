//! Which credential a URL gets.

use url::Url;

use super::{KeyringProvider, Netrc};
use crate::base::redact::Secret;
use crate::index::percent::decoded;

/// A user name and a password. Both are secret: a token often stands where the name does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basic {
    /// The user name, or a token.
    pub user: Secret<String>,
    /// The password; empty beside a token.
    pub password: Secret<String>,
}

/// All credentials of a chain.
///
/// ```
/// use stratheal_core::index::Credentials;
/// use url::Url;
/// let mut credentials = Credentials::default();
/// let url = credentials.take_from(Url::parse("https://me:pw@index.example/simple/")?);
/// assert_eq!(url.as_str(), "https://index.example/simple/");
/// assert!(credentials.for_url(&Url::parse("https://index.example/files/a.whl")?).is_some());
/// assert!(credentials.for_url(&Url::parse("https://other.example/files/a.whl")?).is_none());
/// assert!(credentials.for_url(&Url::parse("http://index.example/files/a.whl")?).is_none());
/// # Ok::<(), url::ParseError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    entries: Vec<Entry>,
    /// Where the chain itself is served.
    origins: Vec<Origin>,
    netrc: Netrc,
}

#[derive(Debug, Clone)]
struct Entry {
    origin: Origin,
    /// The path below which it was given: one host may serve several indexes with a credential each.
    path: String,
    basic: Basic,
}

/// Who gets a credential: the same host and port, over nothing less safe.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    is_safe: bool,
    host: String,
    port: u16,
}

impl Origin {
    fn of(url: &Url) -> Option<Self> {
        let is_safe = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Self { is_safe, host: url.host_str()?.to_ascii_lowercase(), port: url.port_or_known_default()? })
    }

    /// Whether what belongs to this origin may go to the other one.
    fn covers(&self, other: &Self) -> bool {
        self.host == other.host && self.port == other.port && (other.is_safe || !self.is_safe)
    }
}

impl Credentials {
    /// Takes the user-info out of a URL of the chain, and remembers that the chain is served there.
    #[must_use]
    pub fn take_from(&mut self, mut url: Url) -> Url {
        let (user, password) =
            (decoded(url.username()).into_owned(), url.password().map(|text| decoded(text).into_owned()));
        if !user.is_empty() || password.is_some() {
            let basic = Basic { user: Secret::new(user), password: Secret::new(password.unwrap_or_default()) };
            self.insert(&url, basic);
            // Only URLs without a host refuse, and those have no user-info.
            let _ = url.set_password(None);
            let _ = url.set_username("");
        }
        self.origins.extend(Origin::of(&url).filter(|origin| !self.origins.contains(origin)));
        url
    }

    /// Gives a credential to the origin of a URL, for what lies below its path.
    pub fn insert(&mut self, url: &Url, basic: Basic) {
        let Some(origin) = Origin::of(url) else { return };
        let path = url.path().to_owned();
        match self.entries.iter_mut().find(|entry| entry.origin == origin && entry.path == path) {
            Some(entry) => entry.basic = basic,
            None => self.entries.push(Entry { origin, path, basic }),
        }
    }

    /// What a `.netrc` file says, for origins that have no credential of their own.
    pub fn set_netrc(&mut self, netrc: Netrc) {
        self.netrc = netrc;
    }

    /// Asks a keyring for the password of every origin of the chain of which only the user is known. May take as long as the keyring
    /// does, so it is done once, before anything is fetched.
    pub fn ask(&mut self, keyring: &dyn KeyringProvider) {
        for entry in &mut self.entries {
            if entry.basic.password.expose().is_empty() && !entry.basic.user.expose().is_empty() {
                let host = match (entry.origin.is_safe, entry.origin.port) {
                    (true, 443) | (false, 80) => entry.origin.host.clone(),
                    (_, port) => format!("{}:{port}", entry.origin.host),
                };
                if let Some(password) = keyring.password(&host, entry.basic.user.expose()) {
                    entry.basic.password = password;
                }
            }
        }
    }

    /// The credential for a URL.
    ///
    /// One that was given with an index goes to the same host and port only, and never from `https` to `http`. One of a `.netrc`
    /// file, which knows neither ports nor schemes, goes to the origins of the chain, and to a host that the file names when it is
    /// asked by `https` on the usual port; its `default` entry goes to the origins of the chain only.
    #[must_use]
    pub fn for_url(&self, url: &Url) -> Option<Basic> {
        let origin = Origin::of(url)?;
        let given = self.entries.iter().filter(|entry| entry.origin.covers(&origin));
        let length = |entry: &&Entry| if url.path().starts_with(&entry.path) { entry.path.len() + 1 } else { 0 };
        // The first of equals: the one that was given first.
        if let Some(entry) = given.rev().max_by_key(length) {
            return Some(entry.basic.clone());
        }
        let is_of_chain = self.origins.iter().any(|known| known.covers(&origin));
        let may_be_named = is_of_chain || (origin.is_safe && origin.port == 443);
        let named = self.netrc.machine(&origin.host).filter(|_| may_be_named);
        named.or_else(|| self.netrc.default_entry().filter(|_| is_of_chain)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn told(credentials: &Credentials, text: &str) -> Option<String> {
        let basic = credentials.for_url(&url(text))?;
        Some(format!("{}:{}", basic.user.expose(), basic.password.expose()))
    }

    #[test]
    fn who_gets_what() {
        let mut credentials = Credentials::default();
        for text in [
            "https://a%40b:p%3Aw@one.example/simple/",
            "https://x:1@two.example/x/simple/",
            "https://y:2@two.example/y/simple/",
            "http://plain:3@three.example:8080/simple/",
            "https://token@four.example:8443/simple/",
            "https://five.example/simple/",
        ] {
            let kept = credentials.take_from(url(text));
            assert!(kept.username().is_empty() && kept.password().is_none());
        }
        let netrc = "machine one.example login n password n\nmachine files.example login f password f\nmachine three.example login t \
                     password t\ndefault login d password d";
        credentials.set_netrc(Netrc::parse(netrc).unwrap());
        for (text, expected) in [
            ("https://ONE.example/files/a.whl", Some("a@b:p:w")),
            ("https://one.example:444/", None),
            ("http://one.example/", None),
            ("http://one.example:443/", None),
            ("https://two.example/x/simple/six/", Some("x:1")),
            ("https://two.example/y/simple/six/", Some("y:2")),
            ("https://two.example/packages/a.whl", Some("x:1")),
            ("http://three.example:8080/a", Some("plain:3")),
            ("https://three.example:8080/a", Some("plain:3")),
            ("http://three.example/a", None),
            ("https://three.example/a", Some("t:t")),
            ("https://four.example:8443/", Some("token:")),
            ("https://files.example/a", Some("f:f")),
            ("https://files.example:8443/a", None),
            ("http://files.example/a", None),
            ("https://five.example/a", Some("d:d")),
            ("http://five.example/a", None),
            ("https://sub.one.example/", None),
            ("https://evil.example/one.example", None),
            ("ftp://one.example/", None),
        ] {
            assert_eq!(told(&credentials, text).as_deref(), expected, "{text}");
        }
        assert!(!format!("{credentials:?}").contains("p:w"));
    }

    #[test]
    fn a_keyring_is_asked_where_a_password_is_missing() {
        #[derive(Debug)]
        struct Known;
        impl KeyringProvider for Known {
            fn password(&self, host: &str, user: &str) -> Option<Secret<String>> {
                (host == "one.example:8443" && user == "me").then(|| Secret::new("kept".to_owned()))
            }
        }
        let mut credentials = Credentials::default();
        for text in ["https://me@one.example:8443/", "https://me@two.example/", "https://me:own@three.example/"] {
            let _ = credentials.take_from(url(text));
        }
        credentials.ask(&Known);
        assert_eq!(told(&credentials, "https://one.example:8443/a").as_deref(), Some("me:kept"));
        assert_eq!(told(&credentials, "https://two.example/a").as_deref(), Some("me:"));
        assert_eq!(told(&credentials, "https://three.example/a").as_deref(), Some("me:own"));
    }
}

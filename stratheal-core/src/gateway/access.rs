//! Who is answered: requests that know the secret, and that are addressed to this server.
//!
//! Everybody on a machine can reach its loopback, and so can a page in somebody's browser that makes a name of its own point there
//! (DNS rebinding). The first is kept out by a secret, the second by the `Host` header: what a browser sends there is the name.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::redact::Secret;

/// The user name that stands before the secret in a URL. Any is accepted, because only the secret counts.
pub(super) const USER: &str = "stratheal";

/// The longest `Authorization` value that is looked at, in bytes.
const LONGEST: usize = 1024;

/// What a client has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken(Secret<String>);

impl AccessToken {
    /// The shortest and the longest text that is taken as a token.
    const LENGTH: std::ops::RangeInclusive<usize> = 16..=256;

    /// A new one: 160 random bits, in characters that mean nothing in a URL.
    ///
    /// # Errors
    /// When the system has no random bytes to give.
    pub fn random() -> Result<Self, rustls::crypto::GetRandomFailed> {
        let mut bytes = [0; 20];
        rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes)?;
        let mut text = String::with_capacity(40);
        for byte in bytes {
            // Writing into a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Ok(Self(Secret::new(text)))
    }

    /// Takes a token somebody chose: 16 to 256 letters, digits, `-` and `_`. `None` for anything else.
    #[must_use]
    pub fn chosen(text: &str) -> Option<Self> {
        let harmless = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        (harmless && Self::LENGTH.contains(&text.len())).then(|| Self(Secret::new(text.to_owned())))
    }

    /// The text itself, for a URL that only its owner sees.
    #[must_use]
    pub const fn expose(&self) -> &String {
        self.0.expose()
    }

    /// Compares in a time that does not tell how much of a guess was right.
    pub(super) fn is(&self, guess: &[u8]) -> bool {
        let token = self.0.expose().as_bytes();
        let differences = token.iter().zip(guess).fold(0, |differences, (a, b)| differences | (a ^ b));
        token.len() == guess.len() && differences == 0
    }

    /// Whether the value of an `Authorization` or `Proxy-Authorization` header carries it: as the password, or the user name, of
    /// `Basic`, or as `Bearer`.
    pub(super) fn is_in(&self, header: &[u8]) -> bool {
        if header.len() > LONGEST {
            return false;
        }
        let Some(space) = header.iter().position(|&byte| byte == b' ') else { return false };
        let (scheme, value) = (&header[..space], header[space..].trim_ascii());
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return self.is(value);
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return false;
        }
        let Ok(pair) = STANDARD.decode(value) else { return false };
        let mut parts = pair.splitn(2, |&byte| byte == b':');
        let (user, password) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        self.is(password) || (password.is_empty() && self.is(user))
    }
}

/// The names under which a server may be addressed.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// The port it listens at.
    pub port: u16,
    /// Whether it listens on loopback only. Then only loopback is its name.
    pub loopback: bool,
    /// Further names, without port.
    pub also: Vec<String>,
}

impl Names {
    /// Whether this `Host` header names this server.
    pub(super) fn include(&self, host: &str) -> bool {
        let Some((name, port)) = split_host(host) else { return false };
        let address = name.parse::<IpAddr>().ok();
        let known = match address {
            // Beyond loopback the address a client used may be any of the machine's, or that of a forwarder in front of it. An
            // address cannot be rebound, and there the token is asked for in any case.
            Some(address) => address.is_loopback() || !self.loopback,
            None => {
                name.eq_ignore_ascii_case("localhost") || self.also.iter().any(|also| also.eq_ignore_ascii_case(name))
            }
        };
        // A forwarder in front of a team's server has a port of its own.
        known && (!self.loopback || port.unwrap_or(80) == self.port)
    }
}

/// Splits a `Host` header, or the target of CONNECT, into name and port. The brackets of an IPv6 literal are taken off.
pub(super) fn split_host(host: &str) -> Option<(&str, Option<u16>)> {
    let (name, port) = if let Some(literal) = host.strip_prefix('[') {
        let (address, rest) = literal.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        (address, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
    } else {
        match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        }
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    if name.is_empty() || name.len() > 253 || !name.bytes().all(is_plain) {
        return None;
    }
    let port = match port {
        None => None,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(port.parse().ok()?),
        Some(_) => return None,
    };
    Some((name, port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn basic(text: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(text)).into_bytes()
    }

    #[test]
    fn the_token_and_nothing_like_it() {
        let token = AccessToken::random().unwrap();
        let text = token.expose().clone();
        assert_eq!(text.len(), 40);
        assert_ne!(AccessToken::random().unwrap(), token);
        for good in
            [basic(&format!("any:{text}")), basic(&format!("{text}:")), basic(&text), format!("bearer {text}").into()]
        {
            assert!(token.is_in(&good), "{good:?}");
        }
        for bad in [
            b"".to_vec(),
            b"Basic".to_vec(),
            b"Basic !!".to_vec(),
            basic(""),
            basic(":"),
            basic(&format!("{text}:other")),
            basic(&format!("any:{}", &text[1..])),
            basic(&format!("any:{text}x")),
            format!("Digest {text}").into(),
            text.clone().into(),
        ] {
            assert!(!token.is_in(&bad), "{bad:?}");
        }
        assert!(!format!("{token:?}").contains(&text));
    }

    #[test]
    fn a_chosen_token_is_long_and_plain() {
        assert!(AccessToken::chosen("0123456789abcdef").is_some());
        for bad in ["", "short", "0123456789abcde/", "0123456789abcde f"] {
            assert!(AccessToken::chosen(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn only_its_own_names() {
        let local = Names { port: 4711, loopback: true, also: Vec::new() };
        for good in ["127.0.0.1:4711", "localhost:4711", "LOCALHOST.:4711", "[::1]:4711"] {
            assert!(local.include(good), "{good}");
        }
        for bad in
            ["", "127.0.0.1", "127.0.0.1:80", "evil.example:4711", "10.0.0.1:4711", "127.0.0.1:4711@evil", "[x]:4711"]
        {
            assert!(!local.include(bad), "{bad}");
        }
        let team = Names { port: 443, loopback: false, also: vec!["wheels.example".to_owned()] };
        for good in ["wheels.example", "Wheels.Example:8443", "10.0.0.1:443"] {
            assert!(team.include(good), "{good}");
        }
        assert!(!team.include("evil.example"));
    }

    proptest! {
        #[test]
        fn never_panics(host in "\\PC{0,40}", near in "\\[?[0-9a-f:.]{0,12}\\]?:?[0-9]{0,6}", header: Vec<u8>) {
            let names = Names { port: 1, loopback: true, also: Vec::new() };
            let _ = (names.include(&host), split_host(&near), AccessToken::chosen(&host));
            let token = AccessToken::chosen("0123456789abcdef").unwrap();
            prop_assert!(!token.is_in(&header));
            prop_assert!(!token.is_in(&[b"Basic ", &header[..]].concat()));
        }
    }
}

//! What a `tcp` check asks for, and its validation.

use regex::bytes::Regex;

use crate::base::redact::Secret;
use crate::checks::InvalidOption;
use crate::net::{Target, Tls, TlsOptions};

/// The longest text to expect or to send, in bytes.
const MAX_TEXT: usize = 64 * 1024;

/// What must come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TcpExpect {
    /// These bytes, somewhere.
    Text(String),
    /// A match of this pattern, somewhere.
    Regex(String),
}

/// What a `tcp` check asks for. The fields are named like the keys in the configuration.
///
/// ```
/// use stratheal_core::checks::tcp::{TcpExpect, TcpMeasure, TcpOptions};
/// let options = TcpOptions { expect: Some(TcpExpect::Text("220 ".into())), ..TcpOptions::new("127.0.0.1:25") };
/// assert!(TcpMeasure::new(options).is_ok());
/// ```
#[derive(Debug, Clone)]
pub struct TcpOptions {
    /// `host:port`, an IPv6 address in brackets.
    pub address: String,
    /// TLS, if wanted.
    pub tls: Option<TlsOptions>,
    /// What to send once connected.
    pub send: Option<Secret<Vec<u8>>>,
    /// What must come back within the first 64 KiB.
    pub expect: Option<TcpExpect>,
}

impl TcpOptions {
    /// Only connects.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), tls: None, send: None, expect: None }
    }
}

#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) target: Target,
    pub(super) tls: Option<Tls>,
    pub(super) send: Option<Secret<Vec<u8>>>,
    pub(super) expect: Option<Expect>,
}

/// The pattern to look for and how to name it.
#[derive(Debug)]
pub(super) struct Expect {
    pub(super) pattern: Regex,
    pub(super) shown: String,
}

impl Prepared {
    pub(super) fn new(options: TcpOptions) -> Result<Self, InvalidOption> {
        let target = target(&options.address)?;
        let tls = match options.tls {
            Some(tls) => Some(Tls::new(tls, &[]).map_err(|error| InvalidOption::new("tls", error.to_string()))?),
            None => None,
        };
        if options.send.as_ref().is_some_and(|bytes| bytes.expose().len() > MAX_TEXT) {
            return Err(InvalidOption::new("send", format!("is longer than {MAX_TEXT} bytes")));
        }
        let expect = match options.expect {
            None => None,
            Some(TcpExpect::Text(text)) if text.is_empty() || text.len() > MAX_TEXT => {
                return Err(InvalidOption::new("expect", format!("must have 1 to {MAX_TEXT} bytes")));
            }
            Some(TcpExpect::Text(text)) => Some(Expect {
                pattern: pattern(&regex::escape(&text))?,
                shown: format!("{:?}", crate::model::report::cut(&text, 64)),
            }),
            Some(TcpExpect::Regex(text)) => Some(Expect {
                pattern: pattern(&text)?,
                shown: format!("a match of {}", crate::model::report::cut(&text, 64)),
            }),
        };
        Ok(Self { target, tls, send: options.send, expect })
    }
}

fn pattern(text: &str) -> Result<Regex, InvalidOption> {
    regex::bytes::RegexBuilder::new(text).size_limit(4 << 20).build().map_err(|error| {
        let said = error.to_string();
        let reason = said.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
        InvalidOption::new("expect", format!("is no valid pattern: {reason}"))
    })
}

fn target(address: &str) -> Result<Target, InvalidOption> {
    let shown = crate::model::report::cut(address, 64);
    let invalid = |problem: &str| {
        InvalidOption::new(
            "address",
            format!("`{shown}` {problem}: write host:port, such as 127.0.0.1:5432 or [::1]:5432"),
        )
    };
    let (host, port) = address.trim().rsplit_once(':').ok_or_else(|| invalid("has no port"))?;
    let port = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| invalid("has no valid port"))?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let inner = host.trim_start_matches('[').trim_end_matches(']');
    if bracketed && inner.parse::<std::net::Ipv6Addr>().is_err() {
        return Err(invalid("has no IPv6 address in its brackets"));
    }
    if !bracketed && host.contains(':') {
        return Err(invalid("has an IPv6 address without brackets"));
    }
    let odd = |character: char| character.is_whitespace() || character.is_control() || "/@[]?#".contains(character);
    if inner.is_empty() || inner.contains(odd) {
        return Err(invalid("has no valid host"));
    }
    Ok(Target::new(host, port))
}

//! `NO_PROXY`: which hosts are asked without a proxy.
//!
//! There is no standard. This follows what curl, requests and reqwest agree on: names match themselves and their subdomains, a
//! leading dot or `*.` changes nothing, `*` is everything, addresses match exactly or by a prefix length, and a port narrows an entry.

use std::net::IpAddr;

/// Entries beyond this many are not looked at.
const MOST: usize = 1000;

/// A list of hosts that are asked without a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::gateway) struct NoProxy(Vec<String>);

impl NoProxy {
    /// Reads the value of the variable.
    pub(in crate::gateway) fn parse(text: &str) -> Self {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).take(MOST);
        Self(entries.map(str::to_owned).collect())
    }

    /// Whether a host is asked without a proxy.
    pub(in crate::gateway) fn includes(&self, host: &str, port: u16) -> bool {
        self.0.iter().any(|entry| covers(entry, host, port))
    }

    /// The list with more hosts, each once.
    pub(in crate::gateway) fn with(mut self, hosts: &[&str]) -> Self {
        for host in hosts {
            if !self.0.iter().any(|entry| entry == host) {
                self.0.push((*host).to_owned());
            }
        }
        self
    }

    /// The list without the entries that cover one of these hosts.
    pub(in crate::gateway) fn without(mut self, hosts: &[(String, u16)]) -> Self {
        self.0.retain(|entry| !hosts.iter().any(|(host, port)| covers(entry, host, *port)));
        self
    }

    /// The value of the variable.
    pub(in crate::gateway) fn text(&self) -> String {
        self.0.join(",")
    }
}

fn covers(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        let (entry, narrowed) = split_port(entry);
        if narrowed.is_some_and(|narrowed| narrowed != port) {
            return false;
        }
        return match entry.split_once('/') {
            Some((network, length)) => {
                network.parse().is_ok_and(|network| length.parse().is_ok_and(|length| is_in(address, network, length)))
            }
            None => entry.trim_matches(['[', ']']).parse() == Ok(address),
        };
    }
    let (entry, narrowed) = split_port(entry);
    let name = entry.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.');
    if name.is_empty() || narrowed.is_some_and(|narrowed| narrowed != port) {
        return false;
    }
    let (host, name) = (host.trim_end_matches('.').to_ascii_lowercase(), name.to_ascii_lowercase());
    host.strip_suffix(&name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Splits the port off an entry. An IPv6 address without brackets has none.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn is_in(address: IpAddr, network: IpAddr, length: u32) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let ((address, width), (network, other)) = (bits(address), bits(network));
    width == other && length <= width && (length == 0 || (address ^ network) >> (128 - length) == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_is_covered() {
        for (entry, host, expected) in [
            ("*", "a.example", true),
            ("a.example", "a.example", true),
            ("A.Example.", "a.example", true),
            (".example", "a.example", true),
            ("*.example", "a.example", true),
            ("example", "a.example", true),
            ("ample", "a.example", false),
            ("a.example:443", "a.example", true),
            ("a.example:80", "a.example", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.0/8", "127.9.0.1", true),
            ("127.0.0.0/8", "128.0.0.1", false),
            ("0.0.0.0/0", "128.0.0.1", true),
            ("::1", "[::1]", true),
            ("[::1]:443", "::1", true),
            ("fe80::/10", "fe80::1", true),
            ("0.0.1", "127.0.0.1", false),
            (".", "a.example", false),
        ] {
            assert_eq!(NoProxy::parse(entry).includes(host, 443), expected, "{entry} {host}");
        }
    }

    #[test]
    fn adds_and_takes_away() {
        let list = NoProxy::parse(" corp.example , 127.0.0.1,,").with(&["127.0.0.1", "localhost"]);
        assert_eq!(list.text(), "corp.example,127.0.0.1,localhost");
        let list = list.without(&[("index.corp.example".to_owned(), 443), ("127.0.0.1".to_owned(), 1)]);
        assert_eq!(list.text(), "localhost");
    }

    proptest! {
        #[test]
        fn never_panics(list in "\\PC{0,40}", near in "[0-9a-f:./*\\[\\],]{0,20}", host in "[0-9a-f:.\\[\\]]{0,12}", port: u16) {
            let _ = (NoProxy::parse(&list).includes(&host, port), NoProxy::parse(&near).includes(&host, port));
        }
    }
}

//! Which `Host` headers are answered.
//!
//! A page in somebody's browser can make a name of its own point at this machine and then read what is served here (DNS
//! rebinding). That needs a name, so IP literals and `localhost` are always answered, and other names only when configured.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a request with this `Host` is answered. The port plays no part.
#[must_use]
pub(super) fn allowed(host: &str, names: &[String]) -> bool {
    let name = if let Some(literal) = host.strip_prefix('[') {
        let Some((address, port)) = literal.split_once(']') else { return false };
        return is_port(port) && address.parse::<Ipv6Addr>().is_ok();
    } else {
        match host.split_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) => return false,
            None => host,
        }
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.parse::<Ipv4Addr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_addresses_and_known_names_only() {
        let names = ["monitor.example.com".to_owned()];
        for host in
            ["127.0.0.1", "10.1.2.3:8090", "[::1]", "[::1]:8090", "localhost", "LOCALHOST:1", "monitor.example.com:443"]
        {
            assert!(allowed(host, &names), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "[evil]",
            "a:b",
            "monitor.example.com@evil",
            "127.1",
        ] {
            assert!(!allowed(host, &names), "{host}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(host in "\\PC{0,40}") {
            let _ = allowed(&host, &[]);
        }
    }
}

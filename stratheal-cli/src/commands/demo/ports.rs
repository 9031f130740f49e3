//! Ports that are free on this machine.

use std::io;
use std::net::TcpListener;

/// The ports of a demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    /// Where the monitor answers.
    pub(super) endpoints: u16,
    /// Where the web server does.
    pub(super) web: u16,
    /// Where somebody else does, whom the web server needs.
    pub(super) payments: u16,
}

impl Ports {
    /// Those in the files of the demo.
    pub(super) const WRITTEN: Self = Self { endpoints: 8090, web: 8091, payments: 8092 };

    /// Three that are free at this moment. For people, those that they can remember, where nobody has them.
    pub(super) fn free(for_people: bool) -> io::Result<Self> {
        let wanted = [Self::WRITTEN.endpoints, Self::WRITTEN.web, Self::WRITTEN.payments];
        // All are held until all are known, so that none is found twice.
        let mut held = Vec::new();
        for port in wanted {
            let wanted = if for_people { port } else { 0 };
            held.push(TcpListener::bind(("127.0.0.1", wanted)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)))?);
        }
        let port = |place: usize| held[place].local_addr().map(|address| address.port());
        Ok(Self { endpoints: port(0)?, web: port(1)?, payments: port(2)? })
    }

    /// A text in which the ports of the demo's files are these.
    pub(super) fn put_into(self, text: &str) -> String {
        let pairs = [
            (Self::WRITTEN.endpoints, self.endpoints),
            (Self::WRITTEN.web, self.web),
            (Self::WRITTEN.payments, self.payments),
        ];
        // By way of names: a new number may be one that is still to be replaced.
        let named = pairs.iter().enumerate().fold(text.to_owned(), |text, (place, (written, _))| {
            text.replace(&written.to_string(), &format!("<port {place}>"))
        });
        pairs
            .iter()
            .enumerate()
            .fold(named, |text, (place, (_, port))| text.replace(&format!("<port {place}>"), &port.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_replaced_all_at_once() {
        let ports = Ports { endpoints: 8091, web: 8092, payments: 5 };
        assert_eq!(ports.put_into("8090 8091 8092 8093"), "8091 8092 5 8093");
    }
}

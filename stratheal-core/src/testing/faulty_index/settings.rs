//! How the server listens, and what holds for all of its answers.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Settings of a server that hold for all requests.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Where it listens; on a port of its own choice.
    pub address: IpAddr,
    /// Answers and new connections come so much later, as from far away.
    pub round_trip: Duration,
    /// Bytes of bodies a second, all connections together.
    pub total_rate: Option<u64>,
    /// Bytes of bodies a second, for each connection.
    pub connection_rate: Option<u64>,
    /// After so many bytes of bodies it dies: all connections are reset, and no new ones are taken.
    pub dies_after: Option<u64>,
    /// Connections at once; more wait.
    pub most_connections: usize,
    /// Serves HTTPS with a certificate that nobody knows; see `FaultyIndex::certificate`.
    #[cfg(feature = "gateway")]
    pub tls: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            round_trip: Duration::ZERO,
            total_rate: None,
            connection_rate: None,
            dies_after: None,
            most_connections: 1024,
            #[cfg(feature = "gateway")]
            tls: false,
        }
    }
}

impl Settings {
    /// As by default.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(mut self, address: IpAddr) -> Self {
        self.address = address;
        self
    }

    /// Answers and new connections come so much later.
    #[must_use]
    pub const fn round_trip(mut self, time: Duration) -> Self {
        self.round_trip = time;
        self
    }

    /// Bytes a second, all connections together.
    #[must_use]
    pub const fn total_rate(mut self, rate: u64) -> Self {
        self.total_rate = Some(rate);
        self
    }

    /// Bytes a second, for each connection.
    #[must_use]
    pub const fn connection_rate(mut self, rate: u64) -> Self {
        self.connection_rate = Some(rate);
        self
    }

    /// Dies after so many bytes.
    #[must_use]
    pub const fn dies_after(mut self, bytes: u64) -> Self {
        self.dies_after = Some(bytes);
        self
    }

    /// Serves HTTPS.
    #[cfg(feature = "gateway")]
    #[must_use]
    pub const fn tls(mut self) -> Self {
        self.tls = true;
        self
    }
}

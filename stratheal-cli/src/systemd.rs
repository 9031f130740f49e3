//! Telling systemd how it goes.
//!
//! Source: `sd_notify(3)`. The socket's name is taken from the environment and removed there, so that child processes do not
//! speak in our name.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// A connection to the service manager, if there is one.
#[derive(Debug)]
pub(crate) struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// Reads `NOTIFY_SOCKET` and `WATCHDOG_USEC`.
    pub(crate) fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let address = variable("NOTIFY_SOCKET").and_then(|name| match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok(),
            None => SocketAddr::from_pathname(&name).ok(),
        });
        let ours = variable("WATCHDOG_PID").is_none_or(|pid| pid.parse() == Ok(std::process::id()));
        let period = variable("WATCHDOG_USEC").and_then(|period| period.parse().ok()).map(Duration::from_micros);
        Self {
            socket: address.and_then(|address| UnixDatagram::unbound().ok().map(|socket| (socket, address))),
            watchdog: period.filter(|period| ours && !period.is_zero()),
        }
    }

    /// How often the watchdog wants to hear; a third of what it tolerates.
    pub(crate) fn watchdog(&self) -> Option<Duration> {
        self.socket.as_ref()?;
        self.watchdog.map(|period| period / 3)
    }

    /// Says that the configuration is being read again; `READY=1` ends that. With the time, `Type=notify-reload` works as well.
    pub(crate) fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// Sends a state such as `READY=1`.
    pub(crate) fn send(&self, state: &str) {
        let Some((socket, address)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(state.as_bytes(), address) {
            tracing::warn!(%error, "cannot tell the service manager");
        }
    }
}

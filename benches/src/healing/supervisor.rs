//! Who looks after the server.

use std::ffi::OsString;

use super::service::Service;
use super::{monit, ours, supervisord};
use crate::failure::Failure;
use crate::health;

/// A supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supervisor {
    /// `stratheal up`.
    Stratheal,
    /// supervisord, which sees that processes end, and nothing else.
    Supervisord,
    /// Monit, which looks once in a cycle.
    Monit,
}

impl Supervisor {
    /// All of them, in the order of the table.
    pub(super) const ALL: [Self; 3] = [Self::Stratheal, Self::Supervisord, Self::Monit];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stratheal => "stratheal",
            Self::Supervisord => "supervisord",
            Self::Monit => "monit",
        }
    }

    /// Its version, after getting it if it is to be had.
    pub(super) async fn version(self) -> Result<String, Failure> {
        match self {
            Self::Stratheal => Ok(env!("CARGO_PKG_VERSION").to_owned()),
            Self::Supervisord => supervisord::version(),
            Self::Monit => {
                monit::needs()?;
                health::monit::version().await
            }
        }
    }

    /// Writes its configuration for a service, and says how to start it.
    pub(super) fn prepare(self, service: &Service) -> Result<Vec<OsString>, Failure> {
        match self {
            Self::Stratheal => ours::prepare(service),
            Self::Supervisord => supervisord::prepare(service),
            Self::Monit => monit::prepare(service),
        }
    }
}

//! Why there was no answer.

use std::io;

use super::Phase;
use crate::contract::CheckError;

/// Why an exchange with a target failed.
///
/// All but [`NetError::Local`] say something about the target or the way to it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The name could not be looked up.
    #[error("cannot look up {host}")]
    Lookup {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// The lookup did not return in time, now or in an earlier run.
    #[error("the lookup of {host} has not returned")]
    LookupStuck {
        /// The name.
        host: String,
    },
    /// No connection was made.
    #[error("cannot connect to {to}")]
    Connect {
        /// The address or socket.
        to: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The TLS handshake failed.
    #[error("the TLS handshake with {to} failed")]
    Tls {
        /// The name it was made with.
        to: String,
        /// What rustls or the system said.
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection broke")]
    Broken {
        /// In which phase.
        phase: Phase,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The other side closed before the answer was whole.
    #[error("the connection was closed before the answer was whole")]
    Incomplete {
        /// In which phase.
        phase: Phase,
    },
    /// The head of the answer exceeds its limit.
    #[error("the head of the answer is larger than {limit} bytes or has more than {headers} headers")]
    HeadTooLarge {
        /// The limit in bytes.
        limit: usize,
        /// The limit of header lines.
        headers: usize,
    },
    /// What came is no HTTP.
    #[error("the answer is no valid HTTP/1.1: {problem}")]
    Malformed {
        /// What is wrong with it.
        problem: String,
    },
    /// A fault of this host or this configuration, so that nothing is known about the target.
    #[error(transparent)]
    Local(#[from] CheckError),
}

impl NetError {
    /// Sorts out an I/O error: what is used up on this host says nothing about the target.
    pub(crate) fn of_io(source: io::Error, target: impl FnOnce(io::Error) -> Self) -> Self {
        if is_local(&source) {
            return Self::Local(CheckError::Read { what: "a socket of this host".to_owned(), source });
        }
        target(source)
    }
}

/// Whether something of this host is used up: file descriptors, ports or memory.
fn is_local(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory)
        || Errno::from_io_error(error).is_some_and(|errno| matches!(errno, Errno::MFILE | Errno::NFILE | Errno::NOBUFS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn what_is_used_up_here_does_not_blame_the_target() {
        let sorted = |errno: Errno| {
            NetError::of_io(io::Error::from_raw_os_error(errno.raw_os_error()), |source| NetError::Connect {
                to: "a".to_owned(),
                source,
            })
        };
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL] {
            assert!(matches!(sorted(errno), NetError::Local(CheckError::Read { .. })), "{errno}");
        }
        for errno in [Errno::CONNREFUSED, Errno::CONNRESET, Errno::HOSTUNREACH, Errno::ACCESS, Errno::TIMEDOUT] {
            assert!(matches!(sorted(errno), NetError::Connect { .. }), "{errno}");
        }
    }
}

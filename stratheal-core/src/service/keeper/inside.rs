//! What the parts of the keeper tell its one loop.

use tokio::sync::mpsc;

use crate::service::protocol::{Asked, Cleared, Said};

/// An engine at the other end of the socket.
#[derive(Debug)]
pub(super) struct Engine {
    /// Counts connections; what an older one asks for is not done any more.
    pub(super) number: u64,
    pub(super) lines: mpsc::Sender<Said>,
}

#[derive(Debug)]
pub(super) enum Inside {
    /// An engine has connected; it replaces the one before.
    Connected(Engine),
    /// A connection has ended.
    Disconnected(u64),
    /// A connection asks for something.
    Asked(u64, Box<Asked>),
    /// An executor has become its program, or not: then why.
    Executor { run: String, refused: Option<String> },
    /// A program spoke to its service manager.
    Notified { run: String, message: Vec<u8> },
    /// What an earlier keeper had left of a service is gone.
    Cleared(Vec<Cleared>),
}

//! What a program tells its service manager. Source: `sd_notify(3)`.

use std::io;
use std::path::{Path, PathBuf};

use tokio::net::UnixDatagram;
use tokio::sync::{mpsc, watch};

use super::inside::Inside;
use crate::model::report;
use crate::service::logs::Redactor;

/// The longest message that is read; longer ones are cut.
const LONGEST: usize = 4096;
/// The longest text that is shown.
const LONGEST_TEXT: usize = 256;

/// What a message says that matters here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Message {
    pub(super) ready: bool,
    pub(super) stopping: bool,
    pub(super) text: Option<String>,
}

/// What a program says of itself as it may be shown. It is masked before it is cut: half a secret is not found any more.
pub(super) fn shown(text: &str, redactor: &Redactor) -> String {
    report::printable(&report::cut(&redactor.redact_text(text), LONGEST_TEXT))
}

/// Reads a message: lines of `NAME=value`.
pub(super) fn parse(bytes: &[u8]) -> Message {
    let mut message = Message::default();
    for line in String::from_utf8_lossy(bytes).lines() {
        match line.split_once('=') {
            Some(("READY", "1")) => message.ready = true,
            Some(("STOPPING", "1")) => message.stopping = true,
            Some(("STATUS", text)) => {
                message.text = Some(text.to_owned());
            }
            _ => {}
        }
    }
    message
}

/// A socket at which one run is heard.
#[derive(Debug)]
pub(super) struct Ear {
    socket: UnixDatagram,
    /// What `NOTIFY_SOCKET` is to be.
    pub(super) name: String,
    file: Option<PathBuf>,
}

impl Ear {
    /// A socket with a file, which only the own user can reach; or, for a program of another user, with a name that has no file.
    pub(super) fn open(path: &Path, for_others: bool, mark: &str) -> io::Result<Self> {
        if for_others {
            return Self::without_file(mark);
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = UnixDatagram::bind(path)?;
        Ok(Self { socket, name: path.display().to_string(), file: Some(path.to_owned()) })
    }

    #[cfg(target_os = "linux")]
    fn without_file(mark: &str) -> io::Result<Self> {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::{SocketAddr, UnixDatagram as Datagram};
        let name = format!("stratheal/{mark}");
        let socket = Datagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket: UnixDatagram::from_std(socket)?, name: format!("@{name}"), file: None })
    }

    #[cfg(not(target_os = "linux"))]
    fn without_file(_mark: &str) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Passes on what is heard, until the run is gone.
    pub(super) async fn listen(self, run: String, inside: mpsc::Sender<Inside>, mut gone: watch::Receiver<bool>) {
        let mut bytes = vec![0; LONGEST];
        loop {
            let received = tokio::select! {
                received = self.socket.recv(&mut bytes) => received,
                _ = gone.wait_for(|gone| *gone) => return,
            };
            match received {
                Ok(count) => {
                    let message = bytes[..count].to_vec();
                    if inside.send(Inside::Notified { run: run.clone(), message }).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, run, "cannot hear what a service says");
                    return;
                }
            }
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if let Some(file) = &self.file
            && let Err(error) = std::fs::remove_file(file)
        {
            tracing::debug!(%error, "cannot remove a notification socket");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::redact::Secret;

    #[test]
    fn messages_are_understood() {
        let message = parse(b"READY=1\nSTATUS=serving \x1b[1m3\nMAINPID=7\n");
        assert_eq!(message, Message { ready: true, stopping: false, text: Some("serving \x1b[1m3".to_owned()) });
        let redactor = Redactor::new(&[Secret::new("hunter2".to_owned())], &[]).unwrap();
        assert_eq!(shown("serving \x1b[1m3 hunter2", &redactor), "serving  [1m3 ***");
        assert!(parse(b"STOPPING=1").stopping);
        assert_eq!(parse(b"READY=0\nX_READY=1"), Message::default());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100), near in "(READY|STATUS|=|1|\n|\\PC){0,20}") {
            let _ = (parse(&bytes), parse(near.as_bytes()));
        }
    }
}

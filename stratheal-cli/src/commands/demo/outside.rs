//! Somebody else's server, which the demo's needs: whoever connects is let in, and let go.

use std::io;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Answers at its port until it is dropped.
#[derive(Debug)]
pub(super) struct Outside {
    task: JoinHandle<()>,
}

impl Outside {
    pub(super) async fn open(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((connection, _)) => drop(connection),
                    Err(error) => tracing::debug!(%error, "a connection was not taken"),
                }
            }
        });
        Ok(Self { task })
    }

    /// Stops answering; the port is free when this returns.
    pub(super) async fn close(self) {
        self.task.abort();
        // It ends by being cancelled.
        drop(self.task.await);
    }
}

//! The keeper's socket.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::inside::{Engine, Inside};
use crate::base::socket;
use crate::service::protocol::{Asked, LONGEST, Said};

/// How many lines may wait for an engine that does not read; then it is taken for dead.
const WAITING: usize = 4096;
/// How long an engine may take to read a line.
const PATIENCE: Duration = Duration::from_secs(30);

/// Accepts engines for ever.
pub(super) async fn accept(listener: UnixListener, inside: mpsc::Sender<Inside>) {
    let mut number = 0;
    loop {
        let stream = socket::accept(&listener).await;
        number += 1;
        tokio::spawn(converse(number, stream, inside.clone()));
    }
}

/// One engine, until one of the two hangs up.
async fn converse(number: u64, stream: UnixStream, inside: mpsc::Sender<Inside>) {
    let (reader, writer) = stream.into_split();
    let (lines, waiting) = mpsc::channel(WAITING);
    if inside.send(Inside::Connected(Engine { number, lines })).await.is_err() {
        return;
    }
    let ended = tokio::select! {
        ended = read(number, reader, &inside) => ended,
        ended = write(writer, waiting) => ended,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an engine hung up");
    }
    // Nobody is left to tell when the keeper ends.
    drop(inside.send(Inside::Disconnected(number)).await);
}

async fn read(number: u64, reader: OwnedReadHalf, inside: &mpsc::Sender<Inside>) -> io::Result<()> {
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let count = (&mut reader).take(LONGEST as u64).read_until(b'\n', &mut line).await?;
        if count == 0 {
            return Ok(());
        }
        let asked: Asked = serde_json::from_slice(&line)?;
        if inside.send(Inside::Asked(number, Box::new(asked))).await.is_err() {
            return Ok(());
        }
    }
}

/// Writes until the loop lets go of the connection.
async fn write(mut writer: OwnedWriteHalf, mut waiting: mpsc::Receiver<Said>) -> io::Result<()> {
    while let Some(said) = waiting.recv().await {
        let mut line = serde_json::to_vec(&said)?;
        line.push(b'\n');
        let written = tokio::time::timeout(PATIENCE, writer.write_all(&line)).await;
        written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    }
    Ok(())
}

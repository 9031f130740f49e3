//! The server that is looked after: it answers with the number of its process, and after SIGUSR1 it never answers again, though whoever
//! connects is let in.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

use crate::failure::Failure;

/// The hidden argument of this role. It is followed by a port, and by a folder that says to which run the process belongs.
pub const ROLE: &str = "__server";

/// A server that nobody has ended by then belongs to nobody.
const LIFE: Duration = Duration::from_mins(10);
/// How long a request may take to arrive.
const REQUEST: Duration = Duration::from_secs(1);
/// A request is not longer than this.
const MAX_REQUEST: usize = 8192;

/// Answers until told to hang; then it is only there.
///
/// # Errors
/// When it cannot listen.
pub async fn serve(port: &str) -> Result<(), Failure> {
    let port: u16 = port.parse().map_err(|_| Failure::new(format!("`{port}` is no port")))?;
    let mut hang = signal(SignalKind::user_defined1())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let answers = async {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                // A visitor that goes away is no concern of others.
                drop(timeout(REQUEST, answer(stream)).await);
            }
        }
    };
    tokio::select! {
        () = answers => {}
        _ = hang.recv() => {}
        () = sleep(LIFE) => return Ok(()),
    }
    sleep(LIFE).await;
    Ok(())
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::with_capacity(512);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if request.len() > MAX_REQUEST || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let process = std::process::id().to_string();
    let length = process.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{process}");
    stream.write_all(answer.as_bytes()).await
}

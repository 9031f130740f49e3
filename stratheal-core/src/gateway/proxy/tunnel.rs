//! Connections to other hosts, passed on byte by byte.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::fetch::Proxies;
use crate::gateway::environment::NoProxy;

/// How long both sides may say nothing.
const IDLE: Duration = Duration::from_mins(10);
/// How much is passed on at once.
const PIECE: usize = 64 * 1024;
/// The largest answer of the user's proxy to CONNECT, in bytes.
const LARGEST_HEAD: usize = 8 * 1024;

/// Opens a connection to a host, through the user's proxy where that is wanted.
pub(super) async fn open(name: &str, port: u16, proxies: &Proxies, within: Duration) -> io::Result<TcpStream> {
    let proxy = proxies.https.as_ref().or(proxies.all.as_ref());
    let direct = NoProxy::parse(proxies.none_for.as_deref().unwrap_or_default()).includes(name, port);
    let opening = async {
        match proxy {
            Some(proxy) if !direct => through(proxy.expose(), name, port).await,
            _ => connect(name, port).await,
        }
    };
    timeout(within, opening).await.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no connection in time"))?
}

async fn connect(name: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((name.trim_start_matches('[').trim_end_matches(']'), port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn through(proxy: &str, name: &str, port: u16) -> io::Result<TcpStream> {
    let invalid = |what: &'static str| io::Error::new(io::ErrorKind::InvalidInput, what);
    let with_scheme = if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") };
    let url = Url::parse(&with_scheme).map_err(|_| invalid("the user's proxy has no valid URL"))?;
    if url.scheme() != "http" {
        return Err(invalid("tunnels go through http: proxies only, and the user's is another one"));
    }
    let host = url.host_str().ok_or_else(|| invalid("the user's proxy has no host"))?;
    let mut stream = connect(host, url.port_or_known_default().unwrap_or(80)).await?;
    // An IPv6 literal has its brackets already.
    let mut head = format!("CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n");
    if !url.username().is_empty() {
        let decode = |text: &str| crate::gateway::route::decoded(text).unwrap_or_default();
        let login = format!("{}:{}", decode(url.username()), decode(url.password().unwrap_or_default()));
        head.push_str("Proxy-Authorization: Basic ");
        head.push_str(&STANDARD.encode(login));
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut answer = Vec::new();
    // Byte by byte, because what follows the head belongs to the client.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == LARGEST_HEAD {
            return Err(io::Error::other("the user's proxy answers too much"));
        }
        answer.push(stream.read_u8().await?);
    }
    match status(&answer) {
        Some(200..=299) => Ok(stream),
        Some(status) => Err(io::Error::other(format!("the user's proxy answered {status}"))),
        None => Err(io::Error::other("the user's proxy does not speak HTTP")),
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|&byte| byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

/// Passes bytes on both ways until both sides are done, or both say nothing for ten minutes.
pub(super) async fn pass(client: impl AsyncRead + AsyncWrite, server: impl AsyncRead + AsyncWrite) -> io::Result<()> {
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    let last = Mutex::new(Instant::now());
    tokio::try_join!(one_way(from_client, to_server, &last), one_way(from_server, to_client, &last)).map(|_| ())
}

/// `last`: when anything was passed on, in whichever direction. In a download one side is silent for long.
async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    last: &Mutex<Instant>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = loop {
            if let Ok(read) = timeout(IDLE, from.read(&mut piece)).await {
                break read?;
            }
            if last.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= IDLE {
                return Err(io::ErrorKind::TimedOut.into());
            }
        };
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if length == 0 {
            return to.shutdown().await;
        }
        timeout(IDLE, to.write_all(&piece[..length])).await??;
    }
}

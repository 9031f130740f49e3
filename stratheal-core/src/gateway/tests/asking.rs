//! A client that sends what it is told to, and a gateway over an origin without a network.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::gateway::access::AccessToken;
use crate::gateway::builder::GatewayBuilder;
use crate::gateway::running::Running;
use crate::gateway::test_origin::TestOrigin;

/// The secret of these tests.
pub(super) const SECRET: &str = "0123456789abcdef";

/// An answer, as it came. Without a head its status is 0.
#[derive(Debug)]
pub(super) struct Got {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(super) fn builder(origin: &Arc<TestOrigin>) -> GatewayBuilder {
    GatewayBuilder::new(origin.clone(), false).token(AccessToken::chosen(SECRET).unwrap())
}

pub(super) async fn start(origin: &Arc<TestOrigin>) -> Running {
    builder(origin).start().await.unwrap()
}

/// Sends a request without any secret, and reads until the end of the connection.
pub(super) async fn raw(address: SocketAddr, request: &str) -> Got {
    let mut stream = TcpStream::connect(address).await.unwrap();
    talk(&mut stream, request).await
}

pub(super) async fn talk(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str) -> Got {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A connection that is cut off in the middle has been read as far as it went.
    let _ = stream.read_to_end(&mut bytes).await;
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Got { status: 0, headers: HashMap::new(), body: bytes };
    };
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    });
    Got { status, headers: headers.collect(), body: bytes[end + 4..].to_vec() }
}

pub(super) fn basic(secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("x:{secret}")))
}

/// Sends a request with the secret; further header lines end with CRLF.
pub(super) async fn ask(running: &Running, method: &str, path: &str, headers: &str) -> Got {
    let address = running.address();
    let authorization = basic(SECRET);
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: {authorization}\r\n{headers}\r\n"
    );
    raw(address, &request).await
}

pub(super) async fn get(running: &Running, path: &str, headers: &str) -> Got {
    ask(running, "GET", path, headers).await
}

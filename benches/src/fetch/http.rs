//! A small HTTP client: asks again and again on one connection.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HOST, LOCATION};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::failure::Failure;

/// As uv asks for pages; anything else is asked for in the same way.
const ACCEPTED: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01, */*;q=0.01";

/// A connection to one server.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    address: SocketAddr,
    login: Option<String>,
}

/// What came, without its content.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Bytes of the content.
    pub bytes: u64,
    /// Where it is instead.
    pub location: Option<String>,
}

impl Connection {
    /// Connects; a login, as `user:password`, goes with every request.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: SocketAddr, login: Option<&str>) -> Result<Self, Failure> {
        let login = login.map(|login| format!("Basic {}", BASE64_STANDARD.encode(login)));
        Self::connect(address, login).await
    }

    /// A new connection to the same server.
    ///
    /// # Errors
    /// When nobody listens there any more.
    pub async fn again(self) -> Result<Self, Failure> {
        Self::connect(self.address, self.login).await
    }

    async fn connect(address: SocketAddr, login: Option<String>) -> Result<Self, Failure> {
        let cannot = |error: &dyn std::fmt::Display| Failure::new(format!("cannot connect to {address}: {error}"));
        let socket = TcpStream::connect(address).await.map_err(|error| cannot(&error))?;
        socket.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(socket)).await.map_err(|error| cannot(&error))?;
        // It ends with the sender; what went wrong comes out of the request as well.
        tokio::spawn(connection);
        Ok(Self { sender, address, login })
    }

    async fn ask(&mut self, path: &str) -> Result<Response<Incoming>, Failure> {
        let mut request = Request::get(path).header(HOST, self.address.to_string()).header(ACCEPT, ACCEPTED);
        if let Some(login) = &self.login {
            request = request.header(AUTHORIZATION, login);
        }
        let request =
            request.body(Empty::new()).map_err(|error| Failure::new(format!("cannot ask for {path}: {error}")))?;
        self.sender.ready().await.map_err(|error| Failure::new(format!("lost {}: {error}", self.address)))?;
        let answer = self.sender.send_request(request).await;
        answer.map_err(|error| Failure::new(format!("{} does not answer: {error}", self.address)))
    }

    /// Asks for something and forgets its content.
    ///
    /// # Errors
    /// When the answer does not come, or not whole.
    pub async fn drain(&mut self, path: &str) -> Result<Answer, Failure> {
        let answer = self.ask(path).await?;
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, location, promised) = (answer.status().as_u16(), header(LOCATION), header(CONTENT_LENGTH));
        let mut body = answer.into_body();
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::new(format!("{path} broke off: {error}")))?;
            bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        if promised.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length != bytes) {
            return Err(Failure::new(format!("{path} is not whole")));
        }
        Ok(Answer { status, bytes, location })
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// When the answer does not come, or is no page.
    pub async fn text(&mut self, path: &str) -> Result<String, Failure> {
        let answer = self.ask(path).await?;
        let status = answer.status();
        let body =
            answer.into_body().collect().await.map_err(|error| Failure::new(format!("{path} broke off: {error}")))?;
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        if status.is_success() { Ok(text) } else { Err(Failure::new(format!("{path}: {status} {text}"))) }
    }
}

/// Where the file with this name is, as a page says, and on which path of the server that sent it.
///
/// # Errors
/// When the page does not have it.
pub fn link(page: &str, page_path: &str, file_name: &str) -> Result<String, Failure> {
    let none = || Failure::new(format!("{page_path} does not offer {file_name}"));
    // Both forms of a page have the URL between quotation marks.
    let is_link = |text: &&str| {
        let path = text.split(['#', '?']).next().unwrap_or_default();
        path.ends_with(&format!("/{file_name}"))
    };
    // A link may be the bare name, as the text of an anchor and the key of a file are.
    let url = page.split('"').find(is_link).or_else(|| page.split('"').find(|text| *text == file_name));
    let url = url.ok_or_else(none)?.split('#').next().unwrap_or_default();
    let mut folders: Vec<&str> = page_path.trim_end_matches('/').split('/').collect();
    if let Ok(absolute) = url.parse::<Uri>()
        && absolute.scheme().is_some()
    {
        return Ok(absolute.path().to_owned());
    }
    if url.starts_with('/') {
        return Ok(url.to_owned());
    }
    for part in url.split('/') {
        match part {
            ".." => drop(folders.pop()),
            "." => {}
            name => folders.push(name),
        }
    }
    Ok(folders.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_all_forms() {
        for (url, expected) in [
            ("../../files/a/a-1.whl#sha256=ab", "/files/a/a-1.whl"),
            ("http://127.0.0.1:9/x/a-1.whl", "/x/a-1.whl"),
            ("/y/a-1.whl", "/y/a-1.whl"),
            ("a-1.whl", "/simple/a/a-1.whl"),
        ] {
            let page = format!("<a href=\"{url}\">a-1.whl</a>");
            assert_eq!(link(&page, "/simple/a/", "a-1.whl").unwrap(), expected);
        }
        assert!(link("{}", "/simple/a/", "a-1.whl").is_err());
    }
}

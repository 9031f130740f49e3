//! Asks an exporter about each target, as Prometheus does: one scrape per target and interval, spread evenly, over connections
//! that are kept open, a scrape that takes too long delaying only itself.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::failures::Failures;
use crate::failure::Failure;

/// The hidden argument of this role. It is followed by the exporter's address, the interval in milliseconds, a file with one URL
/// in a line, and the file to write the failures to.
pub const ROLE: &str = "__scraper";

/// Longer answers than this are not read.
const MAX_ANSWER: usize = 1 << 20;

type Connection = SendRequest<Empty<Bytes>>;

/// What all scrapes share.
struct Scraper {
    exporter: SocketAddr,
    interval: Duration,
    idle: RefCell<Vec<Connection>>,
    failures: RefCell<Failures>,
}

/// Scrapes until told to end, then writes which targets were called bad.
///
/// # Errors
/// When its arguments or files make no sense.
pub async fn scrape(arguments: &[String]) -> Result<(), Failure> {
    let mut end = signal(SignalKind::terminate())?;
    let [exporter, interval, targets, failures] = arguments else {
        return Err(Failure::new("the scraper needs an address, an interval and two files"));
    };
    let number = |_| Failure::new("the scraper needs an interval in milliseconds");
    let scraper = Rc::new(Scraper {
        exporter: exporter.parse().map_err(|_| Failure::new("the scraper needs the exporter's address"))?,
        interval: Duration::from_millis(interval.parse().map_err(number)?),
        idle: RefCell::default(),
        failures: RefCell::default(),
    });
    let failures = PathBuf::from(failures);
    let urls: Vec<String> = std::fs::read_to_string(targets)?.lines().map(str::to_owned).collect();
    let local = tokio::task::LocalSet::new();
    let (start, count) = (Instant::now(), urls.len().max(1) as u32);
    for (target, url) in (0_u32..).zip(urls) {
        let first = start + scraper.interval * target / count;
        local.spawn_local(scraper.clone().keep_asking(target, url, first));
    }
    local.run_until(end.recv()).await;
    std::fs::write(failures, scraper.failures.borrow().to_string())?;
    Ok(())
}

impl Scraper {
    async fn keep_asking(self: Rc<Self>, target: u32, url: String, mut due: Instant) {
        let encoded = url.replace(':', "%3A").replace('/', "%2F");
        let path = format!("/probe?module=http_2xx&target={encoded}");
        loop {
            tokio::time::sleep_until(due).await;
            let answer = tokio::time::timeout(self.interval, self.ask(&path)).await;
            // An exporter that does not answer is a failure of the scrape, which people are alerted of as well.
            if !matches!(answer, Ok(Ok(true))) {
                self.failures.borrow_mut().note(target);
            }
            while due <= Instant::now() {
                due += self.interval;
            }
        }
    }

    /// Whether the exporter says that the target works.
    async fn ask(&self, path: &str) -> Result<bool, Failure> {
        let broken = |error: &dyn std::error::Error| Failure::new(error.to_string());
        let mut connection = self.connection().await?;
        let request = Request::get(path)
            .header(header::HOST, self.exporter.to_string())
            .header(header::ACCEPT, "text/plain;version=0.0.4")
            .body(Empty::new())
            .map_err(|error| broken(&error))?;
        let answer = connection.send_request(request).await.map_err(|error| broken(&error))?;
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| Failure::new(error.to_string()))?.to_bytes();
        self.idle.borrow_mut().push(connection);
        Ok(body.split(|byte| *byte == b'\n').any(|line| line == b"probe_success 1"))
    }

    /// A connection that is open, or a new one.
    async fn connection(&self) -> Result<Connection, Failure> {
        loop {
            let Some(mut idle) = self.idle.borrow_mut().pop() else { break };
            if idle.ready().await.is_ok() {
                return Ok(idle);
            }
        }
        let stream = TcpStream::connect(self.exporter).await?;
        stream.set_nodelay(true)?;
        let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(|e| Failure::new(e.to_string()))?;
        // It ends with its connection, and whoever waits for an answer is told.
        tokio::task::spawn_local(async move { drop(driver.await) });
        Ok(sender)
    }
}

//! Web servers that note when they are asked: one process, several loopback addresses, a target for each path `/t/<number>`.
//!
//! An arrival is when the connection was accepted, which is as close to the start of a check as a target can see. There are several
//! addresses because each connection uses up a port for a minute, and there are only 28,000 for each pair of addresses.

use std::cell::RefCell;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use super::arrivals::Arrivals;
use super::scenario::Scenario;
use crate::failure::Failure;
use crate::monotonic;

/// The hidden argument of this role. It is followed by the name of the scenario.
pub const ROLE: &str = "__http-targets";

/// How many addresses there are.
const ADDRESSES: u8 = 16;
/// A request is not longer than this.
const MAX_REQUEST: usize = 8192;
/// Nobody waits for a hanging target for longer than this.
const HANG: Duration = Duration::from_mins(1);

/// The URL of a target.
#[must_use]
pub fn url(addresses: &[SocketAddr], target: u32) -> String {
    format!("http://{}{}", address(addresses, target), path(target))
}

/// The path of a target.
#[must_use]
pub fn path(target: u32) -> String {
    format!("/t/{target}")
}

/// The address of a target.
#[must_use]
pub fn address(addresses: &[SocketAddr], target: u32) -> SocketAddr {
    addresses[target as usize % addresses.len()]
}

/// Answers until told to end, then prints the arrivals.
///
/// # Errors
/// When it cannot listen.
pub async fn serve(scenario: Scenario) -> Result<(), Failure> {
    let mut end = signal(SignalKind::terminate())?;
    let arrivals = Rc::new(RefCell::new(Arrivals::new(scenario.checks)));
    let mut addresses = Vec::new();
    let local = tokio::task::LocalSet::new();
    for number in 1..=ADDRESSES {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 9, number, 1), 0)).await?;
        addresses.push(listener.local_addr()?.to_string());
        local.spawn_local(accept(listener, scenario, arrivals.clone()));
    }
    writeln!(std::io::stdout(), "ready {}", addresses.join(" "))?;
    local.run_until(end.recv()).await;
    write!(std::io::stdout(), "{}", arrivals.borrow())?;
    Ok(())
}

async fn accept(listener: TcpListener, scenario: Scenario, arrivals: Rc<RefCell<Arrivals>>) {
    loop {
        // Out of files, most likely; those that hang will end.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let at = monotonic::now();
        let arrivals = arrivals.clone();
        tokio::task::spawn_local(async move {
            // What the monitor makes of a broken connection is its own matter.
            drop(answer(stream, scenario, at, &arrivals).await);
        });
    }
}

/// Answers one request and closes the connection, as the targets of most monitors do.
async fn answer(
    mut stream: TcpStream,
    scenario: Scenario,
    at: u64,
    arrivals: &RefCell<Arrivals>,
) -> std::io::Result<()> {
    let mut request = Vec::with_capacity(512);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if request.len() > MAX_REQUEST || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let Some(target) = target(&request) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    };
    arrivals.borrow_mut().note(target, at);
    if scenario.hangs(target) {
        let gone = async { while stream.read(&mut [0; 64]).await.is_ok_and(|length| length > 0) {} };
        // Over either way.
        drop(tokio::time::timeout(HANG, gone).await);
        return Ok(());
    }
    tokio::time::sleep(Scenario::ANSWER_AFTER).await;
    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
    stream.write_all(answer).await?;
    stream.shutdown().await
}

/// Which target a request is for: `GET /t/<number> HTTP/1.1`.
fn target(request: &[u8]) -> Option<u32> {
    let line = std::str::from_utf8(request).ok()?.lines().next()?;
    line.split(' ').nth(1)?.strip_prefix("/t/")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_target() {
        assert_eq!(target(b"GET /t/42 HTTP/1.1\r\nHost: a\r\n\r\n"), Some(42));
        assert_eq!(target(b"GET / HTTP/1.1\r\n\r\n"), None);
        assert_eq!(target(b"\xff"), None);
    }
}

//! The service as the benchmark sees it: a command line, a port, and whoever answers there.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::server;
use crate::child::Child;
use crate::failure::Failure;
use crate::fetch::place::Place;

/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(2);
/// How long one answer is waited for. A server that is ended meanwhile ends the waiting, too.
const ANSWER: Duration = Duration::from_millis(500);
/// How long it may take until somebody answers.
const LIMIT: Duration = Duration::from_mins(1);

/// A server that shall run.
#[derive(Debug)]
pub(super) struct Service {
    /// A folder for whoever looks after it.
    pub(super) folder: PathBuf,
    pub(super) port: u16,
}

impl Service {
    /// One at a port that is free now; nobody else will want it in the next moment.
    pub(super) fn new(place: &Place) -> Result<Self, Failure> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        Ok(Self { folder: place.fresh()?, port })
    }

    /// Its command line.
    pub(super) fn argv(&self) -> Result<Vec<String>, Failure> {
        let program = std::env::current_exe()?.display().to_string();
        Ok(vec![program, server::ROLE.to_owned(), self.port.to_string(), self.folder.display().to_string()])
    }

    /// How long it takes to start when nobody looks after it.
    pub(super) async fn own_start(&self) -> Result<f64, Failure> {
        let began = Instant::now();
        let (argv, log) = (self.argv()?, self.folder.join("server.log"));
        let child = Child::start(server::ROLE, None, &argv[0], &argv[1..], &log, false)?;
        self.until_answers(None).await?;
        let took = began.elapsed().as_secs_f64();
        child.stop(None).await?;
        Ok(took)
    }

    /// Waits until another process answers than this one, and says which.
    pub(super) async fn until_answers(&self, but: Option<i32>) -> Result<i32, Failure> {
        let until = Instant::now() + LIMIT;
        loop {
            if let Ok(Ok(process)) = timeout(ANSWER, self.who_answers()).await
                && Some(process) != but
            {
                return Ok(process);
            }
            if Instant::now() > until {
                return Err(Failure::new(format!("nobody answers within {} s", LIMIT.as_secs())));
            }
            sleep(LOOK).await;
        }
    }

    async fn who_answers(&self) -> Result<i32, Failure> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let process = answer.rsplit("\r\n").next().and_then(|process| process.parse().ok());
        process.ok_or_else(|| Failure::new("somebody else answers"))
    }
}

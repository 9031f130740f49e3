//! The asking side.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::protocol::{MAX_RESPONSE, Request, Response};
use crate::base::class::ErrorClass;

/// How long an answer may take. Running a check may take its own time-out.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long a monitor may take to hear that something has changed: whoever changed it has to go on.
const HEARING: Duration = Duration::from_secs(5);

/// Why nothing was learned from a running monitor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Nobody answers at the socket.
    #[error("no monitor is running for this state folder: start one with `stratheal up`")]
    NotRunning,
    /// The conversation failed.
    #[error("cannot talk to the running monitor")]
    Talk(#[source] io::Error),
    /// The monitor did not do it.
    #[error("{0}")]
    Refused(String),
    /// The answer makes no sense; the two programs may be of different versions.
    #[error("the running monitor answers something else than was asked: is it another version?")]
    Protocol,
}

impl ControlError {
    /// What kind of trouble it is.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::NotRunning | Self::Talk(_) => ErrorClass::Transient,
            Self::Refused(_) => ErrorClass::Usage,
            Self::Protocol => ErrorClass::Permanent,
        }
    }
}

/// A connection to a running monitor.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// [`ControlError::NotRunning`] when nobody answers there, [`ControlError::Talk`] otherwise.
    pub async fn connect(path: &Path) -> Result<Self, ControlError> {
        use io::ErrorKind::{ConnectionRefused, NotFound};
        let stream = UnixStream::connect(path).await.map_err(|error| match error.kind() {
            NotFound | ConnectionRefused => ControlError::NotRunning,
            _ => ControlError::Talk(error),
        })?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Tells that an environment has changed, so that the monitor waits no longer with what failed because of it. Five seconds at most.
    ///
    /// # Cancellation
    /// After dropping the future the connection must not be used again.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn tell_changed(&mut self, environment: &Path) -> Result<(), ControlError> {
        let request = Request::Changed { what: format!("the environment {}", environment.display()) };
        let heard = tokio::time::timeout(HEARING, self.ask(&request)).await;
        heard.unwrap_or_else(|_| Err(ControlError::Talk(io::ErrorKind::TimedOut.into()))).map(drop)
    }

    /// Asks and waits for the answer, two minutes at most.
    ///
    /// # Cancellation
    /// After dropping the future the connection must not be used again.
    ///
    /// # Errors
    /// [`ControlError`]; an answer that refuses is [`ControlError::Refused`].
    pub async fn ask(&mut self, request: &Request) -> Result<Response, ControlError> {
        let talk = async {
            let mut line = serde_json::to_vec(request)?;
            line.push(b'\n');
            self.stream.write_all(&line).await?;
            let mut answer = Vec::new();
            (&mut self.stream).take(MAX_RESPONSE as u64).read_until(b'\n', &mut answer).await?;
            Ok::<_, io::Error>(answer)
        };
        let answer = tokio::time::timeout(PATIENCE, talk)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(ControlError::Talk)?;
        match serde_json::from_slice(&answer) {
            Ok(Response::Refused(why)) => Err(ControlError::Refused(why)),
            Ok(response) => Ok(response),
            Err(_) => Err(ControlError::Protocol),
        }
    }
}

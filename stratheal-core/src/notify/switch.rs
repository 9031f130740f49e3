//! [`DeadMansSwitch`]: somebody else is told that all is well, and notices when nobody says so any more.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::time::{MissedTickBehavior, interval, timeout};
use url::Url;

use super::webhook::{InvalidWebhook, web_url};
use crate::base::redact::Secret;
use crate::fetch::{Transport, TransportSettings};

/// How long the other side may take.
const TIME: Duration = Duration::from_secs(20);

/// Calls a URL from time to time, as long as a probe says that this program makes progress. The URL is a secret.
pub struct DeadMansSwitch {
    url: Url,
    every: Duration,
    transport: Transport,
}

impl fmt::Debug for DeadMansSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadMansSwitch").field("every", &self.every).finish_non_exhaustive()
    }
}

impl DeadMansSwitch {
    /// Calls this URL so often; once a second at most.
    ///
    /// # Errors
    /// [`InvalidWebhook`].
    pub fn new(url: &Secret<String>, every: Duration, settings: TransportSettings) -> Result<Self, InvalidWebhook> {
        let every = every.max(Duration::from_secs(1));
        Ok(Self { url: web_url(url)?, every, transport: Transport::new(settings)? })
    }

    /// Goes on for ever. A call that fails is said in the log: whoever waits for it notices by itself.
    ///
    /// # Cancellation
    /// Dropping the future ends the calls.
    pub async fn run<F: Future<Output = bool>>(self, makes_progress: impl Fn() -> F) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if !makes_progress().await {
                tracing::error!("no progress is made: the watchdog is not called");
                continue;
            }
            match timeout(TIME, self.transport.post(&self.url, HeaderMap::new(), Vec::new())).await {
                Ok(Ok(answer)) if (200..300).contains(&answer.status) => {}
                Ok(Ok(answer)) => tracing::warn!(status = answer.status, "the watchdog answered something else"),
                Ok(Err(failure)) => tracing::warn!(why = failure.text, "the watchdog cannot be called"),
                Err(_) => tracing::warn!("the watchdog does not answer"),
            }
        }
    }
}

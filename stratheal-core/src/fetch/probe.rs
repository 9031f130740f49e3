//! A small question to each member, for people who want to know whether it is there.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::time::Instant;
use url::Url;

use super::Fetcher;
use super::transport::{Ask, Transport};
use crate::base::clock::Clock;
use crate::base::redact::safe_url;

/// The project that is asked for. That there is none is an answer as good as another.
const PROJECT: &str = "pip/";
/// Older answers than a day out of somebody's cache say nothing about clocks.
const OLDEST: i64 = 24 * 3600;

/// What one member answered to a small question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The name of its source.
    pub source: String,
    /// Its URL, safe to show.
    pub member: String,
    /// What it answered, or what went wrong: `refused the connection`.
    pub answer: Result<ProbeAnswer, String>,
}

/// An answer to a small question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeAnswer {
    /// The HTTP status.
    pub status: u16,
    /// How long it took, connection included.
    pub took: Duration,
    /// What time it was there, and here when that arrived.
    pub clocks: Option<(Timestamp, Timestamp)>,
}

impl Fetcher {
    /// Asks each member of each source a small question, all at the same time, on connections of their own. Nothing is retried, nothing
    /// is cached, and offline nobody is asked.
    ///
    /// # Cancellation
    /// Dropping the future closes the connections.
    pub async fn probe(&self, patience: Duration) -> Vec<Probe> {
        if self.is_offline() {
            return Vec::new();
        }
        let members =
            self.chain().sources.iter().flat_map(|source| source.members.iter().map(move |member| (source, member)));
        let asked = members.map(async |(source, member)| Probe {
            source: source.name.clone(),
            member: safe_url(member.url.as_str()),
            answer: ask(self.transport(), self.clock(), &member.url, patience).await,
        });
        join_all(asked).await
    }
}

async fn ask(
    transport: &Transport,
    clock: &dyn Clock,
    member: &Url,
    patience: Duration,
) -> Result<ProbeAnswer, String> {
    let url = member.join(PROJECT).map_err(|error| format!("has an impossible URL: {error}"))?;
    let begun = Instant::now();
    let question = Ask { head_within: patience, ..Ask::default() };
    let answer = transport.get(&url, &question).await.map_err(|failure| failure.text)?;
    let took = begun.elapsed();
    // The time the answer spent in caches on its way counts as well (RFC 9111, 5.1).
    let age = answer.header("age").and_then(|age| age.parse::<i64>().ok()).filter(|age| (0..=OLDEST).contains(age));
    let there = answer
        .header("date")
        .and_then(parse_date)
        .and_then(|date| date.checked_add(jiff::SignedDuration::from_secs(age.unwrap_or(0))).ok());
    Ok(ProbeAnswer { status: answer.status, took, clocks: there.map(|there| (there, clock.now())) })
}

/// The date of an HTTP header, in the one form that servers may still send (RFC 9110, 5.6.7).
fn parse_date(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|date| date.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_of_servers() {
        let date = parse_date("Sun, 06 Nov 1994 08:49:37 GMT").map(|date| date.to_string());
        assert_eq!(date.as_deref(), Some("1994-11-06T08:49:37Z"));
        assert_eq!(parse_date("soon"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}", near in "(Sun|Mon), [0-9]{1,3} (Nov|Foo) [0-9]{1,5} [0-9:]{1,9} ?(GMT|[+-][0-9]{4})?") {
            let _ = (parse_date(&text), parse_date(&near));
        }
    }
}

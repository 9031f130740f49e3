//! How far a connection has come, and how long each part of the way took.

use std::time::Duration;

use tokio::time::Instant;

use super::Validity;
use crate::model::Metric;

/// A part of the way from nothing to a whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The name is looked up.
    Lookup,
    /// The connection is made.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The request is sent, and nothing has come back.
    FirstByte,
    /// The answer has begun.
    Body,
}

impl Phase {
    /// All phases in their order.
    pub const ALL: [Self; 5] = [Self::Lookup, Self::Connect, Self::Tls, Self::FirstByte, Self::Body];

    /// The word in codes and metrics, in `kebab-case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lookup => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::FirstByte => "first-byte",
            Self::Body => "body",
        }
    }

    /// The code of a time-out in this phase.
    #[must_use]
    pub const fn timeout_code(self) -> &'static str {
        match self {
            Self::Lookup => "timeout-dns",
            Self::Connect => "timeout-connect",
            Self::Tls => "timeout-tls",
            Self::FirstByte => "timeout-first-byte",
            Self::Body => "timeout-body",
        }
    }

    /// The name of the metric with its time; the body has none, it is what is left of `latency`.
    const fn metric(self) -> Option<&'static str> {
        match self {
            Self::Lookup => Some("dns"),
            Self::Connect => Some("connect"),
            Self::Tls => Some("tls"),
            Self::FirstByte => Some("first_byte"),
            Self::Body => None,
        }
    }
}

/// What has happened so far. It outlives the future it belongs to, so that a run that was cut off can still say where.
#[derive(Debug, Clone)]
pub struct Progress {
    started: Instant,
    since: Instant,
    phase: Option<Phase>,
    times: [Option<Duration>; Phase::ALL.len()],
    /// Bytes of the answer's body so far.
    pub received: u64,
    /// From when to when the server's certificate is valid, if there was a handshake.
    pub certificate: Option<Validity>,
}

impl Progress {
    /// Nothing has happened yet.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self { started: now, since: now, phase: None, times: [None; 5], received: 0, certificate: None }
    }

    /// A phase begins, which ends the one before. Times of a phase that is entered again, after a redirect, add up.
    pub fn enter(&mut self, phase: Phase, now: Instant) {
        self.leave(now);
        self.phase = Some(phase);
    }

    /// The current phase ends. Time until the next one begins belongs to none.
    pub fn leave(&mut self, now: Instant) {
        if let Some(phase) = self.phase.take() {
            *self.times[phase as usize].get_or_insert_default() += now.saturating_duration_since(self.since);
        }
        self.since = now;
    }

    /// The phase it is in; between two phases, none.
    #[must_use]
    pub const fn phase(&self) -> Option<Phase> {
        self.phase
    }

    /// The time since the start.
    #[must_use]
    pub fn total(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }

    /// How long a phase took, if it came to its end. Nothing was looked up for an address, so that is left out too.
    #[must_use]
    pub const fn time(&self, phase: Phase) -> Option<Duration> {
        self.times[phase as usize]
    }

    /// The times of the phases that ended, in seconds, and what is left of the certificate's life in days.
    pub fn metrics(&self, now: jiff::Timestamp, metrics: &mut Vec<Metric>) {
        for phase in Phase::ALL {
            if let (Some(name), Some(time)) = (phase.metric(), self.time(phase)) {
                metrics.push(Metric::seconds(name, time));
            }
        }
        if let Some(validity) = self.certificate {
            metrics.push(Metric::new("certificate_days", validity.days_left(now), crate::model::Unit::Number));
        }
    }

    /// Where it stands, for "no answer within ...: connected, waiting for the first byte".
    #[must_use]
    pub fn describe(&self) -> String {
        match self.phase {
            Some(Phase::Lookup) => "the name lookup has not returned".to_owned(),
            Some(Phase::Connect) => "the connection was neither accepted nor refused".to_owned(),
            Some(Phase::Tls) => "connected, the TLS handshake did not finish".to_owned(),
            Some(Phase::FirstByte) => "connected, waiting for the first byte".to_owned(),
            Some(Phase::Body) => format!("the answer stopped after {} bytes of body", self.received),
            None => "the connection was not begun".to_owned(),
        }
    }
}

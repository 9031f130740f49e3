//! What engine and keeper say to each other: one JSON document a line.
//!
//! The engine asks with a number, and the answer carries it; what happens meanwhile comes in between without being asked for. A keeper
//! may be older than its engine, because it outlives it: [`VERSION`] goes up when one of them would misunderstand the other, and fields
//! that are new have defaults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ending::Ending;
use super::order::RunOrder;
use super::signal::StopSignal;
use super::spec::Whom;
use super::wire;
use crate::model::ServiceId;

/// The version of this protocol.
pub(super) const VERSION: u32 = 1;
/// The longest line that is read, in bytes.
pub(super) const LONGEST: usize = 4 << 20;

/// A question with its number.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) number: u64,
    pub(super) request: Request,
}

/// What an engine asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "call")]
pub(super) enum Request {
    /// Always the first.
    Hello { version: u32, pid: u32 },
    /// Run something.
    Start { order: Box<RunOrder> },
    /// Answer when nothing is left of what an earlier keeper ran of this service.
    Settle { service: ServiceId },
    /// Send a signal.
    Signal { run: String, signal: StopSignal, whom: Whom },
    /// Stop a run: the signal of its order, then SIGKILL, until nothing of it is left.
    Stop { run: String },
    /// The check of a run has passed: keep that for the next engine, for which one that hangs would otherwise still be starting.
    Ready { run: String },
    /// Tell about all runs.
    List,
    /// The end of a run was taken note of; it may be forgotten.
    Acknowledge { run: String },
    /// End. With `stop`, everything is stopped before; otherwise only when nothing runs.
    End { stop: bool },
    /// What a newer engine asks for, and this keeper does not know.
    #[serde(other)]
    Unknown,
}

/// What the keeper writes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Said {
    Answer { number: u64, answer: Answer },
    Event(Event),
}

/// An answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub(super) enum Answer {
    Hello { version: u32, pid: u32, program: String },
    Started { pid: u32, before: bool },
    Runs { runs: Vec<RunView>, cleared: Vec<Cleared> },
    Done,
    Refused { why: String },
}

/// What happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub(super) enum Event {
    /// The executor has become the program.
    Executed { run: String },
    /// The program says that it is ready.
    Ready { run: String },
    /// The program says how it is.
    Text { run: String, text: String },
    /// The program says that it is about to stop.
    Stopping { run: String },
    /// The first process of a run has ended.
    Ended { run: String, ending: Ending },
    /// Nothing of a run is left.
    Gone { run: String },
    /// These cannot be killed.
    Stuck { run: String, pids: Vec<u32> },
    /// What a killed keeper had left of a service is gone.
    Cleared { cleared: Vec<Cleared> },
    /// Another engine has connected, and this connection ends.
    Replaced,
}

/// A run.
#[expect(clippy::struct_excessive_bools, reason = "they are facts that do not exclude each other")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RunView {
    pub(super) service: ServiceId,
    pub(super) run: String,
    pub(super) digest: String,
    pub(super) pid: u32,
    #[serde(with = "wire::milliseconds")]
    pub(super) age: Duration,
    pub(super) executed: bool,
    pub(super) ready: bool,
    pub(super) text: Option<String>,
    pub(super) stopping: bool,
    pub(super) ended: Option<Ending>,
    pub(super) gone: bool,
}

/// What was left by a keeper that had been killed, and was stopped before anything new was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cleared {
    pub(super) service: ServiceId,
    pub(super) run: String,
    /// The processes that were found.
    pub(super) pids: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(line in "\\PC{0,80}", call in "(hello|start|stop|list|[a-z]{0,6})", member in "\"[a-z]{0,8}\": ?(\"\\PC{0,8}\"|[0-9e.-]{1,8}|\\{\\}|null)") {
            let near = format!("{{\"number\":1,\"request\":{{\"call\":\"{call}\",{member}}}}}");
            for text in [line, near] {
                let _ = (serde_json::from_str::<Asked>(&text).is_ok(), serde_json::from_str::<Said>(&text).is_ok());
            }
        }
    }
}

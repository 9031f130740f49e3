//! What was done goes into the audit log; where that cannot be written, it is said, and things go on.

use std::path::Path;
use std::sync::Arc;

use stratheal_core::audit::{Actor as Who, ActorKind, AuditLog, Options, Record};
use stratheal_core::base::class::chain;
use stratheal_core::healing::Witness;
use stratheal_core::model::attempt::Actor;
use stratheal_core::model::deed::Deed;

/// Opens the log of a state folder.
pub(super) fn witness(state: &Path) -> Witness {
    let log = match AuditLog::open(&state.join("audit"), Options::default(), jiff::Timestamp::now()) {
        Ok(log) => log,
        Err(error) => {
            tracing::error!(error = %chain(&error), "no audit log is kept");
            return Arc::new(|_| None);
        }
    };
    Arc::new(move |deed| match log.append(record(deed)) {
        Ok(head) => Some(head.to_string()),
        Err(error) => {
            tracing::error!(error = %chain(&error), "a deed is not in the audit log yet");
            None
        }
    })
}

fn record(deed: Deed) -> Record {
    let who = match deed.actor {
        Actor::Engine => Who::new(ActorKind::Engine, "stratheal"),
        Actor::Person(name) => Who::new(ActorKind::Person, name),
    };
    let mut record = Record::new(jiff::Timestamp::now(), who, deed.action, deed.subject).why(deed.why);
    if let Some(hash) = deed.plan_hash {
        record = record.plan_hash(hash);
    }
    if let Some(outcome) = deed.outcome {
        record = record.outcome(outcome);
    }
    let detail = deed.detail.as_ref().and_then(|detail| detail.as_object());
    detail.into_iter().flatten().fold(record, |record, (name, value)| record.detail(name, value.clone()))
}

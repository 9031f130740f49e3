//! `[notify.NAME]`: who is told, and `[watchdog]`: who notices when nobody says anything any more.

use std::path::PathBuf;
use std::time::Duration;

use super::field::{Field, Kind};
use super::node::Entry;
use super::reader::{Context, Reader, begin};
use crate::base::redact::Secret;
use crate::model::notification::NotificationKind;

const KINDS: &[&str] = &["opened", "healed", "given-up", "approval-needed", "healer-degraded"];

pub(super) const NOTIFIER: &[Field] = &[
    Field::new("command", Kind::Command, "A program that gets the message as JSON on its standard input."),
    Field::new("webhook", Kind::Secret, "A URL to which the message is sent as JSON."),
    Field::new("secret", Kind::Secret, "With webhook: what messages are signed with, as Standard Webhooks has it."),
    Field::new("kinds", Kind::Choices(KINDS), "Which messages; default all of them."),
    Field::new("folder", Kind::Text, "With command: the folder it starts in; default that of this file."),
];

pub(super) const WATCHDOG: &[Field] = &[
    Field::new("url", Kind::Secret, "A URL that is called as long as all is well."),
    Field::new("interval", Kind::Duration, "How often; default \"60s\"."),
];

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifierSettings {
    /// Its name.
    pub name: String,
    /// How.
    pub way: NotifierWay,
    /// Which messages; all when empty.
    pub kinds: Vec<NotificationKind>,
}

/// How somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifierWay {
    /// By a program.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
        /// The folder it starts in.
        folder: PathBuf,
    },
    /// By a web hook.
    Webhook {
        /// The URL.
        url: Secret<String>,
        /// What messages are signed with.
        secret: Option<Secret<String>>,
    },
}

/// `[watchdog]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchdogSettings {
    /// The URL.
    pub url: Secret<String>,
    /// How often it is called.
    pub interval: Duration,
}

pub(super) fn read(context: &mut Context<'_, '_>, path: &str, entry: &Entry) -> Option<NotifierSettings> {
    let folder = context.folder.to_owned();
    let (mut reader, name) = begin::<String>(context, path, entry, NOTIFIER)?;
    let way = match (reader.has("command"), reader.has("webhook")) {
        (true, false) => {
            if reader.has("secret") {
                reader.problem("secret", "signs what a webhook gets, and there is none");
            }
            let folder = reader.path("folder").unwrap_or(folder);
            NotifierWay::Command { argv: reader.command("command")?, folder }
        }
        (false, true) => NotifierWay::Webhook { url: reader.secret("webhook")?, secret: reader.secret("secret") },
        (true, true) => {
            reader.problem("", "has `command` and `webhook`: make a notifier of each");
            return None;
        }
        (false, false) => {
            reader.problem("", "says not how people are told: add `command` or `webhook`");
            return None;
        }
    };
    let kinds = reader.choices("kinds", KINDS).unwrap_or_default();
    Some(NotifierSettings { name, way, kinds: kinds.iter().map(|word| kind(word)).collect() })
}

fn kind(word: &str) -> NotificationKind {
    match word {
        "opened" => NotificationKind::Opened,
        "healed" => NotificationKind::Healed,
        "given-up" => NotificationKind::GivenUp,
        "approval-needed" => NotificationKind::ApprovalNeeded,
        _ => NotificationKind::HealerDegraded,
    }
}

pub(super) fn watchdog(reader: &mut Reader<'_, '_, '_>) -> Option<WatchdogSettings> {
    reader.require("url");
    let interval = reader.duration("interval").unwrap_or(Duration::from_mins(1));
    if interval < Duration::from_secs(1) {
        reader.problem("interval", "is less than a second");
    }
    Some(WatchdogSettings { url: reader.secret("url")?, interval })
}

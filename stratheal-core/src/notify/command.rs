//! [`CommandNotifier`]: a program that gets the message on its standard input.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::base::class::{ErrorClass, chain};
use crate::contract::{Notifier, NotifyError};
use crate::model::notification::Notification;
use crate::model::report::{cut, printable};
use crate::sys::command::{Command, Ending};

/// How long the program may take.
const TIME: Duration = Duration::from_secs(25);
/// How much of its complaint is told.
const TOLD: usize = 300;

/// Runs a program for each message, which is JSON on its standard input. Kind, title, check and incident are also in variables:
/// `STRATHEAL_KIND`, `STRATHEAL_TITLE`, `STRATHEAL_CHECK`, `STRATHEAL_INCIDENT`. Exit code 0 means that it was taken.
#[derive(Debug, Clone)]
pub struct CommandNotifier {
    name: String,
    argv: Vec<OsString>,
    folder: Option<PathBuf>,
}

impl CommandNotifier {
    /// A program with arguments, and the folder it starts in. `argv` must not be empty; without a program nothing is ever taken.
    pub fn new<A: Into<OsString>>(
        name: impl Into<String>,
        argv: impl IntoIterator<Item = A>,
        folder: Option<PathBuf>,
    ) -> Self {
        Self { name: name.into(), argv: argv.into_iter().map(Into::into).collect(), folder }
    }
}

#[async_trait]
impl Notifier for CommandNotifier {
    fn name(&self) -> &str {
        &self.name
    }

    async fn notify(&self, message: &Notification) -> Result<(), NotifyError> {
        let wrong = |class: ErrorClass, why: String| NotifyError::new(&self.name, class, why);
        let [program, arguments @ ..] = self.argv.as_slice() else {
            return Err(wrong(ErrorClass::Usage, "it names no program".to_owned()));
        };
        let mut command = Command::new(program, arguments);
        command.folder.clone_from(&self.folder);
        command.input = serde_json::to_vec(message).map_err(|error| wrong(ErrorClass::Bug, error.to_string()))?;
        let check = message.check.as_ref().map(ToString::to_string).unwrap_or_default();
        let incident = message.incident.map(|number| number.to_string()).unwrap_or_default();
        for (name, value) in [
            ("STRATHEAL_KIND", message.kind.as_str().to_owned()),
            ("STRATHEAL_TITLE", message.title.replace('\0', " ")),
            ("STRATHEAL_CHECK", check),
            ("STRATHEAL_INCIDENT", incident),
        ] {
            command.environment.insert(name.to_owned(), value.into());
        }
        // Starting it may block while a disk does not answer.
        let started = tokio::task::spawn_blocking(move || command.spawn()).await;
        let started = started.map_err(|error| wrong(ErrorClass::Bug, error.to_string()))?;
        let running = started.map_err(|error| wrong(error.class(), chain(&error)))?;
        let finished = running.finish(Instant::now() + TIME).await;
        let finished = finished.map_err(|error| wrong(error.class(), chain(&error)))?;
        let why = match finished.ending {
            Ending::Exited(0) => return Ok(()),
            Ending::Exited(code) => format!("exit code {code}"),
            Ending::Signalled(signal) => format!("signal {signal}"),
            Ending::TimedOut { .. } => format!("it took more than {} s", TIME.as_secs()),
        };
        let complaint = finished.stderr.text();
        let complaint = printable(&cut(complaint.trim(), TOLD));
        let colon = if complaint.is_empty() { "" } else { ": " };
        Err(wrong(ErrorClass::Transient, format!("{why}{colon}{complaint}")))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::Status;
    use crate::model::notification::NotificationKind;

    fn message() -> Notification {
        Notification {
            id: 7,
            at: Timestamp::UNIX_EPOCH,
            kind: NotificationKind::GivenUp,
            incident: Some(3),
            check: None,
            status: Status::Critical,
            title: "web is $(down)".into(),
            text: "look".into(),
            audit_head: None,
        }
    }

    #[tokio::test]
    async fn the_program_gets_all_of_it_and_no_shell_sees_it() {
        let folder = tempfile::tempdir().unwrap();
        let script =
            "cat >message; printf '%s|%s|%s' \"$STRATHEAL_KIND\" \"$STRATHEAL_TITLE\" \"$STRATHEAL_INCIDENT\" >facts";
        let notifier = CommandNotifier::new("pager", ["sh", "-c", script], Some(folder.path().to_owned()));
        notifier.notify(&message()).await.unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(serde_json::from_str::<Notification>(&read("message")).unwrap(), message());
        assert_eq!(read("facts"), "given-up|web is $(down)|3");
    }

    #[tokio::test]
    async fn why_it_was_not_taken_is_told() {
        let fails = CommandNotifier::new("pager", ["sh", "-c", "echo no line >&2; exit 4"], None);
        let error = fails.notify(&message()).await.unwrap_err();
        assert_eq!(error.to_string(), "`pager` did not take the message: exit code 4: no line");
        let missing = CommandNotifier::new("pager", ["no-such-program-here"], None);
        assert_eq!(missing.notify(&message()).await.unwrap_err().class(), ErrorClass::Permanent);
    }
}

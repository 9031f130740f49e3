//! Passwords from a keyring, by the `keyring` command, as pip's and uv's "subprocess" providers do it. Only when a user asks
//! for it.

use std::ffi::OsString;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::base::redact::Secret;

/// The most bytes of an answer.
const LONGEST: u64 = 64 << 10;

/// Who knows passwords.
pub trait KeyringProvider: std::fmt::Debug + Send + Sync {
    /// The password of a user of a host (`host` or `host:port`).
    fn password(&self, host: &str, user: &str) -> Option<Secret<String>>;
}

/// The `keyring` command.
#[derive(Debug, Clone)]
pub struct KeyringCommand {
    /// What is run: `PROGRAM get HOST USER`.
    pub program: OsString,
    /// How long it may take. A keyring may ask a person to unlock it.
    pub timeout: Duration,
}

impl Default for KeyringCommand {
    fn default() -> Self {
        Self { program: "keyring".into(), timeout: Duration::from_secs(30) }
    }
}

impl KeyringProvider for KeyringCommand {
    fn password(&self, host: &str, user: &str) -> Option<Secret<String>> {
        // A name that looks like an option would be one.
        if host.starts_with('-') || user.starts_with('-') {
            return None;
        }
        let mut command = Command::new(&self.program);
        command.args(["get", host, user]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                tracing::warn!(host, %error, "cannot run the keyring command");
                return None;
            }
        };
        let output = child.stdout.take()?;
        let (sender, receiver) = mpsc::channel();
        // Reading has no time limit of its own; the thread ends when the child does.
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = output.take(LONGEST).read_to_end(&mut bytes);
            // Nobody waits for it any more when the time is over.
            let _ = sender.send(read.map(|_| bytes));
        });
        let answer = receiver.recv_timeout(self.timeout);
        if answer.is_err() {
            tracing::warn!(host, timeout = ?self.timeout, "the keyring command does not answer");
        }
        let status = finish(&mut child, answer.is_ok(), host)?;
        let text = String::from_utf8(answer.ok()?.ok()?).ok()?;
        let password = text.trim_end_matches(['\r', '\n']);
        (status.success() && !password.is_empty()).then(|| Secret::new(password.to_owned()))
    }
}

/// Waits for a child that closed its output, a second at most, and ends it otherwise.
fn finish(child: &mut Child, has_answered: bool, host: &str) -> Option<ExitStatus> {
    for _ in 0..if has_answered { 50 } else { 0 } {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    if let Err(error) = child.kill() {
        tracing::warn!(host, %error, "cannot end the keyring command");
    }
    child.wait().ok()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn script(folder: &tempfile::TempDir, text: &str) -> KeyringCommand {
        let path = folder.path().join("keyring");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        KeyringCommand { program: path.into(), timeout: Duration::from_secs(20) }
    }

    #[test]
    fn what_the_command_says() {
        for (text, expected) in [
            ("echo \"$1 $2 $3\"", Some("get index.example me; rm -rf x")),
            ("exit 1", None),
            ("echo secret; exit 1", None),
            ("true", None),
            ("printf '\\377\\n'", None),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let password = script(&folder, text).password("index.example", "me; rm -rf x");
            assert_eq!(password.as_ref().map(|password| password.expose().as_str()), expected, "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(script(&folder, "echo x").password("index.example", "--help").is_none());
        let missing = KeyringCommand { program: folder.path().join("absent").into(), ..KeyringCommand::default() };
        assert!(missing.password("index.example", "me").is_none());
    }

    #[test]
    fn one_that_never_answers_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let slow = KeyringCommand { timeout: Duration::from_millis(300), ..script(&folder, "exec sleep 60") };
        assert!(slow.password("index.example", "me").is_none());
        let endless = KeyringCommand { timeout: Duration::from_secs(10), ..script(&folder, "exec yes") };
        assert!(endless.password("index.example", "me").is_none());
    }
}

//! `stratheal up`, with the defaults of healing, and nothing of the user's own settings.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use stratheal_core::testing::tools;

use super::comeback::{FAIL_AFTER, INTERVAL, RETRY_INTERVAL, TIMEOUT};
use super::service::Service;
use crate::failure::Failure;
use crate::tool;

/// What a person or a service manager set for their own monitor.
const NOT_FOR_US: [&str; 4] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "STATE_DIRECTORY", "CACHE_DIRECTORY"];

/// The state folder of a project.
pub(super) fn state(folder: &Path) -> PathBuf {
    folder.join(".stratheal")
}

/// The tool in a project's folder, which is all it sees and uses.
pub(super) fn command(folder: &Path, words: &[&str]) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    tools::clean(&mut command, folder);
    for name in NOT_FOR_US {
        command.env_remove(name);
    }
    command.env("XDG_RUNTIME_DIR", folder);
    command.arg(tool::ROLE).arg("--config").arg(folder.join("stratheal.toml")).args(words);
    Ok(command)
}

/// The same as a command line: `env` takes away and sets what the command does.
pub(super) fn argv(command: &Command) -> Vec<OsString> {
    let mut words = vec![OsString::from("env")];
    for (name, _) in command.get_envs().filter(|(_, value)| value.is_none()) {
        words.extend([OsStr::new("-u").to_owned(), name.to_owned()]);
    }
    for (name, value) in command.get_envs() {
        words.extend(value.map(|value| [name, OsStr::new("="), value].into_iter().collect::<OsString>()));
    }
    words.push(command.get_program().to_owned());
    words.extend(command.get_args().map(OsStr::to_owned));
    words
}

/// For one server.
pub(super) fn prepare(service: &Service) -> Result<Vec<OsString>, Failure> {
    let (port, run) = (service.port, service.argv()?);
    let seconds = |time: std::time::Duration| format!("{}s", time.as_secs());
    let text = format!(
        r#"
[endpoints]
enabled = false
[checks.web]
http = "http://127.0.0.1:{port}/"
interval = "{}"
timeout = "{}"
retry_interval = "{}"
fail_after = {FAIL_AFTER}
[services.web]
run = {run:?}
check = "web"
ports = [{port}]
[heal.web]
ladder = ["restart-service"]
"#,
        seconds(INTERVAL),
        seconds(TIMEOUT),
        seconds(RETRY_INTERVAL),
    );
    fs::write(service.folder.join("stratheal.toml"), text)?;
    Ok(argv(&command(&service.folder, &["up"])?))
}

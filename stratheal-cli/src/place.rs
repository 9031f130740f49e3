//! Where things of a monitor are: configuration, state, socket.

use std::env;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use stratheal_core::config::{self, Config, ConfigError, Detected, Lookup, Source};
use stratheal_core::control::{Client, ControlError, Request, Response, left_address, socket_path};
use stratheal_core::engine::permits::Limits;
use stratheal_core::sys::limits;
use stratheal_core::workspace::place;

use crate::args::Common;
use crate::failure::Failure;

/// The configuration, or, without any, checks of this host.
pub(crate) fn configuration(common: &Common) -> Result<Config, Failure> {
    match written_configuration(common) {
        Err(Failure::Config(ConfigError::Missing)) => {
            if !common.quiet {
                crate::output::complain("no stratheal.toml here: checking this host; `stratheal init` writes one");
            }
            let text =
                config::init(&Detected { pressure: Path::new("/proc/pressure").exists(), ..Detected::default() });
            let folder = env::current_dir().map_err(|error| Failure::io("find the current folder", error))?;
            let source = Source { file: folder.join("stratheal.toml"), text };
            Ok(with_lookup(|lookup| config::parse(&source, None, lookup))?)
        }
        other => other,
    }
}

/// The configuration that was written down.
pub(crate) fn written_configuration(common: &Common) -> Result<Config, Failure> {
    if common.no_config {
        return Err(ConfigError::Missing.into());
    }
    let file = match &common.config {
        Some(file) => file.clone(),
        None => config::find(Path::new("."))?,
    };
    Ok(with_lookup(|lookup| config::load(&file, common.env.as_deref(), lookup))?)
}

fn with_lookup<T>(read: impl FnOnce(&Lookup<'_>) -> T) -> T {
    let variable = |name: &str| env::var(name).ok();
    read(&Lookup { variable: &variable, cache: place::cache() })
}

/// The state folder of a configuration.
pub(crate) fn state(common: &Common, config: &Config) -> PathBuf {
    place::state(common.state_dir.as_deref(), config.project.state.as_deref(), config.folder())
}

/// The control socket of a state folder.
pub(crate) fn socket(state: &Path) -> PathBuf {
    let runtime = place::folder_in("RUNTIME_DIRECTORY").or_else(|| place::folder_in("XDG_RUNTIME_DIR"));
    let uid = rustix::process::geteuid().as_raw();
    socket_path(state, runtime.as_deref(), uid)
}

/// Claims a configuration for a monitor, as long as the file that is answered is open; `None` where that cannot be done. Another folder for
/// state is another lock, and two that heal the same thing must not work at the same time.
pub(crate) fn claim(config: &Config) -> Option<File> {
    let file = File::open(&config.file).ok()?;
    file.try_lock_shared().ok()?;
    Some(file)
}

/// Whether a monitor has claimed this configuration.
pub(crate) fn is_claimed(config: &Config) -> bool {
    File::open(&config.file).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Asks the running monitor one thing.
pub(crate) async fn ask(common: &Common, request: &Request) -> Result<Response, Failure> {
    let mut answers = ask_all(common, std::slice::from_ref(request)).await?;
    answers.pop().ok_or(Failure::Control(ControlError::Protocol))
}

/// Asks the running monitor several things.
pub(crate) async fn ask_all(common: &Common, requests: &[Request]) -> Result<Vec<Response>, Failure> {
    let (mut client, _) = connect(common).await?;
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        answers.push(client.ask(request).await?);
    }
    Ok(answers)
}

/// Connects to the running monitor; the state folder as well, which both have in common.
pub(crate) async fn connect(common: &Common) -> Result<(Client, PathBuf), Failure> {
    // A broken configuration must not hide what is running.
    let state = match written_configuration(common) {
        Ok(config) => state(common, &config),
        Err(Failure::Config(ConfigError::Invalid { file, state, .. })) => {
            place::state(common.state_dir.as_deref(), state.as_deref(), file.parent().unwrap_or_else(|| Path::new(".")))
        }
        Err(_) => place::state(common.state_dir.as_deref(), None, Path::new(".")),
    };
    match Client::connect(&left_address(&state).unwrap_or_else(|| socket(&state))).await {
        Err(ControlError::NotRunning) => Err(Failure::NotRunning { state }),
        other => Ok((other?, state)),
    }
}

/// Tells a running monitor that an environment changed, so that it waits no longer with what failed because of it. Most often none runs.
pub(crate) async fn tell_changed(common: &Common, environment: &Path) {
    let told = match connect(common).await {
        Ok((mut client, _)) => client.tell_changed(environment).await.map_err(Failure::from),
        Err(Failure::NotRunning { .. }) => Ok(()),
        Err(failure) => Err(failure),
    };
    if let Err(failure) = told {
        tracing::debug!(error = %failure, "the monitor was not told that an environment changed");
    }
}

/// Who types, for the record. The system knows better; this is what people call each other.
pub(crate) fn user() -> String {
    let mut named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().filter_map(|name| env::var(name).ok());
    named.find(|name| !name.is_empty()).unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// How many checks of a kind may run at the same time: network checks as many as there may be open files.
pub(crate) fn limits() -> Limits {
    /// Kept for everything that is not a check.
    const RESERVE: u64 = 128;
    let open_files = limits::raise_open_files().unwrap_or_else(|error| {
        tracing::debug!(%error, "cannot raise the number of open files");
        limits::open_files()
    });
    let room = open_files.soft.unwrap_or(65_536).saturating_sub(RESERVE) / 2;
    Limits { network: room.clamp(16, 16_384) as usize, ..Limits::default() }
}

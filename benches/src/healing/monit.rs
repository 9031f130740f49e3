//! Monit with the shortest cycle it has, and Debian's `start-stop-daemon` to start and stop, as its manual has it: a monit that shall
//! restart something needs to be told how it is stopped.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::comeback::{FAIL_AFTER, INTERVAL, TIMEOUT};
use super::service::Service;
use crate::failure::Failure;

/// How long the server has to start, in seconds. Monit tests no connections for so long, and by default for half a minute.
const STARTING: u32 = 3;
const DAEMON: &str = "/sbin/start-stop-daemon";

/// Whether there is what it starts and stops with.
pub(super) fn needs() -> Result<(), Failure> {
    let missing = || Failure::new(format!("there is no {DAEMON}: on Debian it belongs to dpkg"));
    if Path::new(DAEMON).exists() { Ok(()) } else { Err(missing()) }
}

/// For one server: its process, and whether it answers.
pub(super) fn prepare(service: &Service) -> Result<Vec<OsString>, Failure> {
    let (folder, port, argv) = (service.folder.display(), service.port, service.argv()?);
    let (program, arguments) = (&argv[0], argv[1..].join(" "));
    let daemon = format!("--pidfile {folder}/server.pid --exec {program}");
    let text = format!(
        "set daemon {interval}\n\
         set log {folder}/monit.log\n\
         set pidfile {folder}/monit.pid\n\
         set idfile {folder}/monit.id\n\
         set statefile {folder}/monit.state\n\
         check process web with pidfile {folder}/server.pid\n  \
         start program = \"{DAEMON} --start --background --make-pidfile {daemon} -- {arguments}\" \
         with timeout {STARTING} seconds\n  \
         stop program = \"{DAEMON} --stop {daemon}\"\n  \
         if failed host 127.0.0.1 port {port} protocol http with timeout {timeout} seconds for {FAIL_AFTER} cycles \
         then restart\n",
        interval = INTERVAL.as_secs(),
        timeout = TIMEOUT.as_secs(),
    );
    let configuration = service.folder.join("monitrc");
    fs::write(&configuration, text)?;
    // Monit refuses a file that others can read.
    fs::set_permissions(&configuration, fs::Permissions::from_mode(0o600))?;
    Ok(vec!["monit".into(), "-I".into(), "-c".into(), configuration.into()])
}

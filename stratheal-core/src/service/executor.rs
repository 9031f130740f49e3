//! What a child is before it becomes its program.
//!
//! The keeper starts this program once more with the word `executor`. It reads its order from the socket that is its standard input,
//! writes its own number into the children file, sets itself up, and becomes the program. Between the keeper's decision and the
//! program there is no moment at which a process runs that nobody knows of. When it cannot go on, it says why through the same socket
//! and exits: 127 when there is no such program, 126 when it cannot be executed, 125 for everything else.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::children::{self, Child};
use super::order::{ExecutorOrder, NotStarted, RunOrder};
use super::spec::Limits;
use super::user::{self, User};
use crate::sys::SysRoot;
use crate::sys::command::{CommandError, MARK_VARIABLE, find_program};
use crate::sys::process::{ProcessId, read_stat};

const NO_SUCH_PROGRAM: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;
const NOT_SET_UP: u8 = 125;

/// Why the program was not begun.
#[derive(Debug)]
struct Refusal {
    code: u8,
    why: String,
}

impl Refusal {
    fn new(why: impl Into<String>) -> Self {
        Self { code: NOT_SET_UP, why: why.into() }
    }

    /// Something could not be done.
    fn doing(what: &str, error: &dyn std::fmt::Display) -> Self {
        Self::new(format!("cannot {what}: {error}"))
    }
}

/// Becomes the program, or answers why not.
pub(super) fn main() -> ExitCode {
    // The copy is closed when the program begins; that tells the keeper that it did.
    let copy = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3);
    let mut socket = match copy {
        Ok(copy) => UnixStream::from(copy),
        Err(_) => return ExitCode::from(NOT_SET_UP),
    };
    let refusal = match read_order(&mut socket) {
        Ok(order) => execute(&order),
        Err(refusal) => refusal,
    };
    let written = serde_json::to_vec(&NotStarted { why: refusal.why }).map(|text| socket.write_all(&text));
    // The keeper sees the exit code in any case.
    drop(written);
    ExitCode::from(refusal.code)
}

fn read_order(socket: &mut UnixStream) -> Result<ExecutorOrder, Refusal> {
    let mut text = Vec::new();
    let read = socket.take(ExecutorOrder::LONGEST).read_to_end(&mut text);
    read.map_err(|error| Refusal::doing("read what to run", &error))?;
    let order: ExecutorOrder =
        serde_json::from_slice(&text).map_err(|error| Refusal::doing("understand what to run", &error))?;
    if order.version != ExecutorOrder::VERSION {
        let theirs = order.version;
        return Err(Refusal::new(format!(
            "the keeper speaks version {theirs} and this program version {}: it was replaced by another",
            ExecutorOrder::VERSION
        )));
    }
    Ok(order)
}

/// Returns only when the program cannot be begun.
fn execute(order: &ExecutorOrder) -> Refusal {
    match prepare(order) {
        Ok(mut command) => {
            let error = command.exec();
            let program = Path::new(command.get_program()).display().to_string();
            let code = if error.kind() == io::ErrorKind::NotFound { NO_SUCH_PROGRAM } else { NOT_EXECUTABLE };
            let why = match error.kind() {
                // The file is there: what is missing is what its first line names.
                io::ErrorKind::NotFound => format!("\"{program}\" cannot be executed: its interpreter is missing"),
                _ => format!("\"{program}\" cannot be executed: {error}"),
            };
            Refusal { code, why }
        }
        Err(refusal) => refusal,
    }
}

fn prepare(executor: &ExecutorOrder) -> Result<Command, Refusal> {
    let order = &executor.order;
    rustix::process::setsid().map_err(|error| Refusal::doing("make a session", &error))?;
    note(executor)?;
    if let Some(group) = &executor.group
        && let Err(error) = super::cgroup::join(group)
    {
        // Everything works without; it is only found a little slower.
        tracing::debug!(%error, "cannot join a control group");
    }
    limit(&order.limits)?;
    let user = match &order.user {
        Some(wanted) => become_user(wanted)?,
        None => None,
    };
    let environment = environment(executor, user.as_ref());
    let program = find(order, &environment)?;
    let mut command = Command::new(&program);
    command.args(&order.words[1..]).arg0(&order.words[0]).env_clear().envs(environment).stdin(Stdio::null());
    let folder = order.folder.as_deref().unwrap_or_else(|| Path::new("/"));
    // Not left to `exec`, whose error would not say which of the two is missing.
    std::env::set_current_dir(folder)
        .map_err(|error| Refusal::new(format!("the folder \"{}\" cannot be used: {error}", folder.display())))?;
    let metadata = std::fs::metadata(&program);
    if metadata.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        let why = format!("there is no program \"{}\"", program.display());
        return Err(Refusal { code: NO_SUCH_PROGRAM, why });
    }
    Ok(command)
}

/// Writes this process into the children file.
fn note(executor: &ExecutorOrder) -> Result<(), Refusal> {
    let pid = std::process::id();
    let root = SysRoot::default();
    let started = match read_stat(&root, pid) {
        Ok(stat) => stat.id.started,
        Err(_) if root.lacks_proc() => 0,
        Err(error) => return Err(Refusal::doing("tell when its process was started", &error)),
    };
    let keeper = read_stat(&root, executor.keeper).ok().map(|stat| stat.id);
    let child = Child {
        boot: executor.boot.clone(),
        service: executor.order.service.clone(),
        run: executor.order.run.clone(),
        process: ProcessId { pid, started },
        keeper,
        stop_timeout: executor.order.stop_timeout,
        group: executor.group.clone(),
    };
    children::append_started(&executor.children, child).map_err(|error| {
        Refusal::new(format!("its process cannot be written down, and nothing runs that is not: {error}"))
    })?;
    // The next keeper reads that file before this line is in it, when this one was killed meanwhile.
    if std::os::unix::process::parent_id() == executor.keeper {
        Ok(())
    } else {
        Err(Refusal::new("its keeper has ended meanwhile"))
    }
}

fn limit(limits: &Limits) -> Result<(), Refusal> {
    let each = [
        (Resource::Nofile, limits.open_files, "open files"),
        (Resource::Nproc, limits.processes, "processes"),
        (Resource::As, limits.memory, "memory"),
        (Resource::Core, limits.core, "core dumps"),
        (Resource::Fsize, limits.file_size, "file sizes"),
    ];
    for (resource, wanted, what) in each {
        let Some(wanted) = wanted else { continue };
        let hard = rustix::process::getrlimit(resource).maximum;
        // Going above the hard limit needs root; staying below it, the hard one stays as well.
        let maximum = hard.map(|hard| hard.max(wanted));
        if let Err(error) = setrlimit(resource, Rlimit { current: Some(wanted), maximum }) {
            let hint = if error == rustix::io::Errno::PERM { " (more than the hard limit needs root)" } else { "" };
            return Err(Refusal::new(format!("cannot limit {what} to {wanted}: {error}{hint}")));
        }
    }
    if let Some(nice) = limits.nice {
        rustix::process::setpriority_process(None, nice)
            .map_err(|error| Refusal::doing("set how nice it is", &error))?;
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(limits.umask.unwrap_or(0o022)));
    Ok(())
}

/// Gives up the rights of root for those of a user.
fn become_user(wanted: &str) -> Result<Option<User>, Refusal> {
    let found = user::find(wanted).map_err(|error| Refusal::doing("look users up", &error))?;
    let user = found.ok_or_else(|| Refusal::new(format!("there is no user \"{wanted}\"")))?;
    if rustix::process::geteuid().as_raw() == user.uid {
        return Ok(Some(user));
    }
    if rustix::process::geteuid().as_raw() != 0 {
        return Err(Refusal::new(format!("to run as the user \"{wanted}\" needs root")));
    }
    switch_user(&user).map_err(|error| Refusal::doing(&format!("become the user \"{wanted}\""), &error))?;
    Ok(Some(user))
}

#[cfg(target_os = "linux")]
fn switch_user(user: &User) -> rustix::io::Result<()> {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
    // This process has one thread, so its thread is all of it. The order matters: the last step takes the right to the others.
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    let groups: Vec<Gid> = [user.gid].iter().chain(&user.groups).map(|gid| Gid::from_raw(*gid)).collect();
    set_thread_groups(&groups)?;
    set_thread_gid(gid)?;
    set_thread_uid(uid)
}

#[cfg(not(target_os = "linux"))]
fn switch_user(_user: &User) -> rustix::io::Result<()> {
    Err(rustix::io::Errno::NOSYS)
}

/// The whole environment of the program. Nothing of this process' own gets into it.
fn environment(executor: &ExecutorOrder, user: Option<&User>) -> Vec<(OsString, OsString)> {
    let order = &executor.order;
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: String| {
        variables.retain(|(known, _)| known != name);
        variables.push((name.to_owned(), value));
    };
    for (name, value) in &order.variables {
        set(name, value.expose().clone());
    }
    if let Some(user) = user {
        let name = user.name.clone().unwrap_or_else(|| user.uid.to_string());
        let home = user.home.clone().unwrap_or_else(|| "/".to_owned());
        for (variable_name, value) in [("HOME", home), ("USER", name.clone()), ("LOGNAME", name)] {
            if variable(order, variable_name).is_none() {
                set(variable_name, value);
            }
        }
    }
    if let Some(environment) = &order.environment {
        let path = variable(order, "PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned());
        set("PATH", format!("{}:{path}", environment.join("bin").display()));
        set("VIRTUAL_ENV", environment.display().to_string());
    }
    // The run is its mark, by which everything it starts is found.
    set(MARK_VARIABLE, order.run.clone());
    if let Some(socket) = &executor.notify_socket {
        set("NOTIFY_SOCKET", socket.clone());
    }
    variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn variable(order: &RunOrder, name: &str) -> Option<String> {
    order.variables.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.expose().clone())
}

/// Looks the program up as it will be when it has its environment.
fn find(order: &RunOrder, environment: &[(OsString, OsString)]) -> Result<std::path::PathBuf, Refusal> {
    let Some(word) = order.words.first() else { return Err(Refusal::new("there is nothing to run")) };
    // Another program of that name, found further on, would run without the packages that it needs.
    if let Some(own) =
        order.environment.as_ref().filter(|_| !word.contains('/')).map(|place| place.join("bin").join(word))
        && let Ok(target) = std::fs::read_link(&own)
        && !own.exists()
    {
        let (own, target) = (own.display(), target.display());
        let why = format!(
            "{own} is a link to {target}, which is not there: `stratheal install --rebuild` makes the environment anew"
        );
        return Err(Refusal { code: NO_SUCH_PROGRAM, why });
    }
    let path = environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value);
    let found = find_program(&OsString::from(word), path, order.folder.as_deref());
    found.map_err(|error| match error {
        CommandError::NotFound { .. } => {
            let place = order.environment.as_ref().map(|place| format!("{} or ", place.join("bin").display()));
            let why = format!("there is no program \"{word}\" in {}PATH", place.unwrap_or_default());
            Refusal { code: NO_SUCH_PROGRAM, why }
        }
        other => Refusal { code: NOT_EXECUTABLE, why: crate::base::class::chain(&other) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServiceId;
    use crate::service::spec::ServiceSpec;

    #[test]
    fn nothing_is_begun_that_the_next_keeper_may_not_know_of() {
        let folder = tempfile::tempdir().unwrap();
        let spec = ServiceSpec::child(ServiceId::new("api").unwrap(), ["true"]);
        let mut executor = ExecutorOrder {
            version: ExecutorOrder::VERSION,
            order: RunOrder::new(&spec, "run".to_owned(), |_| None),
            children: folder.path().join("children"),
            boot: "boot".to_owned(),
            keeper: std::os::unix::process::parent_id(),
            notify_socket: None,
            group: None,
        };
        assert!(note(&executor).is_ok());
        assert_eq!(children::read(&executor.children).unwrap()[0].process.pid, std::process::id());
        executor.keeper += 1;
        assert_eq!(note(&executor).unwrap_err().why, "its keeper has ended meanwhile");
        executor.children = folder.path().join("no/folder");
        assert!(note(&executor).unwrap_err().why.contains("cannot be written down"));
    }
}

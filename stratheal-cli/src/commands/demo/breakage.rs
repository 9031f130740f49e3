//! What is broken, and what has to come of it.

use std::io;
use std::path::Path;
use std::{fs, os};

use rustix::process::{Pid, Signal, kill_process};

use super::scene::Scene;

/// Something that breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Breakage {
    Crash,
    Hang,
    CrashAtStart,
    DamagedFile,
    DeletedPackage,
    DeadInterpreter,
    FullDisk,
    Outside,
}

/// How it has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// By this remedy.
    Remedy(&'static str),
    /// By nobody here: nothing may be tried.
    Calm,
}

impl Breakage {
    /// All of them. The disk is near the end because only logs older than a minute are deleted.
    pub(super) const ALL: [Self; 8] = [
        Self::Crash,
        Self::Hang,
        Self::CrashAtStart,
        Self::DamagedFile,
        Self::DeletedPackage,
        Self::DeadInterpreter,
        Self::Outside,
        Self::FullDisk,
    ];

    /// One line for people.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Crash => "the server is killed",
            Self::Hang => "the server hangs",
            Self::CrashAtStart => "the server crashes at every start",
            Self::DamagedFile => "a file of a package is damaged",
            Self::DeletedPackage => "a package is deleted",
            Self::DeadInterpreter => "the interpreter is a link to nowhere",
            Self::FullDisk => "a disk is full",
            Self::Outside => "something outside fails",
        }
    }

    /// The word for programs.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::CrashAtStart => "crash-at-start",
            Self::DamagedFile => "damaged-file",
            Self::DeletedPackage => "deleted-package",
            Self::DeadInterpreter => "dead-interpreter",
            Self::FullDisk => "full-disk",
            Self::Outside => "outside",
        }
    }

    pub(super) const fn expected(self) -> Expected {
        Expected::Remedy(match self {
            Self::Crash | Self::Hang => "restart-service",
            Self::CrashAtStart => "reset-queue",
            Self::DamagedFile | Self::DeletedPackage => "repair-environment/web",
            Self::DeadInterpreter => "rebuild-environment/web",
            Self::FullDisk => "free-disk",
            Self::Outside => return Expected::Calm,
        })
    }

    /// Breaks it. What damages files of a program that runs is seen when it is started the next time: so it is killed as well.
    pub(super) async fn happen(self, scene: &mut Scene) -> io::Result<()> {
        let project = &scene.project;
        match self {
            Self::Crash => {}
            Self::Hang => return signal(scene, Signal::STOP).await,
            Self::CrashAtStart => fs::write(project.folder.join("queue.json"), "{\"seconds\": 1")?,
            Self::DamagedFile => damage(&project.site_packages()?.join("waitress/server.py"))?,
            Self::DeletedPackage => match fs::remove_dir_all(project.site_packages()?.join("waitress")) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            },
            Self::DeadInterpreter => dead_interpreter(&project.environment().join("bin"))?,
            Self::FullDisk => return scene.disk().fill(),
            Self::Outside => return scene.close_outside().await,
        }
        signal(scene, Signal::KILL).await
    }

    /// What is to be done afterwards by others than stratheal.
    pub(super) async fn mend(self, scene: &mut Scene) -> io::Result<()> {
        match self {
            Self::Outside => scene.open_outside().await,
            Self::FullDisk => scene.disk().empty(),
            _ => Ok(()),
        }
    }
}

/// Leaves half of a file. One that is not there has been broken already.
fn damage(file: &Path) -> io::Result<()> {
    let whole = match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    // It may be one with the file in the cache, which is not to be damaged.
    fs::remove_file(file)?;
    fs::write(file, &whole[..whole.len() / 2])
}

/// Each name of the interpreter becomes a link to nowhere, as when the Python it was made from is removed.
fn dead_interpreter(programs: &Path) -> io::Result<()> {
    for entry in fs::read_dir(programs)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python")) {
            fs::remove_file(&path)?;
            os::unix::fs::symlink("/nowhere/bin/python3", &path)?;
        }
    }
    Ok(())
}

async fn signal(scene: &Scene, signal: Signal) -> io::Result<()> {
    let pid = scene.server().await.and_then(|pid| Pid::from_raw(pid.cast_signed()));
    // One that does not run, or not any more, has been broken already.
    match pid.map_or(Ok(()), |pid| kill_process(pid, signal)) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        other => other.map_err(io::Error::from),
    }
}

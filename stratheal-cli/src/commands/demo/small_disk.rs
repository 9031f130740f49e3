//! A small file system for the demo to fill: where this user may mount one.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use stratheal_core::sys::filesystem::usage;

const MIB: usize = 1 << 20;
/// How large it is, in MiB.
const SIZE: usize = 16;
/// What an old log takes of it, in MiB.
const LOG: usize = 6;
/// It counts as full when no more than this is left.
const LEFT: u64 = (MIB / 2) as u64;

/// A file system that is there until this is dropped.
#[derive(Debug)]
pub(super) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Makes one with an old log on it. Why not, in words, where that is not possible.
    pub(super) fn mount(folder: &Path) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let size = format!("size={SIZE}m,mode=0700");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "stratheal-demo"]).arg(folder))?;
        let disk = Self { folder: folder.to_owned() };
        fs::create_dir(folder.join("logs")).map_err(|error| error.to_string())?;
        disk.log("app.log.2", LOG).and_then(|()| disk.log("app.log.1", 0)).map_err(|error| error.to_string())?;
        Ok(disk)
    }

    fn log(&self, name: &str, size: usize) -> std::io::Result<()> {
        fs::write(self.folder.join("logs").join(name), vec![b'.'; size * MIB])
    }

    /// Fills what is left of it.
    pub(super) fn fill(&self) -> std::io::Result<()> {
        let mut filler = File::create(self.filler())?;
        while usage(&self.folder)?.available > LEFT {
            filler.write_all(&vec![b'.'; MIB / 4])?;
        }
        Ok(())
    }

    /// Makes it as it was, for the next time.
    pub(super) fn empty(&self) -> std::io::Result<()> {
        fs::remove_file(self.filler())?;
        self.log("app.log.2", LOG)?;
        // The newest one stays.
        self.log("app.log.1", 0)
    }

    /// How long ago the old log was written: what is younger than a minute is never deleted.
    pub(super) fn age(&self) -> Option<std::time::Duration> {
        let written = fs::metadata(self.folder.join("logs/app.log.2")).ok()?.modified().ok()?;
        written.elapsed().ok()
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if run(Command::new("umount").arg(&self.folder)).is_err()
            && let Err(why) = run(Command::new("umount").arg("--lazy").arg(&self.folder))
        {
            tracing::warn!(folder = %self.folder.display(), why, "a small disk is still mounted");
        }
    }
}

/// Runs a program; what it said when it failed.
fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let ran = command.output().map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&ran.stderr);
    if ran.status.success() { Ok(()) } else { Err(said.trim().to_owned()) }
}

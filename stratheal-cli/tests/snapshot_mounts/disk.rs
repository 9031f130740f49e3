//! Disks that are files, and tests that have mounts of their own.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use stratheal_core::sys::{SysRoot, mounts};
use stratheal_core::testing::skipped;
use tempfile::TempDir;

/// A file system, and how it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileSystem {
    Ext4,
    /// ext4 as it was made for small disks until 2021: its times are whole seconds.
    Ext4Seconds,
    Btrfs,
    Xfs,
    Tmpfs,
}

impl FileSystem {
    /// What makes it; `None` where nothing has to.
    fn maker(self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Self::Ext4 => Some(("mkfs.ext4", &["-q", "-I", "256"])),
            Self::Ext4Seconds => Some(("mkfs.ext4", &["-q", "-I", "128"])),
            Self::Btrfs => Some(("mkfs.btrfs", &["-q"])),
            Self::Xfs => Some(("mkfs.xfs", &["-q"])),
            Self::Tmpfs => None,
        }
    }

    /// The smallest that its maker agrees to make, in MiB.
    pub(crate) const fn smallest(self) -> u64 {
        match self {
            Self::Ext4 | Self::Ext4Seconds | Self::Tmpfs => 48,
            Self::Btrfs => 128,
            Self::Xfs => 320,
        }
    }
}

/// A file system that is mounted; not any more when this is dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    /// Where its file lies.
    _image: TempDir,
}

impl Disk {
    /// Mounts a new file system of so many MiB. `None`, with words, where this machine does not let this user.
    pub(crate) fn mount(system: FileSystem, size: u64, folder: &Path) -> Option<Self> {
        let mounted = Self::try_mount(system, size, folder);
        mounted.inspect_err(|why| skipped(&format!("environments on {system:?}"), why)).ok()
    }

    fn try_mount(system: FileSystem, size: u64, folder: &Path) -> Result<Self, String> {
        fs::create_dir_all(folder).unwrap();
        let image = TempDir::new().unwrap();
        let file = image.path().join("image");
        let mut mount = Command::new("mount");
        if let Some((maker, options)) = system.maker() {
            // What is never written to takes no room.
            File::create(&file).unwrap().set_len(size << 20).unwrap();
            let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
            run(Command::new(maker).args(options).arg(&file).env("PATH", path))?;
            mount.args(["-o", "loop"]).arg(&file);
        } else {
            mount.args(["-t", "tmpfs", "-o", &format!("size={size}m"), "none"]);
        }
        run(mount.arg(folder))?;
        Ok(Self { folder: folder.to_owned(), _image: image })
    }

    /// Makes a file that takes all the room there is, then gives so many bytes back.
    pub(crate) fn fill(&self, but: u64) {
        let filler = File::create(self.filler()).unwrap();
        let mut length = 0;
        for size in [16 << 20, 1 << 20, 64 << 10, 4 << 10, 1 << 10] {
            // Room is taken without writing anything there, which is quick on a large disk.
            let taken = loop {
                match fallocate(&filler, FallocateFlags::empty(), length, size) {
                    Ok(()) => length += size,
                    Err(error) => break error,
                }
            };
            assert_eq!(taken, Errno::NOSPC, "{taken}");
        }
        if but > 0 {
            filler.set_len(length.saturating_sub(but)).unwrap();
        }
        filler.sync_all().unwrap();
    }

    pub(crate) fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
        File::open(&self.folder).unwrap().sync_all().unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = run(Command::new("umount").arg(&self.folder));
        if unmounted.is_err() {
            // A test that failed may have left something running there.
            let _ = run(Command::new("umount").arg("--lazy").arg(&self.folder));
        }
        if !std::thread::panicking() {
            assert_eq!(unmounted, Ok(()), "something still used it");
            let mounts = mounts::read(&SysRoot::default()).unwrap();
            assert!(mounts.iter().all(|mount| mount.mount_point != self.folder), "it is still mounted");
        }
    }
}

/// Runs a program; what it said when it failed.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let ran = command.output().map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&ran.stderr);
    if ran.status.success() { Ok(()) } else { Err(format!("{program}: {}", said.trim())) }
}

/// Tells a test that it has its own mounts already.
const OWN: &str = "TEST_HAS_OWN_MOUNTS";

/// Runs a test, known by its name, where nobody else sees its mounts, and where they end with it, also when it is killed.
pub(crate) fn with_own_mounts(name: &str, test: impl FnOnce()) {
    if std::env::var_os(OWN).is_some() {
        return test();
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]);
        command
    };
    if let Err(why) = run(unshare().arg("true")) {
        return skipped(&format!("snapshots: {name}"), &format!("it takes mounts, and only root may mount: {why}"));
    }
    let mut again = unshare();
    again.arg(std::env::current_exe().unwrap()).args(["--exact", name, "--nocapture"]).env(OWN, "1");
    let ran = again.output().unwrap();
    let said = [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(ran.status.success() && said[0].contains("1 passed"), "{}{}", said[0], said[1]);
    // For whoever looks at the output of a test: what it skipped.
    std::io::stderr().write_all(said[1].as_bytes()).unwrap();
}

//! The same answers from `sysinfo`, for systems without `/proc`. No other file knows that crate.
//!
//! It is built on Linux too, so that its tests run there. What it cannot tell, such as control groups, pressure and open files, is
//! reported as unsupported by those who ask.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sysinfo::{CpuRefreshKind, Disks, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};

use super::SysError;
use super::filesystem::FilesystemUsage;
use super::load::LoadAverage;
use super::memory::HostMemory;
use super::mounts::Mount;
use super::process::{Process, ProcessId, ProcessState};

fn unsupported(what: &'static str) -> SysError {
    SysError::Unsupported { what, why: "this system does not tell" }
}

pub(super) fn uptime() -> Duration {
    Duration::from_secs(System::uptime().unwrap_or_default())
}

pub(super) fn boot_time() -> u64 {
    System::boot_time().unwrap_or_default()
}

pub(super) fn load() -> Result<LoadAverage, SysError> {
    let load = System::load_average().map_err(|_| unsupported("the load"))?;
    Ok(LoadAverage { one: load.one, five: load.five, fifteen: load.fifteen })
}

pub(super) fn memory() -> Result<HostMemory, SysError> {
    let mut system = System::new().map_err(|_| unsupported("memory"))?;
    system.refresh_memory();
    let (total, available) = (system.total_memory(), system.available_memory());
    if total == 0 {
        return Err(unsupported("memory"));
    }
    Ok(HostMemory { total, available, swap_total: system.total_swap(), swap_free: system.free_swap() })
}

pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Percent of all processors since it was asked before.
#[derive(Debug)]
pub(super) struct CpuMeter(Option<System>);

impl CpuMeter {
    pub(super) fn start() -> Self {
        let mut system = System::new().ok();
        if let Some(system) = &mut system {
            system.refresh_cpu_list(CpuRefreshKind::nothing().with_usage());
            system.refresh_cpu_usage();
        }
        Self(system)
    }

    pub(super) fn used_percent(&mut self) -> f64 {
        self.0.as_mut().map_or(0.0, |system| {
            system.refresh_cpu_usage();
            f64::from(system.global_cpu_usage())
        })
    }
}

fn disks() -> Vec<sysinfo::Disk> {
    Disks::new_with_refreshed_list().map(Vec::from).unwrap_or_default()
}

pub(super) fn mounts() -> Vec<Mount> {
    let mount = |disk: sysinfo::Disk| Mount {
        mount_point: disk.mount_point().to_owned(),
        source: disk.name().to_string_lossy().into_owned(),
        fs_type: disk.file_system().to_string_lossy().into_owned(),
        options: vec![if disk.is_read_only() { "ro" } else { "rw" }.to_owned()],
        device: None,
        root: "/".to_owned(),
    };
    disks().into_iter().map(mount).collect()
}

/// The usage of what is mounted at a path; inodes are not told.
#[cfg_attr(all(unix, not(test)), expect(dead_code, reason = "systems with statvfs do not need it"))]
pub(super) fn usage(path: &Path) -> Option<FilesystemUsage> {
    let disks = disks();
    let holding = disks.iter().filter(|disk| path.starts_with(disk.mount_point()));
    let disk = holding.max_by_key(|disk| disk.mount_point().components().count())?;
    let (total, available) = (disk.total_space(), disk.available_space());
    Some(FilesystemUsage { total, free: available, available, inodes: 0, inodes_free: 0 })
}

pub(super) fn processes() -> Result<Vec<Process>, SysError> {
    let mut system = System::new().map_err(|_| unsupported("processes"))?;
    let wanted = ProcessRefreshKind::nothing().with_memory().with_cpu().with_cmd(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, wanted);
    Ok(system.processes().values().map(process).collect())
}

fn process(found: &sysinfo::Process) -> Process {
    let state = match found.status() {
        ProcessStatus::Run => ProcessState::Running,
        ProcessStatus::Zombie => ProcessState::Zombie,
        ProcessStatus::UninterruptibleDiskSleep => ProcessState::Uninterruptible,
        ProcessStatus::Stop | ProcessStatus::Tracing => ProcessState::Stopped,
        ProcessStatus::Dead => ProcessState::Dead,
        _ => ProcessState::Sleeping,
    };
    Process {
        id: ProcessId { pid: found.pid().as_u32(), started: found.start_time() },
        parent: found.parent().map_or(0, sysinfo::Pid::as_u32),
        name: found.name().to_string_lossy().into_owned(),
        command: found.cmd().iter().map(|part| part.to_string_lossy().into_owned()).collect(),
        state,
        cpu: Duration::from_millis(found.accumulated_cpu_time()),
        age: Some(Duration::from_secs(found.run_time())),
        resident: Some(found.memory()),
    }
}

pub(super) fn executable(pid: u32) -> Option<PathBuf> {
    let pid = sysinfo::Pid::from_u32(pid);
    let mut system = System::new().ok()?;
    let wanted = ProcessRefreshKind::nothing().with_exe(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, wanted);
    system.process(pid)?.exe().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sees_the_same_machine_as_proc() {
        let here = memory().unwrap();
        let there = crate::sys::memory::read(&crate::sys::SysRoot::default()).unwrap();
        assert_eq!(here.total, there.total);
        assert!(uptime() > Duration::ZERO && boot_time() > 0 && processors() > 0);
        assert!(load().unwrap().one >= 0.0);
    }

    #[test]
    fn it_sees_this_process() {
        let own = processes().unwrap().into_iter().find(|process| process.id.pid == std::process::id()).unwrap();
        assert!(own.resident.unwrap() > 0 && !own.command.is_empty());
        assert_eq!(executable(own.id.pid), std::env::current_exe().ok());
    }

    #[test]
    fn it_measures_processors_and_disks() {
        let mut meter = CpuMeter::start();
        assert!((0.0..=100.0).contains(&meter.used_percent()));
        for mount in mounts() {
            assert!(usage(&mount.mount_point).is_some(), "{mount:?}");
        }
    }
}

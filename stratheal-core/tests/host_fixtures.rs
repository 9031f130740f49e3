//! What the readers and checks make of recorded machines: a service (`v2`), containers (`v2-container`, `v1`), both versions at
//! once (`hybrid`), and limits at several levels (`nested`).

#![cfg(feature = "system")]
#![expect(clippy::unwrap_used, reason = "an error here is a failed test")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use stratheal_core::base::blocking::BlockingPool;
use stratheal_core::checks::cpu::{Cpu, CpuOptions};
use stratheal_core::checks::disk::{Disk, DiskOptions};
use stratheal_core::checks::load::Load;
use stratheal_core::checks::memory::Memory;
use stratheal_core::checks::oom::{Oom, OomOptions};
use stratheal_core::checks::open_files::{OpenFiles, OpenFilesOf, OpenFilesOptions};
use stratheal_core::checks::pressure::{Pressure, PressureOptions, PressureScope};
use stratheal_core::checks::process::{Process, ProcessOptions};
use stratheal_core::checks::{Measure, Measurement};
use stratheal_core::contract::{CheckContext, CheckError};
use stratheal_core::model::Status;
use stratheal_core::sys::cgroup::{Version, locate};
use stratheal_core::sys::process::{ProcessSelector, ProcessState};
use stratheal_core::sys::{SysRoot, mounts, oom, process};

const MIB: u64 = 1 << 20;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sys").join(name)
}

fn root(name: &str) -> SysRoot {
    SysRoot::new(folder(name))
}

fn context(one_shot: bool) -> CheckContext {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    CheckContext::new(deadline, None, one_shot, BlockingPool::new(4))
}

async fn measure(check: &dyn Measure) -> Measurement {
    check.measure(&context(false)).await.unwrap()
}

#[track_caller]
fn assert_close(measured: &Measurement, name: &str, expected: f64) {
    let value = measured.report.value(name).unwrap_or_else(|| panic!("no metric {name}: {:?}", measured.report));
    assert!((value - expected).abs() < 0.01, "{name} is {value}, not {expected}");
}

#[tokio::test]
async fn memory_is_measured_against_the_tightest_limit() {
    // Machine, who limits, the limit and the working set in MiB.
    for (name, limited_by, limit, working_set) in [
        ("v2", "/system.slice/api.service", 2048, 1200),
        ("v2-container", "/", 512, 490),
        ("v1", "/", 1024, 600),
        ("hybrid", "/batch", 2048, 1000),
        ("nested", "/kubepods.slice/kubepods-pod1.slice", 1024, 768),
    ] {
        let measured = measure(&Memory::new(root(name))).await;
        assert_eq!(measured.facts["limited_by"], limited_by, "{name}");
        assert_close(&measured, "limit", (limit * MIB) as f64);
        assert_close(&measured, "working_set", (working_set * MIB) as f64);
        assert_close(&measured, "used", working_set as f64 / limit as f64 * 100.0);
    }
}

#[tokio::test]
async fn memory_tells_of_limits_above_and_of_swap() {
    let nested = measure(&Memory::new(root("nested"))).await;
    assert_close(&nested, "used[/kubepods.slice]", 5800.0 / 6144.0 * 100.0);
    assert_close(&nested, "available", (256 * MIB) as f64);
    let service = measure(&Memory::new(root("v2"))).await;
    assert_close(&service, "swap_used", 25.0);
    let forbidden = measure(&Memory::new(root("v2-container"))).await;
    assert_close(&forbidden, "swap_used", 0.0);
    let container = measure(&Memory::new(root("v1"))).await;
    assert_close(&container, "swap_used", 25.0);
}

#[tokio::test]
async fn memory_is_that_of_the_host_without_groups() {
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join("proc")).unwrap();
    std::fs::copy(folder("v2/proc/meminfo"), copy.path().join("proc/meminfo")).unwrap();
    let measured = measure(&Memory::new(SysRoot::new(copy.path()))).await;
    assert_eq!(measured.facts["limited_by"], "host");
    assert_close(&measured, "used", 25.0);
    assert_close(&measured, "swap_used", 25.0);
}

/// A copy of a recorded machine that the test may change.
fn copy(name: &str) -> tempfile::TempDir {
    fn all(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            if entry.file_type().unwrap().is_dir() {
                all(&from, &to);
            } else {
                std::fs::copy(from, to).unwrap();
            }
        }
    }
    let copy = tempfile::tempdir().unwrap();
    all(&folder(name), copy.path());
    copy
}

fn replace(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file}: {text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// Runs the check, changes the machine as if ten seconds had passed, and runs it again.
async fn cpu_over_ten_seconds(name: &str, changes: &[(&str, &str, &str)]) -> Measurement {
    let machine = copy(name);
    let samples = tempfile::tempdir().unwrap();
    let options = CpuOptions { sample_file: Some(samples.path().join("cpu")) };
    let run = || async {
        let check = Cpu::new(options.clone(), SysRoot::new(machine.path()));
        check.measure(&context(true)).await
    };
    // Nothing changes while the first run waits for its second sample; what it keeps is what the second run needs.
    drop(run().await);
    replace(machine.path(), "proc/uptime", "4321.09", "4331.09");
    for (file, from, to) in changes {
        replace(machine.path(), file, from, to);
    }
    run().await.unwrap()
}

#[tokio::test]
async fn cpu_is_measured_against_the_tightest_quota() {
    let service = "sys/fs/cgroup/system.slice/api.service/cpu.stat";
    let measured = cpu_over_ten_seconds(
        "v2",
        &[
            (service, "usage_usec 60000000", "usage_usec 67500000"),
            (service, "nr_periods 1000", "nr_periods 1100"),
            (service, "nr_throttled 120", "nr_throttled 160"),
        ],
    )
    .await;
    assert_eq!(measured.facts["limited_by"], "/system.slice/api.service");
    assert_close(&measured, "processors", 1.5);
    assert_close(&measured, "used", 50.0);
    assert_close(&measured, "throttled", 40.0);

    let group = "sys/fs/cgroup/cpu,cpuacct";
    let (stat, usage) = (format!("{group}/cpu.stat"), format!("{group}/cpuacct.usage"));
    let measured = cpu_over_ten_seconds(
        "v1",
        &[
            (&usage, "90000000000", "105000000000"),
            (&stat, "nr_periods 500", "nr_periods 600"),
            (&stat, "nr_throttled 25", "nr_throttled 30"),
        ],
    )
    .await;
    assert_close(&measured, "processors", 2.0);
    assert_close(&measured, "used", 75.0);
    assert_close(&measured, "throttled", 5.0);

    let pod = "sys/fs/cgroup/kubepods.slice/kubepods-pod1.slice/cpu.stat";
    let measured = cpu_over_ten_seconds("nested", &[(pod, "usage_usec 50000000", "usage_usec 60000000")]).await;
    assert_eq!(measured.facts["limited_by"], "/kubepods.slice/kubepods-pod1.slice");
    assert_close(&measured, "used", 50.0);
}

#[tokio::test]
async fn cpu_without_a_quota_is_that_of_the_allowed_processors() {
    // Processors 0 and 2 are allowed; processor 1 is busy, but not ours.
    let changes = [
        ("proc/stat", "cpu0 10000 25 5000 80000", "cpu0 10300 25 5000 80700"),
        ("proc/stat", "cpu1 10000 25 5000 80000", "cpu1 11000 25 5000 80000"),
        ("proc/stat", "cpu2 10000 25 5000 80000", "cpu2 10100 25 5000 80900"),
    ];
    let measured = cpu_over_ten_seconds("hybrid", &changes).await;
    assert_eq!(measured.facts["limited_by"], "host");
    assert_close(&measured, "processors", 2.0);
    assert_close(&measured, "used", 20.0);
    assert_close(&measured, "throttled", 0.0);
}

#[tokio::test]
async fn an_old_or_foreign_cpu_sample_is_refused() {
    for (file, from, to) in [("proc/uptime", "4321.09", "4631.09"), ("proc/sys/kernel/random/boot_id", "6f0a", "7f0a")]
    {
        let machine = copy("hybrid");
        let samples = tempfile::tempdir().unwrap();
        let check =
            || Cpu::new(CpuOptions { sample_file: Some(samples.path().join("cpu")) }, SysRoot::new(machine.path()));
        drop(check().measure(&context(true)).await);
        replace(machine.path(), "proc/stat", "cpu0 10000 25 5000 80000", "cpu0 10300 25 5000 80700");
        replace(machine.path(), file, from, to);
        // The two samples taken now are alike, so there is nothing to tell.
        let answer = check().measure(&context(true)).await;
        assert!(matches!(answer, Err(CheckError::Malformed { .. })), "{file}: {answer:?}");
    }
}

#[tokio::test]
async fn load_is_shared_by_the_processors_of_the_host() {
    let measured = measure(&Load::new(root("v1"))).await;
    assert_close(&measured, "load1", 2.4);
    assert_close(&measured, "load1_per_core", 0.6);
    assert_close(&measured, "cores", 4.0);
}

#[test]
fn kills_are_counted_where_they_concern_us() {
    for (name, count, scope) in [
        // The whole machine is visible: its own count has everything.
        ("v2", 2, "the host"),
        ("hybrid", 7, "the host"),
        ("nested", 9, "the host"),
        // In a container the neighbours' kills are none of ours.
        ("v2-container", 3, "/"),
        ("v1", 4, "/"),
    ] {
        let kills = oom::read(&root(name)).unwrap();
        assert_eq!((kills.count, kills.scope.as_str()), (count, scope), "{name}");
    }
}

#[tokio::test]
async fn a_kill_is_critical_although_memory_is_fine() {
    let machine = copy("v2-container");
    let check = Oom::new(OomOptions::default(), SysRoot::new(machine.path()));
    let first = measure(&check).await.report;
    assert_eq!((first.status, first.value("total")), (Status::Healthy, Some(3.0)));
    replace(machine.path(), "sys/fs/cgroup/memory.events", "oom_kill 3", "oom_kill 4");
    replace(machine.path(), "proc/uptime", "4321.09", "4331.09");
    let second = measure(&check).await.report;
    assert_eq!(
        (second.status, second.code.as_ref(), second.value("kills")),
        (Status::Critical, "oom-killed", Some(1.0))
    );
    replace(machine.path(), "proc/uptime", "4331.09", "4931.09");
    assert_eq!(measure(&check).await.report.status, Status::Healthy);
}

#[tokio::test]
async fn one_shot_runs_hand_the_count_of_kills_on() {
    let machine = copy("v1");
    let samples = tempfile::tempdir().unwrap();
    let run = || async {
        let options = OomOptions { sample_file: Some(samples.path().join("oom")), ..OomOptions::default() };
        Oom::new(options, SysRoot::new(machine.path())).measure(&context(true)).await.unwrap().report.status
    };
    assert_eq!(run().await, Status::Healthy);
    replace(machine.path(), "sys/fs/cgroup/memory/memory.oom_control", "oom_kill 4", "oom_kill 5");
    assert_eq!(run().await, Status::Critical);
}

#[tokio::test]
async fn pressure_is_that_of_the_container_inside_one() {
    let of = |name: &str, scope| Pressure::new(PressureOptions { scope }, root(name));
    let host = measure(&of("v2", PressureScope::Automatic)).await;
    assert_close(&host, "memory_full_avg60", 5.75);
    assert_close(&host, "cpu_some_avg10", 12.5);
    assert_eq!(host.facts["of"], "host");
    let container = measure(&of("v2-container", PressureScope::Automatic)).await;
    assert_close(&container, "memory_full_avg60", 9.0);
    assert_close(&container, "io_full_avg10", 0.5);
    let outside = measure(&of("v2-container", PressureScope::Host)).await;
    assert_close(&outside, "memory_full_avg60", 5.75);
    let service = measure(&of("v2", PressureScope::Group)).await;
    assert_eq!(service.facts["of"], "/system.slice/api.service");
    let old = of("v1", PressureScope::Group).measure(&context(false)).await;
    assert!(matches!(old, Err(CheckError::Unsupported { .. })), "{old:?}");
}

#[tokio::test]
async fn a_kernel_without_pressure_says_so() {
    let empty = tempfile::tempdir().unwrap();
    let check = Pressure::new(PressureOptions::default(), SysRoot::new(empty.path()));
    let error = check.measure(&context(false)).await.unwrap_err();
    assert!(error.to_string().contains("CONFIG_PSI"), "{error}");
}

#[test]
fn groups_are_found_where_namespaces_and_mounts_differ() {
    let groups = |name: &str, controller: &str| {
        let found = locate(&root(name), controller).unwrap().unwrap();
        (found.version, found.whole, found.groups.into_iter().map(|group| group.name).collect::<Vec<_>>())
    };
    assert_eq!(groups("v1", "memory"), (Version::V1, false, vec!["/".to_owned()]));
    let own = ["/system.slice/api.service", "/system.slice", "/"].map(str::to_owned).to_vec();
    assert_eq!(groups("v2", "memory"), (Version::V2, true, own));
    assert_eq!(groups("v2-container", "memory"), (Version::V2, false, vec!["/".to_owned()]));
    let job = ["/batch/job-7", "/batch", "/"].map(str::to_owned).to_vec();
    assert_eq!(groups("hybrid", "memory"), (Version::V1, true, job));
    assert_eq!(groups("nested", "cpu").2.len(), 4);
}

#[test]
fn groups_are_found_without_mountinfo() {
    for (name, version) in [("v2", Version::V2), ("hybrid", Version::V1)] {
        let machine = copy(name);
        std::fs::remove_file(machine.path().join("proc/self/mountinfo")).unwrap();
        let found = locate(&SysRoot::new(machine.path()), "memory").unwrap().unwrap();
        assert_eq!((found.version, found.groups.len()), (version, 3), "{name}");
    }
}

#[tokio::test]
async fn a_group_that_is_not_under_the_mount_falls_back_to_its_top() {
    for path in ["0::/system.slice/gone.service", "0::/../outside"] {
        let machine = copy("v2-container");
        std::fs::write(machine.path().join("proc/self/cgroup"), path).unwrap();
        let measured = measure(&Memory::new(SysRoot::new(machine.path()))).await;
        assert_close(&measured, "limit", (512 * MIB) as f64);
    }
}

#[test]
fn disks_are_listed_once_and_network_only_when_asked() {
    let found = mounts::read(&root("v2")).unwrap();
    let names = |network| -> Vec<String> {
        let chosen = mounts::worth_watching(&found, network);
        chosen.iter().map(|mount| mount.mount_point.display().to_string()).collect()
    };
    assert_eq!(names(false), ["/", "/var/lib/my data"]);
    assert_eq!(names(true), ["/", "/mnt/share", "/var/lib/my data"]);
    let machine = copy("v2");
    std::fs::remove_file(machine.path().join("proc/self/mountinfo")).unwrap();
    assert_eq!(mounts::read(&SysRoot::new(machine.path())).unwrap().len(), 3);
    let container = mounts::worth_watching(&mounts::read(&root("v2-container")).unwrap(), false);
    assert_eq!(container[0].mount_point, Path::new("/"));
}

#[tokio::test]
async fn a_mount_that_is_gone_is_named_and_the_others_reported() {
    let measured = measure(&Disk::new(DiskOptions::default(), root("v2"))).await;
    assert_eq!(measured.report.status, Status::Unknown);
    assert!(measured.report.summary.contains("/var/lib/my data"), "{}", measured.report.summary);
    assert!(measured.report.value("used[/]").is_some());
    assert_eq!(measured.facts["mounts"]["/var/lib/my data"]["read_only"], true);
}

#[tokio::test]
async fn processes_are_read_with_odd_names() {
    let machine = root("v2");
    let worker = process::read(&machine, 1234).unwrap().unwrap();
    assert_eq!((worker.name.as_str(), worker.state), ("we) ird (proc", ProcessState::Uninterruptible));
    assert_eq!((worker.resident, worker.cpu), (Some(9 * MIB), Duration::from_secs(4)));
    assert_eq!(worker.age, Some(Duration::from_secs(2200)));
    let selector = ProcessSelector { name: Some("worker".to_owned()), ..ProcessSelector::default() };
    let check = Process::new(ProcessOptions { selector, ..ProcessOptions::default() }, machine);
    let measured = measure(&check).await;
    for (name, value) in
        [("count", 1.0), ("zombies", 1.0), ("uninterruptible", 1.0), ("open_files", 6.0), ("open_files_used", 75.0)]
    {
        assert_close(&measured, name, value);
    }
}

#[tokio::test]
async fn open_files_of_host_and_process() {
    let of = vec![OpenFilesOf::Host, OpenFilesOf::Process(1234), OpenFilesOf::Process(9)];
    let measured = measure(&OpenFiles::new(OpenFilesOptions { of }, root("v2"))).await;
    assert_close(&measured, "open[host]", 2976.0);
    assert_close(&measured, "used[1234]", 75.0);
    assert_eq!(measured.report.status, Status::Critical);
    assert!(measured.report.summary.ends_with("9 is not running"), "{}", measured.report.summary);
}

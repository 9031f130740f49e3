//! Every check of the host against the real one: real mounts, real processes, real files, real commands.

#![cfg(all(feature = "system", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "an error here is a failed test")]

use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use stratheal_core::base::blocking::BlockingPool;
use stratheal_core::base::clock::SystemClock;
use stratheal_core::checks::command::{Command, CommandOptions};
use stratheal_core::checks::cpu::{Cpu, CpuOptions};
use stratheal_core::checks::disk::{Disk, DiskOptions};
use stratheal_core::checks::file::{Expected, File, FileOptions};
use stratheal_core::checks::load::Load;
use stratheal_core::checks::memory::Memory;
use stratheal_core::checks::oom::{Oom, OomOptions};
use stratheal_core::checks::open_files::{OpenFiles, OpenFilesOf, OpenFilesOptions};
use stratheal_core::checks::pressure::{Pressure, PressureOptions};
use stratheal_core::checks::process::{Process, ProcessOptions};
use stratheal_core::checks::{Conditions, Judged, Measure, Measurement, command, cpu, disk, memory, oom, open_files};
use stratheal_core::checks::{file, load, pressure, process};
use stratheal_core::contract::{CheckContext, CheckError, HealthCheck};
use stratheal_core::model::{CheckId, Report, Status};
use stratheal_core::sys::SysRoot;
use stratheal_core::sys::process::ProcessSelector;

fn context_for(time: Duration) -> CheckContext {
    CheckContext::new(tokio::time::Instant::now() + time, None, false, BlockingPool::new(4))
}

async fn measure(check: &dyn Measure) -> Measurement {
    check.measure(&context_for(Duration::from_secs(10))).await.unwrap()
}

fn percent(measured: &Measurement, name: &str) -> f64 {
    let value = measured.report.value(name).unwrap_or_else(|| panic!("no metric {name}: {:?}", measured.report));
    assert!((0.0..=100.0).contains(&value), "{name} is {value}");
    value
}

fn conditions(warn: &[&str], crit: &[&str]) -> Conditions {
    let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Conditions { warn: parse(warn), crit: parse(crit) }
}

/// Whether a process with this text in its environment is left.
fn is_left(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|entry| std::fs::read(entry.path().join("environ")).ok())
        .any(|environment| environment.split(|byte| *byte == 0).any(|entry| entry == text.as_bytes()))
}

#[tokio::test]
async fn default_conditions_name_what_is_measured() {
    let root = SysRoot::default;
    let sleep = FileOptions { path: "/proc/self/stat".into(), ..FileOptions::default() };
    let own = ProcessSelector { pattern: Some(regex::Regex::new(".").unwrap()), ..ProcessSelector::default() };
    let own = ProcessOptions { selector: own, min: Some(0), ..ProcessOptions::default() };
    let all: Vec<(Arc<dyn Measure>, Conditions)> = vec![
        (Arc::new(Cpu::new(CpuOptions::default(), root())), conditions(cpu::DEFAULT_WARN, cpu::DEFAULT_CRIT)),
        (Arc::new(Load::new(root())), conditions(load::DEFAULT_WARN, load::DEFAULT_CRIT)),
        (Arc::new(Memory::new(root())), conditions(memory::DEFAULT_WARN, memory::DEFAULT_CRIT)),
        (Arc::new(Disk::new(DiskOptions::default(), root())), conditions(disk::DEFAULT_WARN, disk::DEFAULT_CRIT)),
        (
            Arc::new(Pressure::new(PressureOptions::default(), root())),
            conditions(pressure::DEFAULT_WARN, pressure::DEFAULT_CRIT),
        ),
        (
            Arc::new(OpenFiles::new(OpenFilesOptions::default(), root())),
            conditions(open_files::DEFAULT_WARN, open_files::DEFAULT_CRIT),
        ),
        (Arc::new(Oom::new(OomOptions::default(), root())), conditions(oom::DEFAULT_WARN, oom::DEFAULT_CRIT)),
        (Arc::new(Process::new(own, root())), conditions(process::DEFAULT_WARN, process::DEFAULT_CRIT)),
        (Arc::new(File::new(sleep, Arc::new(SystemClock))), conditions(file::DEFAULT_WARN, file::DEFAULT_CRIT)),
        (
            Arc::new(Command::new(CommandOptions::new("true", [] as [&str; 0]))),
            conditions(command::DEFAULT_WARN, command::DEFAULT_CRIT),
        ),
    ];
    for (measure, conditions) in all {
        let name = format!("{measure:?}");
        let check = Judged::new(CheckId::new("x").unwrap(), measure, conditions);
        match check.check(&context_for(Duration::from_secs(10))).await {
            Ok(report) => assert_ne!(report.code, "condition-error", "{name}: {report:?}"),
            // Only pressure may be missing from a kernel.
            Err(CheckError::Unsupported { .. }) => assert!(name.starts_with("Pressure"), "{name}"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_busy_processor_is_seen() {
    let check = Cpu::new(CpuOptions::default(), SysRoot::default());
    let running = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let busy = running.clone();
    let thread = std::thread::spawn(move || while busy.load(std::sync::atomic::Ordering::Relaxed) {});
    let first = measure(&check).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = tokio::time::Instant::now();
    let second = measure(&check).await;
    let waited = started.elapsed();
    running.store(false, std::sync::atomic::Ordering::Relaxed);
    thread.join().unwrap();
    let processors = second.report.value("processors").unwrap();
    for measured in [first, second] {
        assert!(percent(&measured, "used") > 50.0 / processors, "{:?}", measured.report);
        percent(&measured, "throttled");
    }
    assert!(waited < Duration::from_millis(150), "the second run uses the sample of the first, it took {waited:?}");
}

#[tokio::test]
async fn numbers_of_this_host_make_sense() {
    let memory = measure(&Memory::new(SysRoot::default())).await;
    percent(&memory, "used");
    let (limit, available) = (memory.report.value("limit").unwrap(), memory.report.value("available").unwrap());
    assert!(limit > 0.0 && available <= limit);
    let load = measure(&Load::new(SysRoot::default())).await;
    assert!(load.report.value("load1").unwrap() >= 0.0 && load.report.value("cores").unwrap() >= 1.0);
    let oom = measure(&Oom::new(OomOptions::default(), SysRoot::default())).await;
    assert_eq!(oom.report.status, Status::Healthy);
    if Path::new("/proc/pressure/memory").exists() {
        percent(&measure(&Pressure::new(PressureOptions::default(), SysRoot::default())).await, "memory_full_avg60");
    }
}

#[tokio::test]
async fn real_disks_answer() {
    let all = measure(&Disk::new(DiskOptions::default(), SysRoot::default())).await;
    assert!(!all.report.metrics.is_empty(), "{:?}", all.report);
    let folder = tempfile::tempdir().unwrap();
    let one = DiskOptions { paths: vec![folder.path().to_owned()], ..DiskOptions::default() };
    let (first, second) = (Disk::new(one.clone(), SysRoot::default()), Disk::new(one, SysRoot::default()));
    let cx = context_for(Duration::from_secs(10));
    let (first, second) = tokio::join!(first.measure(&cx), second.measure(&cx));
    for measured in [first.unwrap(), second.unwrap()] {
        assert_eq!(measured.report.status, Status::Healthy, "two checks of one mount: {:?}", measured.report);
        percent(&measured, &format!("used[{}]", folder.path().display()));
        percent(&measured, &format!("inodes[{}]", folder.path().display()));
    }
    let gone = DiskOptions { paths: vec![folder.path().join("gone")], ..DiskOptions::default() };
    let gone = measure(&Disk::new(gone, SysRoot::default())).await;
    assert_eq!((gone.report.status, gone.report.code.as_ref()), (Status::Unknown, "mount-silent"));
}

#[tokio::test]
async fn open_files_of_a_real_process() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("own.pid");
    std::fs::write(&pid_file, format!("{}\n", std::process::id())).unwrap();
    let held: Vec<_> = (0..20).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
    let of = vec![
        OpenFilesOf::Host,
        OpenFilesOf::Own,
        OpenFilesOf::PidFile(pid_file),
        OpenFilesOf::PidFile("/none.pid".into()),
    ];
    let measured = measure(&OpenFiles::new(OpenFilesOptions { of }, SysRoot::default())).await;
    assert!(measured.report.value("open[own]").unwrap() >= held.len() as f64);
    percent(&measured, "used[host]");
    percent(&measured, "used[self]");
    assert_eq!((measured.report.status, measured.report.code.as_ref()), (Status::Critical, "not-running"));
}

/// A child that is killed and reaped in the end.
struct Kid(Child);

impl Kid {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut command = std::process::Command::new(program);
        Self(command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Kid {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

async fn look(options: ProcessOptions) -> Report {
    measure(&Process::new(options, SysRoot::default())).await.report
}

#[tokio::test]
async fn real_processes_are_found() {
    let kids = [Kid::start("sleep", &["98761"]), Kid::start("sleep", &["98761"])];
    let by_pattern =
        ProcessSelector { pattern: Some(regex::Regex::new("^sleep 98761$").unwrap()), ..ProcessSelector::default() };
    let options = ProcessOptions { selector: by_pattern.clone(), cpu: true, ..ProcessOptions::default() };
    let report = look(options.clone()).await;
    assert_eq!((report.status, report.value("count")), (Status::Healthy, Some(2.0)), "{report:?}");
    assert!(
        report.value("rss").unwrap() > 0.0
            && report.value("cpu").unwrap() < 50.0
            && report.value("age").unwrap() < 60.0
    );
    assert!(report.value("open_files").unwrap() >= 3.0);
    assert_eq!(look(ProcessOptions { max: Some(1), ..options.clone() }).await.code, "too-many");
    assert_eq!(look(ProcessOptions { min: Some(3), ..options.clone() }).await.code, "too-few");
    let named = ProcessSelector { name: Some("sleep".to_owned()), ..by_pattern };
    assert_eq!(
        look(ProcessOptions { selector: named.clone(), ..ProcessOptions::default() }).await.status,
        Status::Healthy
    );
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    std::fs::write(&pid_file, kids[0].0.id().to_string()).unwrap();
    let by_file = ProcessOptions { pid_file: Some(pid_file.clone()), selector: named, ..ProcessOptions::default() };
    assert_eq!(look(by_file.clone()).await.value("count"), Some(1.0));
    std::fs::write(&pid_file, std::process::id().to_string()).unwrap();
    assert!(look(by_file.clone()).await.summary.ends_with("is another program"));
    std::fs::remove_file(&pid_file).unwrap();
    assert_eq!(
        look(by_file).await.summary,
        "no process runs that is called `sleep` and has `^sleep 98761$` in its command line: there is no pid file"
    );
    drop(kids);
    assert_eq!(look(options).await.code, "not-running");
}

#[tokio::test]
async fn a_real_zombie_is_told() {
    let mut kid = Kid::start("sh", &["-c", "exit 0"]);
    let pid = kid.0.id();
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    std::fs::write(&pid_file, pid.to_string()).unwrap();
    let options = ProcessOptions { pid_file: Some(pid_file), ..ProcessOptions::default() };
    let mut report = look(options.clone()).await;
    for _ in 0..200 {
        if report.status == Status::Critical {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        report = look(options.clone()).await;
    }
    assert_eq!((report.status, report.value("zombies")), (Status::Critical, Some(1.0)), "{report:?}");
    assert_eq!(kid.0.wait().unwrap().code(), Some(0));
    std::mem::forget(kid);
}

#[tokio::test]
async fn nothing_to_look_for_is_a_setup_error() {
    let answer =
        Process::new(ProcessOptions::default(), SysRoot::default()).measure(&context_for(Duration::from_secs(1))).await;
    assert!(matches!(answer, Err(CheckError::Setup { .. })));
}

async fn see(options: FileOptions) -> Report {
    measure(&File::new(options, Arc::new(SystemClock))).await.report
}

#[tokio::test]
async fn real_files_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("a.log"), "error one\nfine\nerror two\n").unwrap();
    std::fs::write(at("b.log"), "x".repeat(100)).unwrap();
    std::fs::write(at(".hidden.log"), "").unwrap();
    std::fs::create_dir(at("folder.log")).unwrap();
    let hour_ago = std::fs::metadata(at("b.log")).unwrap().modified().unwrap() - Duration::from_hours(1);
    std::fs::File::options().write(true).open(at("b.log")).unwrap().set_modified(hour_ago).unwrap();

    let one = see(FileOptions {
        path: at("a.log"),
        content: Some(regex::Regex::new("error").unwrap()),
        ..FileOptions::default()
    })
    .await;
    assert_eq!((one.status, one.value("matches"), one.value("size")), (Status::Healthy, Some(2.0), Some(25.0)));
    assert!(one.value("age").unwrap() < 60.0);
    let all = see(FileOptions { path: at("*.log"), ..FileOptions::default() }).await;
    assert_eq!((all.value("count"), all.value("largest")), (Some(2.0), Some(100.0)), "{all:?}");
    assert!((3590.0..3700.0).contains(&all.value("oldest").unwrap()));
    let names = Some(regex::Regex::new(r"^\.?[a-z]+\.log$").unwrap());
    assert_eq!(
        see(FileOptions { path: folder.path().into(), names, ..FileOptions::default() }).await.value("count"),
        Some(3.0)
    );
    let missing = see(FileOptions { path: at("none"), ..FileOptions::default() }).await;
    assert_eq!((missing.status, missing.code.as_ref()), (Status::Critical, "missing"));
    let absent = see(FileOptions { path: at("a.log"), expected: Expected::Absent, ..FileOptions::default() }).await;
    assert_eq!((absent.status, absent.code.as_ref()), (Status::Critical, "not-absent"));
    let backup =
        see(FileOptions { path: at("none/*.sql"), expected: Expected::Present, ..FileOptions::default() }).await;
    assert_eq!(backup.status, Status::Critical);
    let tail = FileOptions {
        path: at("a.log"),
        content: Some(regex::Regex::new("error").unwrap()),
        content_limit: Some(10),
        ..FileOptions::default()
    };
    assert_eq!(see(tail).await.value("matches"), Some(1.0));
}

#[tokio::test]
async fn a_pipe_or_a_device_does_not_hang_the_check() {
    let content = Some(regex::Regex::new("x").unwrap());
    let report = see(FileOptions { path: "/dev/zero".into(), content, ..FileOptions::default() }).await;
    assert_eq!((report.status, report.value("matches")), (Status::Healthy, Some(0.0)));
}

fn plugin(script: &str) -> CommandOptions {
    CommandOptions::new("sh", ["-c", script])
}

async fn run(options: CommandOptions) -> Report {
    measure(&Command::new(options)).await.report
}

#[tokio::test]
async fn exit_codes_are_believed() {
    for (script, status, code, summary) in [
        ("echo 'OK - fine'", Status::Healthy, "ok", "OK - fine"),
        ("echo so; exit 1", Status::Warning, "warning", "so"),
        ("exit 2", Status::Critical, "critical", "exit code 2, without a word"),
        ("echo why >&2; exit 3", Status::Unknown, "unknown", "why"),
        ("echo odd; exit 77", Status::Unknown, "exit-code", "exit code 77 is none of 0 to 3: odd"),
        ("kill -9 $$", Status::Unknown, "signal", "ended by signal 9 (SIGKILL)"),
    ] {
        let report = run(plugin(script)).await;
        assert_eq!((report.status, report.code.as_ref(), report.summary.as_ref()), (status, code, summary), "{script}");
    }
    assert!(run(plugin("no-such-program-here")).await.hint.is_some());
}

#[tokio::test]
async fn performance_data_and_long_output_are_taken() {
    let report = run(plugin("printf 'OK | a=1s;2;3\\nmore\\nand more | b=5%%\\nc=7\\n'; echo hm >&2")).await;
    assert_eq!((report.value("a"), report.value("b"), report.value("c")), (Some(1.0), Some(5.0), Some(7.0)));
    assert!(report.value("duration").is_some());
    let data = report.data.unwrap();
    assert_eq!((data["output"].as_str(), data["stderr"].as_str()), (Some("more\nand more"), Some("hm")));
}

#[tokio::test]
async fn what_cannot_run_is_unknown_with_a_hint() {
    let missing = run(CommandOptions::new("no-such-plugin", [] as [&str; 0])).await;
    assert_eq!((missing.status, missing.code.as_ref()), (Status::Unknown, "not-found"));
    assert!(missing.hint.is_some());
    let denied = run(CommandOptions::new("/etc/passwd", [] as [&str; 0])).await;
    assert_eq!((denied.status, denied.code.as_ref()), (Status::Unknown, "not-executable"), "{denied:?}");
    let nowhere = CommandOptions { folder: Some("/no/such/folder".into()), ..plugin("true") };
    assert!(run(nowhere).await.summary.contains("/no/such/folder"));
}

#[tokio::test]
async fn a_command_that_hangs_is_killed_with_its_tree_and_told() {
    let mut options = plugin("echo begun; (setsid sleep 1000 >/dev/null 2>&1 &); sleep 1001 & sleep 1002");
    options.environment.insert("LEFT".to_owned(), "hang".into());
    options.timeout = Some(Duration::from_millis(300));
    let report = run(options.clone()).await;
    assert_eq!((report.status, report.code.as_ref()), (Status::Critical, "timed-out"));
    assert!(report.summary.ends_with("it had printed: begun"), "{}", report.summary);
    assert!(!is_left("LEFT=hang"));
    let cx = context_for(Duration::from_secs(3)).time_limit(Duration::from_secs(3), Status::Warning);
    let report = Command::new(options.clone()).measure(&cx).await.unwrap().report;
    assert_eq!(report.status, Status::Warning);
    // Without a time-out of its own it ends before the run does, so that the report arrives.
    let cx = context_for(Duration::from_secs(3));
    let report = Command::new(CommandOptions { timeout: None, ..options }).measure(&cx).await.unwrap().report;
    assert_eq!(report.code, "timed-out");
    assert!(cx.remaining() > Duration::ZERO);
    assert!(!is_left("LEFT=hang"));
}

#[tokio::test]
async fn a_dropped_run_leaves_nothing() {
    let mut options = plugin("(setsid sleep 1000 >/dev/null 2>&1 &); sleep 1001 & sleep 1002");
    options.environment.insert("LEFT".to_owned(), "dropped".into());
    let check = Command::new(options);
    let cx = context_for(Duration::from_secs(10));
    assert!(tokio::time::timeout(Duration::from_millis(300), check.measure(&cx)).await.is_err());
    for _ in 0..300 {
        if !is_left("LEFT=dropped") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("something is left");
}

#[tokio::test]
async fn a_flood_is_bounded_and_the_others_go_on() {
    let options = CommandOptions { timeout: Some(Duration::from_millis(500)), ..CommandOptions::new("yes", ["flood"]) };
    let check = Command::new(options);
    let cx = context_for(Duration::from_secs(10));
    let mut worst = Duration::ZERO;
    let ticks = async {
        loop {
            let started = tokio::time::Instant::now();
            tokio::time::sleep(Duration::from_millis(5)).await;
            worst = worst.max(started.elapsed());
        }
    };
    let report = tokio::select! {
        measured = check.measure(&cx) => measured.unwrap().report,
        () = ticks => unreachable!("it never ends"),
    };
    assert_eq!(report.code, "timed-out");
    assert_eq!(report.summary.lines().count(), 1);
    assert!(worst < Duration::from_millis(100), "a neighbour on the same thread was {worst:?} late");
}

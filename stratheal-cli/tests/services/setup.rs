//! A folder of services with everything that runs for it, which is gone when the test is.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use stratheal_core::base::redact::Secret;
use stratheal_core::model::ServiceId;
use stratheal_core::service::logs;
use stratheal_core::service::{
    KeeperProgram, ServiceEvent, ServiceSpec, ServiceState, Services, ServicesHandle, Shutdown, What,
};
use stratheal_core::testing::skipped;
use tokio::sync::broadcast::Receiver;
use tokio::time::{Instant, sleep, timeout};

/// No step of a test takes longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// By which everything of a test is found.
const VARIABLE: &str = "STRATHEAL_TEST_WORLD";

pub(crate) struct World {
    folder: tempfile::TempDir,
}

pub(crate) fn id(text: &str) -> ServiceId {
    ServiceId::new(text).unwrap()
}

pub(crate) fn program() -> KeeperProgram {
    KeeperProgram { program: env!("CARGO_BIN_EXE_stratheal").into(), arguments: Vec::new() }
}

/// Whether a process is there and has not ended.
pub(crate) fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !matches!(stat.rsplit_once(") ").map(|(_, rest)| &rest[..1]), Some("Z" | "X") | None))
}

pub(crate) fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn eventually<'a>(what: &'a str, mut so: impl FnMut() -> bool + 'a) -> impl Future<Output = ()> + 'a {
    let place = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        while !so() {
            assert!(begun.elapsed() < LIMIT, "{place}: never {what}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Waits for an event that fits.
pub(crate) async fn event(events: &mut Receiver<ServiceEvent>, wanted: impl Fn(&What) -> bool) -> ServiceEvent {
    let found = timeout(LIMIT, async {
        loop {
            let event = events.recv().await.unwrap();
            if wanted(&event.what) {
                return event;
            }
        }
    });
    found.await.expect("the event never came")
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn services_folder(&self) -> PathBuf {
        self.path("services")
    }

    pub(crate) fn engine(&self) -> ServicesHandle {
        Services::new(&self.services_folder(), program()).start().unwrap()
    }

    /// A child that says to which test it belongs.
    pub(crate) fn spec(&self, name: &str, words: &[&str]) -> ServiceSpec {
        let mut spec = ServiceSpec::child(id(name), words.iter().copied());
        spec.variables = vec![(VARIABLE.to_owned(), Secret::new(self.mark()))];
        spec.folder = Some(self.folder.path().to_owned());
        spec
    }

    pub(crate) fn shell(&self, name: &str, script: &str) -> ServiceSpec {
        self.spec(name, &["sh", "-c", script])
    }

    pub(crate) fn python(&self, name: &str, script: &str) -> ServiceSpec {
        let mut spec = self.spec(name, &["python3", "-u", "-c", script]);
        spec.inherit = vec!["PYENV_ROOT".to_owned(), "PYENV_VERSION".to_owned()];
        spec
    }

    fn mark(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// This test's own program in a role: see `roles.rs`.
    pub(crate) fn role(&self, name: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([&format!("roles::{name}"), "--exact", "--ignored", "--nocapture"])
            .env("STRATHEAL_TEST_FOLDER", self.folder.path())
            .env(VARIABLE, self.mark())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    pub(crate) fn start_role(&self, name: &str) -> Child {
        self.role(name).spawn().unwrap()
    }

    pub(crate) fn keeper(&self) -> u32 {
        fs::read_to_string(self.services_folder().join("keeper.lock")).unwrap().trim().parse().unwrap()
    }

    pub(crate) fn log(&self, service: &str) -> Vec<String> {
        let lines = logs::tail(&self.services_folder(), &id(service), 100_000).unwrap();
        lines.into_iter().filter(|line| line.origin != logs::Origin::Log).map(|line| line.text).collect()
    }

    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        fs::read_to_string(self.path(name)).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Everything that runs for this test, the keeper included.
    pub(crate) fn running(&self) -> Vec<u32> {
        let mark = self.mark();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let reads = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
            let has = |bytes: &[u8]| bytes.windows(mark.len()).any(|window| window == mark.as_bytes());
            if pid != std::process::id() && is_alive(pid) && (has(&reads("environ")) || has(&reads("cmdline"))) {
                found.push(pid);
            }
        }
        found
    }

    /// Stops everything, and sees to it that nothing is left.
    pub(crate) async fn end(self, engine: ServicesHandle) {
        timeout(LIMIT, engine.shutdown(Shutdown::StopServices)).await.expect("the engine does not stop");
        eventually("nothing is left running", || self.running().is_empty()).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for pid in self.running() {
            if std::thread::panicking() {
                let log = fs::read_to_string(self.services_folder().join("keeper.log")).unwrap_or_default();
                eprintln!("left running: {pid}; the keeper said: {log}");
            }
            if let Some(pid) = Pid::from_raw(i32::try_from(pid).unwrap()) {
                // It may have ended meanwhile.
                kill_process(pid, Signal::KILL).unwrap_or_default();
            }
        }
    }
}

pub(crate) trait Look {
    fn state(&self, name: &str) -> ServiceState;
    fn pid(&self, name: &str) -> u32;
    fn is_ready(&self, name: &str) -> bool;
}

impl Look for ServicesHandle {
    fn state(&self, name: &str) -> ServiceState {
        self.view(name).unwrap().state.clone()
    }

    fn pid(&self, name: &str) -> u32 {
        self.view(name).unwrap().pid.unwrap()
    }

    fn is_ready(&self, name: &str) -> bool {
        self.state(name) == ServiceState::Ready
    }
}

pub(crate) fn contains(path: &Path, text: &str) -> bool {
    fs::read(path).unwrap_or_default().windows(text.len()).any(|window| window == text.as_bytes())
}

/// A small file system in a folder, which is there until this is dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    pub(crate) fn mount(folder: PathBuf) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let options = ["-t", "tmpfs", "-o", "size=256k,mode=0700", "none"];
        let mounted = Command::new("mount").args(options).arg(&folder).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        skipped("services on a full disk", "mounting a small file system needs root");
        None
    }

    /// Takes all the room there is, also what was reserved for the children file.
    pub(crate) fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filled")).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").args(["-l"]).arg(&self.0).status());
    }
}

//! A folder with a configuration, the binary run in it, and a small web server to be watched.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// What a finished run of the binary said.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A folder of its own.
pub(crate) struct Playground {
    folder: TempDir,
}

impl Playground {
    pub(crate) fn empty() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn new(configuration: &str) -> Self {
        let play = Self::empty();
        play.write(configuration);
        play
    }

    pub(crate) fn write(&self, configuration: &str) {
        std::fs::write(self.path("stratheal.toml"), configuration).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stratheal"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STRATHEAL_") {
                command.env_remove(name);
            }
        }
        command.env("XDG_RUNTIME_DIR", self.folder.path()).env("XDG_CACHE_HOME", self.folder.path());
        command.env_remove("NOTIFY_SOCKET").env_remove("STATE_DIRECTORY").env_remove("RUNTIME_DIRECTORY");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    pub(crate) fn up(&self) -> Monitor {
        self.up_with(&[])
    }

    pub(crate) fn up_with(&self, arguments: &[&str]) -> Monitor {
        let socket = self.path("notify");
        let _ = std::fs::remove_file(&socket);
        let notifications = UnixDatagram::bind(&socket).unwrap();
        notifications.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let log = self.path("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let mut command = self.command(&["up", "--listen", &listen]);
        command.args(arguments).env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "3000000");
        command.stdout(file.try_clone().unwrap()).stderr(file);
        Monitor { child: Some(command.spawn().unwrap()), notifications, log, port }
    }
}

/// A running `stratheal up`; killed when dropped.
pub(crate) struct Monitor {
    child: Option<Child>,
    notifications: UnixDatagram,
    log: PathBuf,
    port: u16,
}

impl Monitor {
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), signal).unwrap();
    }

    /// Whether the service manager is told this within 20 seconds.
    pub(crate) fn notified(&self, state: &str) -> bool {
        let mut buffer = [0; 1024];
        while let Ok(length) = self.notifications.recv(&mut buffer) {
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == state) {
                return true;
            }
        }
        false
    }

    /// The answer to a request, head and body.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends a signal and waits; the exit code and everything that was printed.
    pub(crate) fn end(mut self, signal: Signal) -> (Option<i32>, String) {
        self.signal(signal);
        let mut child = self.child.take().unwrap();
        let limit = Instant::now() + Duration::from_secs(15);
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < limit, "it does not end: {}", self.log());
            pause(Duration::from_millis(20));
        };
        (status.code(), self.log())
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A web server that answers everything with `ok`.
pub(crate) struct Server {
    pub(crate) port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_at(0)
    }

    pub(crate) fn start_at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        let thread = std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            }
        });
        Self { port, over, thread: Some(thread) }
    }

    /// Stops answering; the port is closed when this returns.
    pub(crate) fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.halt();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until something holds, 30 seconds at most.
pub(crate) fn until(mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < limit, "it did not come about within 30 seconds");
        pause(Duration::from_millis(50));
    }
}

pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

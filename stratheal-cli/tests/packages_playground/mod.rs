//! A folder of its own with a cache, the binary run in it, and an index server.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use stratheal_core::testing::faulty_index::{Content, FaultyIndex, Rule};
use stratheal_core::testing::skipped;
use stratheal_core::testing::tools::{self, Tool};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What a finished run of the binary said.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A folder of its own.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stratheal"));
        command.args(arguments);
        self.prepared(command)
    }

    fn prepared(&self, mut command: Command) -> Command {
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        tools::clean(&mut command, self.folder.path());
        for name in ["CI", "GITHUB_ACTIONS", "BUILD_ID", "BUILD_BUILDID", "CACHE_DIRECTORY", "STATE_DIRECTORY"] {
            command.env_remove(name);
        }
        command.env("STRATHEAL_CACHE_DIR", self.path("packages"));
        command
    }

    /// Runs where no file can grow beyond 64 KiB (32 in some shells), which is what a full disk looks like to whoever writes.
    pub(crate) fn run_without_room(&self, arguments: &[&str]) -> Done {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_stratheal")]);
        command.args(arguments);
        done(self.prepared(command))
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(&[], arguments)
    }

    pub(crate) fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Done {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        done(command)
    }

    /// Runs another program as the binary is run.
    pub(crate) fn run_this(&self, command: Command, variables: &[(&str, &str)]) -> Done {
        let mut command = self.prepared(command);
        command.envs(variables.iter().copied());
        done(command)
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(&[], arguments)
    }

    pub(crate) fn start_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        let mut child =
            command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Running { child, out, said: String::new() }
    }
}

fn done(mut command: Command) -> Done {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Done { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

/// A run of the binary that goes on; killed when dropped.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    said: String,
}

impl Running {
    /// Whether it prints a line with these words before it ends; the line.
    pub(crate) fn line_with(&mut self, words: &str) -> Option<String> {
        let mut line = String::new();
        while self.out.read_line(&mut line).unwrap() > 0 {
            self.said.push_str(&line);
            if line.contains(words) {
                return Some(line);
            }
            line.clear();
        }
        None
    }

    pub(crate) fn says(&mut self, words: &str) -> bool {
        self.line_with(words).is_some()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn end(mut self) -> Done {
        let mut err = String::new();
        self.out.read_to_string(&mut self.said).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Done { code, out: std::mem::take(&mut self.said), err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An index server on threads of its own.
pub(crate) struct Server {
    runtime: Runtime,
    index: FaultyIndex,
}

impl Server {
    pub(crate) fn start(content: Content, rules: Vec<Rule>) -> Self {
        let runtime = Runtime::new().unwrap();
        let index = runtime.block_on(FaultyIndex::start(content, rules)).unwrap();
        Self { runtime, index }
    }

    pub(crate) fn url(&self) -> String {
        self.index.url()
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.index.stop());
    }
}

/// pip in an environment of its own.
pub(crate) fn pip() -> Option<String> {
    program(tools::PIP, "pip")
}

/// uv in an environment of its own.
pub(crate) fn uv() -> Option<String> {
    program(tools::UV, "uv")
}

/// virtualenv in an environment of its own.
pub(crate) fn virtualenv() -> Option<String> {
    program(tools::VIRTUALENV, "virtualenv")
}

fn program(requirements: &[&str], name: &str) -> Option<String> {
    match Tool::new(requirements) {
        Ok(tool) => Some(tool.program(name).to_str().unwrap().to_owned()),
        Err(reason) => {
            skipped(&format!("packages: {name}"), &reason);
            None
        }
    }
}

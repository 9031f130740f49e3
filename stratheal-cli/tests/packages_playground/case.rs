//! A place for environments, an index, and real engines.

use std::path::Path;
use std::process::Command;

use stratheal_core::testing::faulty_index::{Content, Rule};
use stratheal_core::testing::skipped;

use crate::packages_playground::{Done, Place, Server, uv};

/// A place, an index, and the variables that bring uv into PATH.
pub(crate) struct Case {
    pub(crate) place: Place,
    pub(crate) server: Server,
    pub(crate) path: String,
}

impl Case {
    pub(crate) fn new(content: Content, rules: Vec<Rule>) -> Option<Self> {
        let uv = uv()?;
        let folder = Path::new(&uv).parent().unwrap().to_owned();
        let own = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{own}", folder.display());
        if Command::new("python3").arg("--version").output().is_err() {
            skipped("environments", "there is no python3 in PATH");
            return None;
        }
        Some(Self { place: Place::new(), server: Server::start(content, rules), path })
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        let url = self.server.url();
        self.place.run_with(&[("PATH", &self.path)], &[&["--index", &url], arguments].concat())
    }

    pub(crate) fn python(&self, environment: &str, code: &str) -> String {
        let program = self.place.path(environment).join("bin/python");
        let output = Command::new(program).args(["-I", "-c", code]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn versions(&self, environment: &str) -> String {
        let code = "import importlib.metadata as m; print(sorted(d.name + ' ' + d.version for d in m.distributions()))";
        self.python(environment, code)
    }
}

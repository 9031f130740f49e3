//! Environments that break under a service, each in a way that people's environments break, and what brings them back.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "no runtime here, and real time is what is tested")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

#[path = "packages_playground/case.rs"]
mod case;
mod packages_playground;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use case::Case;
use packages_playground::Running;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use stratheal_core::testing::faulty_index::{Content, Package};

/// A web server that needs its packages.
const SERVER: &str = r#"
import http.server, os, sys
import alpha.core, beta.core
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

fn content() -> Content {
    Content::new([
        Package::new("alpha", "1.0").payload(20_000).files(20).file("alpha/core.py", "value = 1\n"),
        Package::new("beta", "1.0").file("beta/core.py", "value = 1\n"),
        Package::new("beta", "2.0").file("beta/core.py", "raise RuntimeError('beta 2.0 does not work here')\n"),
    ])
}

struct Story {
    case: Case,
    monitor: Option<Running>,
}

impl Story {
    /// A monitor with a service that runs in an environment of its own, and works.
    fn new(ladder: &str) -> Option<Self> {
        Self::with_pauses(ladder, "50ms", "500ms")
    }

    fn with_pauses(ladder: &str, first: &str, longest: &str) -> Option<Self> {
        let case = Case::new(content(), Vec::new())?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        fs::write(case.place.path("server.py"), SERVER).unwrap();
        fs::write(case.place.path("requirements.txt"), "alpha\nbeta<2\n").unwrap();
        let configuration = format!(
            r#"
[project]
environment = ".venv"
requirements = ["requirements.txt"]
[endpoints]
enabled = false
[snapshots]
good_after = "0s"
[checks.web]
http = "http://127.0.0.1:{port}/"
interval = "500ms"
timeout = "250ms"
[services.web]
run = ["python", "server.py", "{port}"]
check = "web"
stop_timeout = "2s"
[heal.web]
ladder = {ladder}
tries = 1
probation = "500ms"
first_pause = "{first}"
longest_pause = "{longest}"
"#
        );
        fs::write(case.place.path("stratheal.toml"), configuration).unwrap();
        let done = case.run(&["install"]);
        assert_eq!(done.code, 0, "{done:?}");
        let done = case.run(&["snapshot", "create", "--label", "works"]);
        assert_eq!(done.code, 0, "{done:?}");
        let url = case.server.url();
        let monitor = case.place.start_with(&[("PATH", &case.path)], &["--index", &url, "up"]);
        let story = Self { case, monitor: Some(monitor) };
        story.until("the service runs", || story.pid().is_some());
        let done = story.case.run(&["snapshot", "good", "works"]);
        assert_eq!(done.code, 0, "{done:?}");
        Some(story)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let done = self.case.run(&[arguments, &["--format", "json"]].concat());
        // Nobody answers yet, or nothing is on record.
        serde_json::from_str(&done.out).unwrap_or_default()
    }

    /// The process of the service that is ready.
    fn pid(&self) -> Option<i32> {
        let service = &self.json(&["service", "status"])[0];
        (service["state"] == "ready").then(|| service["pid"].as_i64().unwrap() as i32)
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        for _ in 0..600 {
            if holds() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let (shown, logs) = (self.case.run(&["incidents", "show"]), self.case.run(&["logs"]));
        panic!("not within a minute: {what}\n{}{}\n{}", shown.out, shown.err, logs.out);
    }

    fn site(&self) -> PathBuf {
        let lib = fs::read_dir(self.case.place.path(".venv/lib")).unwrap().next().unwrap().unwrap().path();
        lib.join("site-packages")
    }

    fn kill(&self) {
        kill_process(Pid::from_raw(self.pid().unwrap()).unwrap(), Signal::KILL).unwrap();
    }

    /// Kills the service, and says which remedy it needed to come back.
    fn healed_by(&self) -> String {
        self.kill();
        let over = || self.json(&["incidents", "list"])[0]["state"] == "resolved";
        self.until("it is healed", over);
        self.until("it runs", || self.pid().is_some());
        let incident = self.json(&["incidents", "show"]);
        incident["resolution"]["remedy"].as_str().unwrap_or_else(|| panic!("{incident:#}")).to_owned()
    }

    /// Ends the monitor as Ctrl-C does.
    fn end(mut self) {
        let monitor = self.monitor.take().unwrap();
        monitor.signal(Signal::INT);
        let done = monitor.end();
        assert_eq!(done.code, 0, "{done:?}");
        assert_eq!(self.case.run(&["audit", "verify"]).code, 0);
    }
}

const ALL: &str = r#"["restart-service", "repair-environment", "rollback-environment", "rebuild-environment"]"#;

#[test]
fn a_damaged_file_of_a_package_is_put_back_and_the_service_restarted() {
    let Some(story) = Story::new(ALL) else { return };
    let file = story.site().join("alpha/core.py");
    let before = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    fs::write(&file, "value = 1 +\n").unwrap();
    assert_eq!(story.healed_by(), "repair-environment/web");
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(story.case.run(&["verify"]).code, 0);
    story.end();
}

#[test]
fn a_package_that_was_deleted_is_there_again() {
    let Some(story) = Story::new(ALL) else { return };
    fs::remove_dir_all(story.site().join("beta")).unwrap();
    assert_eq!(story.healed_by(), "repair-environment/web");
    assert_eq!(story.case.run(&["verify"]).code, 0);
    story.end();
}

#[test]
fn an_upgrade_that_does_not_work_goes_back_to_what_was_good() {
    let Some(story) = Story::new(ALL) else { return };
    let done = story.case.run(&["install", "beta==2.0"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(story.healed_by(), "rollback-environment/web");
    let incident = story.case.run(&["incidents", "show"]);
    let said = |words: &str| incident.out.contains(words);
    assert!(said("which is known to be good") && said("beta 1.0 -> 2.0"), "{}", incident.out);
    assert!(said("stratheal.toml was changed"), "{}", incident.out);
    assert!(story.case.versions(".venv").contains("beta 1.0"));
    story.end();
}

/// Each name of the interpreter leads nowhere.
fn kill_interpreter(story: &Story) {
    for entry in fs::read_dir(story.case.place.path(".venv/bin")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("python") {
            fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink("/nowhere/python3", &path).unwrap();
        }
    }
}

#[test]
fn an_environment_that_was_made_anew_for_nothing_is_as_broken_again_as_it_was() {
    let Some(story) = Story::new(r#"["restart-service", "rebuild-environment"]"#) else { return };
    kill_interpreter(&story);
    fs::write(story.case.place.path("server.py"), "raise SystemExit('the server itself is broken')\n").unwrap();
    story.kill();
    let given_up = || story.json(&["incidents", "list"])[0]["state"] == "given-up";
    story.until("it is given up", given_up);
    let link = fs::read_link(story.case.place.path(".venv/bin/python")).unwrap();
    assert_eq!(link, Path::new("/nowhere/python3"));
    let audit = story.case.run(&["audit", "show"]);
    assert!(audit.out.contains("it was taken back"), "{}", audit.out);
    story.end();
}

#[test]
fn an_environment_whose_interpreter_is_gone_is_made_anew() {
    let Some(story) = Story::new(r#"["restart-service", "rebuild-environment"]"#) else { return };
    kill_interpreter(&story);
    assert_eq!(story.healed_by(), "rebuild-environment/web");
    let incident = story.case.run(&["incidents", "show"]);
    assert!(incident.out.contains("bin/python is a link to /nowhere/python3, which is not there"), "{}", incident.out);
    assert!(story.case.versions(".venv").contains("alpha 1.0"));
    story.end();
}

#[test]
fn versions_that_do_not_fit_are_chosen_anew_from_what_is_wanted() {
    let Some(story) = Story::new(r#"["restart-service", "repair-environment", "rebuild-environment"]"#) else { return };
    // Whole, and wrong: every file is as it was installed.
    let done = story.case.run(&["install", "beta==2.0"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(story.healed_by(), "rebuild-environment/web");
    assert!(story.case.versions(".venv").contains("beta 1.0"));
    let incident = story.case.run(&["incidents", "show"]);
    assert!(incident.out.contains("repair-environment/web does not apply"), "{}", incident.out);
    story.end();
}

#[test]
fn what_a_person_has_repaired_is_tried_again_at_once() {
    let Some(story) = Story::with_pauses(r#"["restart-service"]"#, "1h", "1h") else { return };
    fs::remove_dir_all(story.site().join("beta")).unwrap();
    story.kill();
    let given_up = || story.json(&["incidents", "list"])[0]["state"] == "given-up";
    story.until("it is given up", given_up);
    let done = story.case.run(&["repair"]);
    assert_eq!(done.code, 0, "{done:?}");
    story.until("it runs, an hour before its time", || story.pid().is_some());
    story.end();
}

#[test]
fn a_repair_that_does_not_help_is_taken_back_byte_by_byte() {
    let Some(story) = Story::new(r#"["restart-service", "repair-environment"]"#) else { return };
    // Somebody's edit is damage, and not what is wrong.
    let edited = story.site().join("alpha/core.py");
    fs::remove_file(&edited).unwrap();
    fs::write(&edited, "value = 2  # mine\n").unwrap();
    fs::write(story.case.place.path("server.py"), "raise SystemExit('the server itself is broken')\n").unwrap();
    story.kill();
    let given_up = || story.json(&["incidents", "list"])[0]["state"] == "given-up";
    story.until("it is given up", given_up);
    assert_eq!(fs::read_to_string(&edited).unwrap(), "value = 2  # mine\n");
    let audit = story.case.run(&["audit", "show"]);
    assert!(audit.out.contains("it was taken back"), "{}", audit.out);
    assert!(!audit.out.contains("NOT be taken back"), "{}", audit.out);
    story.end();
}

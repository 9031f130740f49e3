//! The tool as a person or a service manager uses it: the real binary, real signals, real sockets.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "no runtime here, and real time is what is tested")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

mod healing;
mod playground;

use std::time::{Duration, Instant};

use playground::{Playground, Server, pause, until};
use rustix::process::Signal;

const SECOND: Duration = Duration::from_secs(1);

fn web(port: u16) -> String {
    format!("[checks.web]\nhttp = \"http://127.0.0.1:{port}/\"\ninterval = \"500ms\"\ntags = [\"net\"]\n")
}

#[test]
fn check_exits_with_the_worst_status() {
    let server = Server::start();
    let play = Playground::new(&web(server.port));
    let done = play.run(&["check"]);
    assert_eq!((done.code, done.out.contains("healthy   web")), (0, true), "{done:?}");

    play.write(&format!("{}crit_if = [\"latency >= 0s\"]\n", web(server.port)));
    assert_eq!(play.run(&["check"]).code, 2);
    play.write(&format!("{}warn_if = [\"latency >= 0s\"]\n", web(server.port)));
    assert_eq!(play.run(&["check"]).code, 1);
    play.write("[checks.odd]\ncommand = [\"sh\", \"-c\", \"exit 77\"]\n");
    let done = play.run(&["check"]);
    assert_eq!(done.code, 3, "{done:?}");
}

#[test]
fn every_format_is_what_it_says() {
    let server = Server::start();
    let play = Playground::new(&web(server.port));
    let json: serde_json::Value = serde_json::from_str(&play.run(&["check", "--format", "json"]).out).unwrap();
    assert_eq!(json["checks"][0]["last"]["report"]["status"], "healthy");
    let health: serde_json::Value = serde_json::from_str(&play.run(&["check", "-f", "health+json"]).out).unwrap();
    assert_eq!(health["status"], "pass");
    for (format, begin) in [("nagios", "STRATHEAL OK - "), ("junit", "<?xml"), ("openmetrics", "# HELP")] {
        let done = play.run(&["check", "-f", format]);
        assert!(done.code == 0 && done.out.starts_with(begin), "{done:?}");
    }
}

#[test]
fn misuse_answers_three_and_says_what_to_do() {
    let play = Playground::new("[checks.api]\ntcp = \"127.0.0.1:1\"\ntags = [\"net\"]\n");
    for (arguments, words) in [
        (&["check", "--fromat", "json"][..], "--format"),
        (&["check", "appi"], "did you mean `api`?"),
        (&["check", "--tag", "nett"], "did you mean `net`?"),
        (&["check", "--config", "missing.toml"], "missing.toml"),
        (&["check", "--env", "production"], "the file has no [environments]"),
        (&["status"], "no monitor is running"),
        (&["wait", "--timeout", "soon"], "not a duration"),
        (&["nonsense"], "unrecognized subcommand"),
    ] {
        let done = play.run(arguments);
        assert_eq!(done.code, 3, "{arguments:?}: {done:?}");
        assert!(done.err.contains(words), "{arguments:?}: {done:?}");
    }
    play.write("[checks.a]\ntcp = \"h:1\"\nintervall = \"1s\"\ntimeout = 5\n");
    let done = play.run(&["config", "check"]);
    assert_eq!(done.code, 3);
    let lines: Vec<_> = done.err.lines().collect();
    assert!(
        lines[0].ends_with("stratheal.toml:3:1: checks.a.intervall: unknown key: did you mean `interval`?"),
        "{lines:?}"
    );
    assert!(lines[1].contains("stratheal.toml:4:11: checks.a.timeout: has no unit"), "{lines:?}");
}

#[test]
fn without_a_configuration_the_host_is_checked() {
    let play = Playground::empty();
    let done = play.run(&["check", "memory", "disk", "--format", "json"]);
    assert!(done.err.contains("checking this host"), "{done:?}");
    let json: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(json["checks"].as_array().map(Vec::len), Some(2));
}

#[test]
fn init_writes_what_check_can_read() {
    let server = Server::start();
    let play = Playground::empty();
    std::fs::write(play.path("requirements.txt"), "").unwrap();
    let done = play.run(&["init"]);
    assert_eq!(done.code, 0, "{done:?}");
    let text = std::fs::read_to_string(play.path("stratheal.toml")).unwrap();
    assert!(text.contains(&format!("http = \"http://127.0.0.1:{}/healthz\"", server.port)), "{text}");
    assert!(text.contains("requirements = [\"requirements.txt\"]"), "{text}");
    assert_eq!(play.run(&["config", "check"]).code, 0);
    let again = play.run(&["init"]);
    assert!(again.code == 3 && again.err.contains("--force"), "{again:?}");
    assert!(play.run(&["config", "schema"]).out.contains("\"$schema\""));
    assert!(play.run(&["completions", "bash"]).out.contains("stratheal"));
}

#[test]
fn wait_returns_when_it_is_healthy_or_at_the_deadline() {
    let server = Server::start();
    let port = server.port;
    server.stop();
    let play = Playground::new(&web(port));
    let began = Instant::now();
    let done = play.run(&["wait", "--timeout", "1s"]);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(began.elapsed() < SECOND * 3);
    let later = std::thread::spawn(move || {
        pause(SECOND);
        Server::start_at(port)
    });
    let done = play.run(&["wait", "--timeout", "20s"]);
    assert_eq!(done.code, 0, "{done:?}");
    drop(later.join());
}

#[test]
fn up_answers_reloads_and_ends_cleanly() {
    let server = Server::start();
    let play = Playground::new(&web(server.port));
    let monitor = play.up();
    assert!(monitor.notified("READY=1"), "{}", monitor.log());

    until(|| play.run(&["status"]).code == 0);
    let why = play.run(&["explain", "web"]);
    assert!(why.code == 0 && why.out.contains("gate          confirmed healthy"), "{why:?}");
    assert_eq!(play.run(&["explain", "wbe"]).err.trim(), "stratheal: there is no check `wbe`: did you mean `web`?");
    assert!(monitor.get("/readyz").starts_with("HTTP/1.1 200"));
    assert!(monitor.get("/metrics").contains("stratheal_check_status{check=\"web\"} 0"));
    let report = play.run(&["report", "--since", "1h", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&report.out).unwrap();
    assert_eq!(report["checks"][1]["id"], "web");

    // A faulty configuration changes nothing and says so; a sound one is taken.
    play.write("[checks.web]\nhttp = 5\n");
    let refused = play.run(&["config", "reload"]);
    assert!(refused.code == 3 && refused.err.contains("checks.web.http"), "{refused:?}");
    monitor.signal(Signal::HUP);
    until(|| monitor.log().contains("the old one goes on"));
    assert_eq!(play.run(&["status", "web"]).code, 0);
    play.write(&format!("{}[checks.more]\ntcp = \"127.0.0.1:{}\"\n", web(server.port), server.port));
    let taken = play.run(&["config", "reload"]);
    assert_eq!(taken.out.trim(), "1 added, 0 changed, 0 removed, 1 unchanged", "{taken:?}");
    until(|| play.run(&["status", "more"]).code == 0);

    // The service dies, and comes back.
    let port = server.port;
    server.stop();
    until(|| play.run(&["status", "web"]).code == 2);
    assert!(monitor.get("/readyz").starts_with("HTTP/1.1 503"));
    let server = Server::start_at(port);
    until(|| play.run(&["status", "web"]).code == 0);
    drop(server);

    let second = play.run(&["up"]);
    assert!(second.code == 3 && second.err.contains(&format!("process {}", monitor.pid())), "{second:?}");
    let (code, log) = monitor.end(Signal::TERM);
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("critical  web") && log.ends_with("stopped\n"), "{log}");
    assert!(play.run(&["status"]).err.contains("no monitor is running"));
}

#[test]
fn a_crash_leaves_nothing_that_hinders_the_next_start() {
    let server = Server::start();
    let play = Playground::new(&web(server.port));
    let monitor = play.up();
    until(|| play.run(&["status"]).code == 0);
    // What was recorded two seconds before a crash is there after it.
    pause(SECOND * 3);
    let (code, _) = monitor.end(Signal::KILL);
    assert_eq!(code, None);
    let report = play.run(&["report", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&report.out).unwrap();
    let changes = told["changes"].as_array().unwrap();
    assert!(changes.iter().any(|change| change["transition"]["id"] == "web"), "{report:?}");
    assert!(report.err.contains("no monitor is running"), "{report:?}");
    let monitor = play.up();
    until(|| play.run(&["status"]).code == 0);
    let report = play.run(&["report", "--format", "json"]);
    assert_eq!(report.code, 0, "{report:?}");
    assert_eq!(monitor.end(Signal::INT).0, Some(0));
}

#[test]
fn a_monitor_that_was_stopped_does_not_blame_its_targets() {
    let server = Server::start();
    let check = format!("{}timeout = \"300ms\"\nfail_after = 1\n", web(server.port));
    let play = Playground::new(&check);
    let monitor = play.up();
    until(|| play.run(&["status"]).code == 0);
    for _ in 0..3 {
        monitor.signal(Signal::STOP);
        pause(SECOND * 2);
        monitor.signal(Signal::CONT);
        pause(SECOND);
    }
    let explained = play.run(&["status", "stratheal.self", "--format", "json"]);
    assert!(explained.out.contains("did not run for"), "{explained:?}");
    let (_, log) = monitor.end(Signal::TERM);
    assert!(log.contains("this program did not get to run"), "{log}");
    assert!(!log.contains("critical  web"), "{log}");
}

#[test]
fn a_state_folder_that_cannot_be_written_is_reported_and_checking_goes_on() {
    let server = Server::start();
    let play = Playground::new(&web(server.port));
    std::fs::write(play.path("in-the-way"), "").unwrap();
    let monitor = play.up_with(&["--state-dir", "in-the-way/state"]);
    until(|| play.run(&["status", "web", "--state-dir", "in-the-way/state"]).code == 0);
    until(|| {
        let own = play.run(&["status", "stratheal.self", "--state-dir", "in-the-way/state"]);
        own.code == 1 && own.out.contains("history is not recorded")
    });
    let (code, log) = monitor.end(Signal::TERM);
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("nothing is recorded on disk"), "{log}");
}

#[test]
fn the_watchdog_is_fed_while_the_scheduler_moves() {
    let play = Playground::new("[checks.memory]\nmemory = {}\n");
    let monitor = play.up();
    assert!(monitor.notified("READY=1"), "{}", monitor.log());
    assert!(monitor.notified("WATCHDOG=1"), "{}", monitor.log());
    monitor.signal(Signal::TERM);
    assert!(monitor.notified("STOPPING=1"), "{}", monitor.log());
}

#[test]
fn a_command_that_takes_too_long_leaves_nothing_behind() {
    let marker = format!("{}", 100_000 + std::process::id());
    let script = format!("(setsid sleep {marker} &) ; sleep {marker}");
    let play = Playground::new(&format!("[checks.slow]\ncommand = [\"sh\", \"-c\", \"{script}\"]\ntimeout = \"1s\"\n"));
    let done = play.run(&["check"]);
    assert_eq!(done.code, 2, "{done:?}");
    until(|| {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        !processes
            .filter_map(|p| std::fs::read_to_string(p.path().join("cmdline")).ok())
            .any(|line| line.contains(&marker))
    });
}

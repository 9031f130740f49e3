//! Services that break while a monitor runs, and come back.

mod keeper_killed;
mod killed_at_every_step;
mod without_a_monitor;

use std::time::Duration;

use crate::playground::{Monitor, Playground, free_port, pause, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A web server that leaves each of its starts in a file, and hangs or cannot start when a file says so.
const SERVER: &str = r#"
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        while os.path.exists("hang"):
            time.sleep(0.05)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
with open("starts", "a") as starts:
    starts.write(f"{os.getpid()}\n")
print("token=hunter2 starting", flush=True)
if os.path.exists("broken"):
    sys.exit("the configuration of the server is broken")
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

fn playground(heal: &str) -> Playground {
    let port = free_port();
    let play = Playground::new(&format!(
        r#"
[checks.web]
http = "http://127.0.0.1:{port}/"
interval = "500ms"
timeout = "250ms"

[services.web]
run = ["python3", "server.py", "{port}"]
check = "web"
ports = [{port}]
stop_timeout = "2s"

[heal.web]
ladder = ["restart-service"]
probation = "500ms"
verify_timeout = "2s"
first_pause = "50ms"
{heal}
"#
    ));
    std::fs::write(play.path("server.py"), SERVER).unwrap();
    play
}

fn starts(play: &Playground) -> Vec<i32> {
    let text = std::fs::read_to_string(play.path("starts")).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// Not one that has ended, and that nobody has taken note of because its keeper was killed.
fn is_alive(pid: i32) -> bool {
    let root = stratheal_core::sys::SysRoot::default();
    let found = stratheal_core::sys::process::read(&root, pid.cast_unsigned()).unwrap();
    found.is_some_and(|process| !process.state.has_ended())
}

fn json(play: &Playground, arguments: &[&str]) -> Value {
    let done = play.run(&[arguments, &["--format", "json"]].concat());
    // Nobody answers yet, or nothing is on record.
    serde_json::from_str(&done.out).unwrap_or_default()
}

fn state_of(play: &Playground) -> String {
    json(play, &["service", "status"])[0]["state"].as_str().unwrap_or_default().to_owned()
}

fn until_ready(play: &Playground) {
    until(|| state_of(play) == "ready");
}

/// Waits until something holds; says what the monitor said when it does not.
#[track_caller]
fn until_seen(monitor: &Monitor, mut holds: impl FnMut() -> bool) {
    for _ in 0..300 {
        if holds() {
            return;
        }
        pause(Duration::from_millis(50));
    }
    panic!("{}", monitor.log());
}

/// Ends as Ctrl-C does, and makes sure that nothing is left.
fn end(monitor: Monitor, play: &Playground) {
    let (code, log) = monitor.end(Signal::INT);
    assert_eq!(code, Some(0), "{log}");
    let left: Vec<i32> = starts(play).into_iter().filter(|pid| is_alive(*pid)).collect();
    assert!(left.is_empty(), "{left:?} are still there");
}

#[test]
fn a_killed_service_comes_back_and_everything_is_on_record() {
    let play = playground("");
    let monitor = play.up();
    until_ready(&play);
    kill(starts(&play)[0]);
    let healed = || json(&play, &["incidents", "list"])[0]["resolution"]["by"] == "remedy";
    until_seen(&monitor, healed);
    assert_eq!(starts(&play).len(), 2);
    until_ready(&play);

    let incident = json(&play, &["incidents", "show"]);
    assert_eq!((&incident["check"], &incident["state"]), (&"service/web".into(), &"resolved".into()));
    let log = incident["evidence"]["log"].to_string();
    assert!(log.contains("starting") && log.contains("ended by signal KILL"), "{log}");
    let audit = play.run(&["audit", "show"]);
    assert!(audit.out.contains("attempt-started service/web: restart web"), "{audit:?}");
    assert!(audit.out.contains("-> healed"), "{audit:?}");
    assert_eq!(play.run(&["audit", "verify"]).code, 0);
    assert!(play.run(&["logs"]).out.contains("starting"));
    end(monitor, &play);
}

#[test]
fn a_service_that_hangs_is_restarted() {
    let play = playground("");
    let monitor = play.up();
    until_ready(&play);
    std::fs::write(play.path("hang"), "").unwrap();
    let restarted = || starts(&play).len() > 1;
    until_seen(&monitor, restarted);
    std::fs::remove_file(play.path("hang")).unwrap();
    let resolved = || json(&play, &["incidents", "list"])[0]["state"] == "resolved";
    until_seen(&monitor, resolved);
    end(monitor, &play);
}

#[test]
fn what_a_person_stops_stays_stopped_also_after_a_restart_of_the_monitor() {
    let play = playground("");
    let monitor = play.up();
    until_ready(&play);
    let done = play.run(&["service", "stop", "web"]);
    assert!(done.code == 0 && done.out.contains("stopped"), "{done:?}");
    pause(Duration::from_secs(3));
    assert_eq!((state_of(&play).as_str(), starts(&play).len()), ("stopped", 1), "{}", monitor.log());
    let log = monitor.log();
    assert!(
        !log.contains("critical"),
        "neither while it was started nor now that it is stopped anything is wrong: {log}"
    );
    end(monitor, &play);
    let monitor = play.up();
    assert!(monitor.notified("READY=1"));
    pause(Duration::from_secs(1));
    assert_eq!((state_of(&play).as_str(), starts(&play).len()), ("stopped", 1));
    assert_eq!(play.run(&["service", "start", "web"]).code, 0);
    until_ready(&play);
    let incidents = json(&play, &["incidents", "list"]);
    assert_eq!(incidents.as_array().unwrap().len(), 0, "{incidents}");
    end(monitor, &play);
}

#[test]
fn what_fails_and_is_stopped_by_a_person_is_no_incident_any_more() {
    let play = playground("approval = \"manual\"\n");
    let monitor = play.up();
    until_ready(&play);
    std::fs::write(play.path("hang"), "").unwrap();
    let state = || json(&play, &["incidents", "list"])[0]["state"].as_str().unwrap_or_default().to_owned();
    until_seen(&monitor, || state() == "given-up");
    assert_eq!(play.run(&["service", "stop", "web"]).code, 0);
    until_seen(&monitor, || state() == "resolved");
    let shown = play.run(&["incidents", "show"]);
    assert!(shown.out.contains("was stopped by a person"), "{shown:?}");
    end(monitor, &play);
}

#[test]
fn a_monitor_that_is_killed_leaves_services_running_and_the_next_one_finds_them() {
    let play = playground("");
    let monitor = play.up();
    until_ready(&play);
    let pid = starts(&play)[0];
    monitor.end(Signal::KILL);
    assert!(is_alive(pid));
    let monitor = play.up();
    until_ready(&play);
    assert_eq!(starts(&play), [pid], "nothing is started twice");
    kill(pid);
    until_seen(&monitor, || starts(&play).len() == 2);
    until_ready(&play);
    end(monitor, &play);
}

#[test]
fn a_plan_says_what_would_be_done_and_nothing_is_done_while_healing_is_paused() {
    let play = playground("");
    let monitor = play.up();
    until_ready(&play);
    let none = play.run(&["heal", "--plan"]);
    assert!(none.out.contains("nothing is broken: nothing would be done"), "{none:?}");
    assert_eq!(play.run(&["pause", "moving the database", "--for", "10m"]).code, 0);
    kill(starts(&play)[0]);
    until_seen(&monitor, || json(&play, &["incidents", "list"])[0]["state"] == "open");
    let shown = play.run(&["heal", "--plan"]);
    let said = |words: &str| shown.out.contains(words);
    assert!(said("restart-service (next), risk disruptive: restart web") && said("service web"), "{shown:?}");
    assert!(said("moving the database"), "{shown:?}");
    pause(Duration::from_secs(2));
    assert_eq!(starts(&play).len(), 1, "{}", monitor.log());
    assert_eq!(play.run(&["resume"]).code, 0);
    until_ready(&play);
    end(monitor, &play);
}

#[test]
fn a_second_monitor_of_the_same_folder_is_refused_and_touches_nothing() {
    let play = playground("");
    let monitor = play.up();
    until_ready(&play);
    let pid = starts(&play)[0];
    let second = play.run(&["up"]);
    assert!(second.code == 3 && second.err.contains("uses this state folder"), "{second:?}");
    assert_eq!(starts(&play), [pid]);
    assert!(is_alive(pid) && state_of(&play) == "ready");
    kill(pid);
    until_seen(&monitor, || starts(&play).len() == 2);
    until_ready(&play);
    end(monitor, &play);
}

/// The server dies, and a moment later those who look after it are killed: the monitor, or the monitor and the keeper, at another moment
/// of the healing in each round.
fn killed_in_the_middle(rounds: u32) {
    let play = playground("max_per_hour = 3600\nlongest_pause = \"200ms\"\n");
    std::fs::write(play.path("lock.py"), LOCK).unwrap();
    std::fs::write(play.path("server.py"), format!("import lock\n{SERVER}")).unwrap();
    let mut monitor = play.up();
    for round in 0..rounds {
        until_ready(&play);
        kill(*starts(&play).last().unwrap());
        pause(Duration::from_millis(u64::from(round * 37 % 1000)));
        if round % 3 == 0 {
            for keeper in keepers(&play) {
                kill(keeper);
            }
        }
        monitor.end(Signal::KILL);
        monitor = play.up();
    }
    until_ready(&play);
    let over = || json(&play, &["incidents", "list"])[0]["state"] == "resolved";
    until_seen(&monitor, over);
    assert!(!play.path("twice").exists(), "there were two at once\n{}", monitor.log());
    let alive: Vec<i32> = starts(&play).into_iter().filter(|pid| is_alive(*pid)).collect();
    assert_eq!(alive.len(), 1, "{alive:?}");
    assert_eq!(play.run(&["audit", "verify"]).code, 0);
    end(monitor, &play);
}

/// Leaves a note when another one holds the lock.
const LOCK: &str = r#"
import fcntl, sys
lock = open("lock", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    open("twice", "a").write("twice\n")
    sys.exit(9)
"#;

/// The processes of the keeper of this folder.
fn keepers(play: &Playground) -> Vec<i32> {
    let folder = play.path(".stratheal").to_str().unwrap().to_owned();
    let all = stratheal_core::sys::process::list(&stratheal_core::sys::SysRoot::default()).unwrap();
    let is_ours = |command: &[String]| {
        command.get(1).is_some_and(|word| word == "keeper") && command.iter().any(|word| word.starts_with(&folder))
    };
    all.iter().filter(|process| is_ours(&process.command)).map(|process| process.id.pid.cast_signed()).collect()
}

#[test]
fn monitor_and_keeper_may_be_killed_at_any_moment_of_a_healing() {
    killed_in_the_middle(10);
}

#[test]
#[ignore = "chaos: takes minutes"]
fn chaos_monitor_and_keeper_are_killed_a_hundred_times_in_the_middle_of_healing() {
    killed_in_the_middle(100);
}

#[test]
fn a_service_that_hung_while_no_monitor_ran_is_not_taken_for_one_that_starts() {
    let play = playground("");
    let monitor = play.up();
    until_ready(&play);
    let pid = starts(&play)[0];
    monitor.end(Signal::KILL);
    std::fs::write(play.path("hang"), "").unwrap();
    let monitor = play.up();
    // Its time to start is a minute; until_seen waits for 15 seconds.
    until_seen(&monitor, || starts(&play).len() > 1);
    std::fs::remove_file(play.path("hang")).unwrap();
    until_ready(&play);
    assert!(!is_alive(pid));
    end(monitor, &play);
}

#[test]
fn what_cannot_start_is_given_up_loudly_and_comes_back_when_a_person_has_mended_it() {
    let play = playground("longest_pause = \"200ms\"\n");
    std::fs::write(play.path("broken"), "").unwrap();
    let monitor = play.up();
    let given_up = || json(&play, &["incidents", "list"])[0]["state"] == "given-up";
    until_seen(&monitor, given_up);
    let incident = play.run(&["incidents", "show"]);
    assert!(incident.out.contains("the configuration of the server is broken"), "{incident:?}");
    // It is tried again from time to time, so that it is not given up at every moment.
    let why = || play.run(&["heal", "why", "service/web"]).out;
    until_seen(&monitor, || why().contains("incident 1, given-up") && why().contains("restart-service"));
    std::fs::remove_file(play.path("broken")).unwrap();
    let done = play.run(&["heal", "service/web"]);
    assert!(done.code == 0 && done.out.contains("passes"), "{done:?}");
    until_ready(&play);
    end(monitor, &play);
}

#[test]
fn a_monitor_that_is_killed_in_the_middle_of_an_attempt_goes_on_where_it_was() {
    let play = Playground::new(
        r#"
[endpoints]
enabled = false
[checks.fixed]
file = { path = "fixed" }
interval = "200ms"
fail_after = 1
recover_after = 1
[heal.fixed]
ladder = ["mend"]
probation = "300ms"
[remedies.mend]
run = ["sh", "-c", "echo begun >>begun; sleep 2; touch fixed"]
probe = ["test", "-e", "fixed"]
"#,
    );
    let monitor = play.up();
    until(|| play.path("begun").exists());
    monitor.end(Signal::KILL);
    let monitor = play.up();
    let healed = || json(&play, &["incidents", "list"])[0]["state"] == "resolved";
    until_seen(&monitor, healed);
    let incident = json(&play, &["incidents", "show"]);
    assert_eq!((&incident["number"], &incident["relapses"]), (&1.into(), &0.into()), "{incident:#}");
    let audit = play.run(&["audit", "show"]).out;
    assert!(audit.contains("attempt-recovered fixed"), "{audit}");
    assert!(!audit.contains("not configured") && !audit.contains("not there any more"), "{audit}");
    let (code, log) = monitor.end(Signal::INT);
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn what_runs_full_is_emptied_by_rules_and_a_sequence_goes_on_from_there() {
    let play = Playground::new(
        r#"
[endpoints]
enabled = false
[checks.room]
file = { path = "app/__pycache__/*.pyc" }
crit_if = ["size > 64KiB"]
interval = "200ms"
fail_after = 1
recover_after = 1
[heal.room]
ladder = ["clear-and-tell"]
probation = "300ms"
[remedies.free-disk.delete.bytecode]
folder = "app"
what = "bytecode"
[remedies.tell]
run = ["touch", "told"]
[remedies.clear-and-tell]
sequence = ["free-disk", "tell"]
"#,
    );
    std::fs::create_dir_all(play.path("app/__pycache__")).unwrap();
    std::fs::write(play.path("app/main.py"), "import web\n").unwrap();
    std::fs::write(play.path("app/__pycache__/web.cpython-312.pyc"), vec![0; 100_000]).unwrap();
    let monitor = play.up();
    let healed = || json(&play, &["incidents", "list"])[0]["resolution"]["by"] == "remedy";
    until_seen(&monitor, healed);
    assert!(!play.path("app/__pycache__").exists() && play.path("app/main.py").exists() && play.path("told").exists());
    let incident = play.run(&["incidents", "show"]);
    assert!(incident.out.contains("deleted 2 files of compiled Python"), "{incident:?}");
    let (code, log) = monitor.end(Signal::INT);
    assert_eq!(code, Some(0), "{log}");
}

//! `heal` and `remedy` where no monitor runs, and what they tell where one does.

use rustix::process::Signal;

use super::{end, is_alive, json, kill, playground, starts, until_ready};
use crate::playground::{Playground, until};

/// A check of a file, and a remedy that makes it.
fn mended_by(remedy: &str) -> Playground {
    Playground::new(&format!(
        r#"
[checks.fixed]
file = {{ path = "fixed" }}
interval = "1m"
[heal.fixed]
ladder = ["mend"]
probation = "300ms"
verify_timeout = "1s"
[remedies.mend]
run = ["sh", "-c", "echo begun >>begun; {remedy}"]
"#
    ))
}

#[test]
fn heal_runs_the_checks_itself_and_tells_what_it_does() {
    let play = mended_by("touch fixed");
    let shown = play.run(&["heal", "--plan"]);
    assert!(shown.code == 0 && shown.out.contains("mend (next)"), "{shown:?}");
    assert!(shown.err.contains("no monitor is running"), "{shown:?}");
    assert!(!play.path("begun").exists() && !play.path(".stratheal/incidents").exists(), "it only looks");
    let done = play.run(&["heal"]);
    assert_eq!(done.code, 0, "{done:?}");
    for told in ["fixed: incident 1: ", "fixed: healing ", "fixed: probation ", "fixed: resolved "] {
        assert!(done.out.contains(told), "{told}: {done:?}");
    }
    assert!(play.path("fixed").exists());
    assert_eq!(json(&play, &["incidents", "show"])["resolution"]["remedy"], "mend");
    let audit = play.run(&["audit", "show"]);
    assert!(audit.out.contains("attempt-ended fixed") && play.run(&["audit", "verify"]).code == 0, "{audit:?}");
    let again = play.run(&["heal"]);
    assert!(again.code == 0 && again.out.contains("nothing is broken"), "{again:?}");
    let well = play.run(&["heal", "fixed"]);
    assert!(well.code == 0 && well.out.contains("nothing is broken"), "{well:?}");
    assert_eq!(std::fs::read_to_string(play.path("begun")).unwrap(), "begun\n", "done once");
}

#[test]
fn what_cannot_be_healed_is_said_and_is_the_exit_code() {
    let play = mended_by("true");
    let done = play.run(&["heal", "fixed"]);
    assert!(done.code == 2 && done.out.contains("fixed is still broken: everything was tried"), "{done:?}");
    let listed = json(&play, &["heal"]);
    let incident = &listed["incidents"][0];
    assert_eq!((&incident["check"], &incident["state"]), (&"fixed".into(), &"given-up".into()), "{listed:#}");
    assert_eq!(listed["unwell"][0]["why"], "everything was tried");
    let unknown = play.run(&["heal", "fixd"]);
    assert!(unknown.code == 3 && unknown.err.contains("did you mean `fixed`?"), "{unknown:?}");
    play.write("[checks.fixed]\nfile = { path = \"fixed\" }\n");
    let done = play.run(&["heal"]);
    assert!(done.code == 2 && done.out.contains("nothing is configured to heal it"), "{done:?}");
}

#[test]
fn only_what_was_asked_for_is_healed() {
    let play = mended_by("touch fixed");
    let configuration = std::fs::read_to_string(play.path("stratheal.toml")).unwrap();
    play.write(&format!(
        "{configuration}\n[checks.other]\nfile = {{ path = \"other\" }}\n[heal.other]\nladder = [\"touch\"]\nverify_timeout = \"1s\"\n\
         [remedies.touch]\nrun = [\"touch\", \"other\"]\n"
    ));
    let done = play.run(&["heal", "fixed"]);
    assert!(done.code == 0 && play.path("fixed").exists() && !play.path("other").exists(), "{done:?}");
    let done = play.run(&["remedy", "run", "mend", "--check", "other"]);
    assert!(done.code == 2 && done.out.contains("mend did not help"), "{done:?}");
    assert!(!play.path("other").exists());
    let done = play.run(&["remedy", "run", "mend", "--check", "fixed"]);
    assert!(done.code == 0 && done.out.contains("fixed passes"), "{done:?}");
    let listed = play.run(&["remedy"]);
    assert!(listed.out.contains("touch") && listed.out.contains("for other"), "{listed:?}");
}

#[test]
fn a_plan_that_waits_is_approved_by_its_token() {
    let play = mended_by("touch fixed");
    let configuration = std::fs::read_to_string(play.path("stratheal.toml")).unwrap();
    play.write(&configuration.replace("ladder = [\"mend\"]", "ladder = [\"mend\"]\napproval = \"confirm\""));
    let done = play.run(&["heal"]);
    assert!(done.code == 2 && !play.path("fixed").exists(), "{done:?}");
    let token = done.out.split("heal approve ").nth(1).unwrap().split('`').next().unwrap();
    let done = play.run(&["heal", "approve", token]);
    assert!(done.code == 0 && play.path("fixed").exists(), "{done:?}");
    let done = play.run(&["heal", "approve", token]);
    assert!(done.code == 3 && done.err.contains("there is no"), "used up: {done:?}");
}

#[test]
fn services_are_left_to_up_and_said_to_be_down() {
    let play = playground("");
    let done = play.run(&["heal"]);
    assert!(done.code == 2 && done.out.contains("web was not started: `stratheal up` starts it"), "{done:?}");
    assert!(starts(&play).is_empty());
}

#[test]
fn a_service_that_outlived_its_monitor_is_healed_and_goes_on() {
    let play = playground("");
    let monitor = play.up();
    until_ready(&play);
    monitor.end(Signal::KILL);
    let first = starts(&play)[0];
    let calm = play.run(&["heal"]);
    assert!(calm.code == 0 && is_alive(first), "{calm:?}");
    kill(first);
    until(|| !is_alive(first));
    let done = play.run(&["heal"]);
    assert!(done.code == 0 && done.out.contains("restart-service"), "{done:?}");
    let second = starts(&play)[1];
    assert!(is_alive(second), "it goes on without this command");
    let monitor = play.up();
    until_ready(&play);
    assert_eq!(starts(&play), [first, second], "the next monitor takes it over");
    end(monitor, &play);
}

#[test]
fn a_running_monitor_does_it_and_the_command_tells_what_came_of_it() {
    let play = playground("");
    let monitor = play.up();
    until_ready(&play);
    let first = starts(&play)[0];
    let done = play.run(&["remedy", "run", "restart-service", "--check", "web"]);
    assert!(done.code == 0 && done.out.contains("web passes") && !done.err.contains("no monitor"), "{done:?}");
    assert!(starts(&play).len() == 2 && !is_alive(first));
    let none = play.run(&["heal", "web"]);
    assert!(none.code == 0 && none.out.contains("nothing is broken"), "{none:?}");
    let none = play.run(&["heal"]);
    assert!(none.code == 0 && none.out.contains("nothing is broken"), "{none:?}");
    end(monitor, &play);
}

#[test]
fn a_plan_stops_nothing_and_forgets_nothing() {
    let play = playground("");
    let configuration = std::fs::read_to_string(play.path("stratheal.toml")).unwrap();
    play.write(&format!("{configuration}\n[services.other]\nrun = [\"sleep\", \"1000\"]\n"));
    let monitor = play.up();
    until(|| {
        json(&play, &["service", "status"]).as_array().is_some_and(|all| all.iter().all(|one| one["state"] == "ready"))
    });
    let services = json(&play, &["service", "status"]);
    let other = services.as_array().unwrap().iter().find(|one| one["id"] == "other").unwrap()["pid"].as_i64().unwrap();
    let other = i32::try_from(other).unwrap();
    monitor.end(Signal::KILL);
    let first = starts(&play)[0];
    kill(first);
    until(|| !is_alive(first));
    play.write(&configuration);
    for _ in 0..2 {
        let shown = play.run(&["heal", "--plan"]);
        assert!(shown.code == 0 && shown.out.contains("restart-service (next)"), "{shown:?}");
    }
    assert!(is_alive(other), "whoever looks stops nothing");
    let done = play.run(&["heal"]);
    assert!(done.code == 0 && is_alive(starts(&play)[1]) && is_alive(other), "{done:?}");
    let monitor = play.up();
    until_ready(&play);
    until(|| !is_alive(other));
    end(monitor, &play);
}

#[test]
fn what_fails_and_has_no_incident_is_named() {
    let play = mended_by("touch fixed");
    let configuration = std::fs::read_to_string(play.path("stratheal.toml")).unwrap();
    play.write(&format!(
        "{}\n[checks.child]\nfile = {{ path = \"child\" }}\ndepends_on = [\"fixed\"]\n[checks.odd]\ncommand = [\"sh\", \"-c\", \"exit 3\"]\n",
        configuration.replace("ladder = [\"mend\"]", "ladder = []").replace("[heal.fixed]", "[heal.odd]").replace("ladder = []", "ladder = [\"mend\"]")
    ));
    let done = play.run(&["heal", "child"]);
    assert!(done.code == 2 && done.out.contains("child is still broken: it fails because of fixed"), "{done:?}");
    let done = play.run(&["heal", "odd"]);
    assert!(done.code == 3 && done.out.contains("odd is still broken: unknown"), "{done:?}");
}

#[test]
fn heal_never_works_beside_a_monitor_that_keeps_its_state_elsewhere() {
    let play = mended_by("touch fixed");
    let elsewhere = play.path("elsewhere");
    let monitor = play.up_with(&["--state-dir", elsewhere.to_str().unwrap()]);
    assert!(monitor.notified("READY=1"), "{}", monitor.log());
    let done = play.run(&["heal"]);
    assert!(done.code == 3 && done.err.contains("--state-dir"), "{done:?}");
    let done = play.run(&["heal", "--state-dir", elsewhere.to_str().unwrap()]);
    assert!(!done.err.contains("no monitor is running"), "{done:?}");
    let (code, log) = monitor.end(Signal::INT);
    assert_eq!(code, Some(0), "{log}");
}

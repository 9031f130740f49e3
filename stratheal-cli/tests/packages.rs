//! Packages by the command line: the real binary, real installers, an index server that misbehaves.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "no runtime here, and real time is what is tested")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

mod packages_playground;

use std::time::{Duration, Instant};

use packages_playground::{Place, Server, pip, uv};
use stratheal_core::testing::faulty_index::{Content, Fault, Package, Rule};

fn content() -> Content {
    Content::new([
        Package::new("alpha", "1.0").payload(200_000).requires("beta>=1"),
        Package::new("beta", "1.0").payload(50_000),
        Package::new("beta", "2.0").payload(50_000),
    ])
}

fn alpha() -> (Place, Server) {
    (Place::new(), Server::start(content(), Vec::new()))
}

#[test]
fn a_command_has_its_own_exit_code_and_its_own_output() {
    let (place, server) = alpha();
    let sh = |script: &str| place.run(&["run", "--index", &server.url(), "--", "sh", "-c", script]);
    let done = sh("echo out; echo err >&2; exit 7");
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (7, "out\n", "err\n"));
    assert_eq!(sh("exit 0").code, 0);
    assert_eq!(sh("kill -TERM $$").code, 128 + 15);
    let done = place.run(&["run", "--index", &server.url(), "no-such-program", "x"]);
    assert_eq!((done.code, done.err.contains("cannot run `no-such-program`")), (127, true), "{done:?}");
    let done = place.run(&["run", "--index", &server.url(), "--", "/dev/null"]);
    assert_eq!(done.code, 126, "{done:?}");
}

#[test]
fn signals_reach_the_command() {
    let (place, server) = alpha();
    let script = "trap 'echo ended; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let mut running = place.start(&["run", "--index", &server.url(), "--", "sh", "-c", script]);
    assert!(running.says("ready"));
    running.signal(rustix::process::Signal::TERM);
    let done = running.end();
    assert_eq!((done.code, done.out.contains("ended")), (9, true), "{done:?}");
}

#[test]
fn pip_survives_what_bare_pip_does_not_and_the_report_says_what_happened() {
    let Some(pip) = pip() else { return };
    let place = Place::new();
    let rules =
        vec![Rule::files(Fault::ResetWithin(60_000)).named("alpha").first(3), Rule::pages(Fault::Status(503)).first(2)];
    let server = Server::start(content(), rules);
    let report = place.path("report.json");
    let report = report.to_str().unwrap();
    let target = place.path("target");
    let install = ["--", &pip, "install", "--quiet", "--target", target.to_str().unwrap(), "alpha"];
    let done = place.run(&[&["run", "--index", &server.url(), "--report", report][..], &install].concat());
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.err.contains("stratheal: "), "trouble is worth a word: {done:?}");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["summary"]["files"]["fetched"], 2, "{report:#}");
    assert_eq!(
        (&report["command"]["client"], &report["command"]["exit_code"]),
        (&"pip".into(), &0.into()),
        "{report:#}"
    );
    assert!(
        report["summary"]["members"].as_object().unwrap().values().any(|member| member["troubles"].as_u64() > Some(0))
    );
}

#[test]
fn what_uses_the_proxy_asks_the_chosen_index() {
    let (Some(pip), Some(uv)) = (pip(), uv()) else { return };
    let (place, server) = alpha();
    let (url, python) = (server.url(), std::path::Path::new(&pip).with_file_name("python"));
    let project =
        "[project]\nname = \"app\"\nversion = \"0\"\nrequires-python = \">=3.9\"\ndependencies = [\"alpha\"]\n";
    std::fs::write(place.path("pyproject.toml"), project).unwrap();
    let other = [("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple/")];
    let lock = ["--", uv.as_str(), "lock", "--no-cache", "--python", python.to_str().unwrap()];
    let done = place.run_with(&other, &[&["run", "--index", &url][..], &lock].concat());
    assert_eq!(done.code, 0, "{done:?}");
    let before = std::fs::read_to_string(place.path("uv.lock")).unwrap();
    assert!(before.contains(url.trim_end_matches('/')), "{before}");
    let again =
        ["run", "--index", &url, "--", &uv, "lock", "--locked", "--no-cache", "--python", python.to_str().unwrap()];
    let done = place.run(&again);
    assert_eq!(done.code, 0, "{done:?}");

    let script = format!("{pip} install --quiet --no-cache-dir --target by-shell alpha");
    let done = place.run(&["run", "--index", &url, "--", "sh", "-c", &script]);
    assert_eq!((done.code, place.path("by-shell/alpha").exists()), (0, true), "{done:?}");
}

#[test]
fn what_goes_past_variables_is_led_through_the_proxy_or_named() {
    let (Some(pip), Some(uv)) = (pip(), uv()) else { return };
    let (place, server) = alpha();
    let (url, target) = (server.url(), place.path("target"));
    let install = ["install", "--quiet", "--no-cache-dir", "--target", target.to_str().unwrap(), "-qr", "r.txt"];
    let report =
        || -> serde_json::Value { serde_json::from_slice(&std::fs::read(place.path("r.json")).unwrap()).unwrap() };
    std::fs::write(place.path("r.txt"), "-r sub.txt\n").unwrap();
    std::fs::write(place.path("sub.txt"), format!("--index-url {url}\nalpha\n")).unwrap();
    let run = ["run", "--report", "r.json", "--", &pip];
    let done = place.run(&[&run[..], &install].concat());
    assert_eq!((done.code, &report()["command"]["mode"]), (0, &"proxy".into()), "{done:?}");
    assert!(report()["gateway"]["pages"].as_u64() > Some(1), "{:#}", report());

    // pip would ask this proxy, which nobody serves, for the gateway; the fetcher does not need it on loopback.
    std::fs::write(place.path("r.txt"), "alpha\n").unwrap();
    std::fs::write(place.path("pip.conf"), "[global]\nproxy = http://127.0.0.1:9\n").unwrap();
    let conf = place.path("pip.conf");
    let variables = [("PIP_CONFIG_FILE", conf.to_str().unwrap()), ("NO_PROXY", "127.0.0.1")];
    let run = ["run", "--index", &url, "--report", "r.json", "--", &pip];
    let done = place.run_with(&variables, &[&run[..], &install, &["--upgrade"]].concat());
    assert_eq!((done.code, &report()["command"]["mode"]), (0, &"proxy".into()), "{done:?}");

    // Not an index at all, and still named.
    let python = std::path::Path::new(&pip).with_file_name("python");
    let other = Server::start(content(), Vec::new());
    let wheel = format!("{}/files/beta-1.0-py3-none-any.whl", other.url().trim_end_matches("/simple/"));
    let get = format!("{} -c \"import urllib.request; urllib.request.urlopen('{wheel}')\" || true", python.display());
    let done = place.run(&["run", "--index", &url, "--report", "r.json", "--", "sh", "-c", &get]);
    assert!(done.err.contains("not through the gateway: 127.0.0.1"), "{done:?}");
    assert_eq!(report()["bypasses"].as_array().unwrap().len(), 1, "{:#}", report());

    let done = place.run(&["run", "--index", &url, "--mode", "index", "--", &uv, "lock"]);
    assert_eq!((done.code, done.err.contains("--mode proxy")), (3, true), "{done:?}");
}

#[test]
fn mirrors_of_another_index_are_not_asked_and_that_is_said() {
    let Some(pip) = pip() else { return };
    let (place, server) = alpha();
    let (url, target) = (server.url(), place.path("target"));
    let mirror = ["run", "--index", "http://127.0.0.1:9/simple/", "--mirror", "http://127.0.0.1:9/mirror/", "--"];
    let install = [&pip, "install", "--quiet", "--target", target.to_str().unwrap(), "--index-url", &url, "beta"];
    let done = place.run(&[&mirror[..], &install].concat());
    assert_eq!((done.code, done.err.contains("mirrors are not asked")), (0, true), "{done:?}");
}

#[test]
fn a_failure_says_why_by_its_exit_code() {
    let Some(pip) = pip() else { return };
    let install = |rules: Vec<Rule>, more: &[&str]| {
        let (place, server) = (Place::new(), Server::start(content(), rules));
        let target = place.path("target");
        let target = target.to_str().unwrap().to_owned();
        let url = server.url();
        let options = ["run", "--deadline", "3s", "--index", &url];
        let command = ["--", &pip, "install", "--quiet", "--retries", "0", "--target", &target, "alpha"];
        place.run(&[&options[..], more, &command[..]].concat())
    };
    let done = install(vec![Rule::files(Fault::Flipped(100))], &[]);
    assert_eq!(done.code, 65, "{done:?}");
    let done = install(vec![Rule::any(Fault::Status(503))], &[]);
    assert_eq!(done.code, 75, "{done:?}");
    let done = install(vec![Rule::any(Fault::Status(403))], &[]);
    assert_eq!(done.code, 77, "{done:?}");
    let done = install(vec![Rule::any(Fault::Status(503))], &["--keep-exit-code"]);
    assert_eq!(done.code, 1, "{done:?}");
    let done = install(Vec::new(), &["--offline"]);
    assert_eq!(done.code, 66, "{done:?}");
}

#[test]
fn a_full_disk_has_a_code_of_its_own_and_nothing_else_is_lost() {
    let Some(pip) = pip() else { return };
    let (place, server) = alpha();
    let (url, target) = (server.url(), place.path("target"));
    let command = ["--", &pip, "install", "--quiet", "--retries", "0", "--target", target.to_str().unwrap(), "alpha"];
    let install = [&["run", "--deadline", "5s", "--index", &url][..], &command].concat();
    let done = place.run_without_room(&install);
    assert_eq!(done.code, 74, "{done:?}");
    assert!(done.err.contains("packages"), "it says where there is no room: {done:?}");
    // With room again, all is well.
    let done = place.run(&install);
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn what_was_warmed_is_installed_without_a_network() {
    let Some(pip) = pip() else { return };
    let (place, server) = alpha();
    std::fs::write(place.path("requirements.txt"), "alpha==1.0\n").unwrap();
    let python = std::path::Path::new(&pip).with_file_name("python");
    let python = python.to_str().unwrap();
    let url = server.url();
    let done = place.run(&["warm", "--index", &url, "--python", python, "-r", "requirements.txt"]);
    assert_eq!(done.code, 0, "{done:?}");
    server.stop();
    let target = place.path("by-pip");
    let target = target.to_str().unwrap();
    let report = place.path("report.json");
    let offline = ["--offline", "--index", &url, "run", "--report", report.to_str().unwrap(), "--"];
    let install = ["install", "--quiet", "--no-cache-dir", "--target", target, "-r", "requirements.txt"];
    let done = place.run(&[&offline[..], &[pip.as_str()], &install].concat());
    assert_eq!(done.code, 0, "{done:?}");
    let report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    assert_eq!(report["gateway"]["stored_files"], 2, "{report:#}");
    assert!(place.path("by-pip/alpha").exists() && place.path("by-pip/beta").exists());
    if let Some(uv) = uv() {
        let target = place.path("by-uv");
        let install = ["pip", "install", "--no-cache", "--python", python, "--target", target.to_str().unwrap()];
        let done = place.run(&[&offline[..], &[uv.as_str()], &install, &["-r", "requirements.txt"]].concat());
        assert_eq!(done.code, 0, "{done:?}");
        assert!(place.path("by-uv/alpha").exists());
    }
}

#[test]
fn warm_says_when_there_is_no_such_version() {
    let Some(pip) = pip() else { return };
    let (place, server) = alpha();
    let python = std::path::Path::new(&pip).with_file_name("python");
    let done = place.run(&["warm", "--index", &server.url(), "--python", python.to_str().unwrap(), "alpha==9"]);
    assert_eq!(done.code, 66, "{done:?}");
}

#[test]
fn a_doctor_finds_what_is_wrong_and_shows_no_password() {
    let (place, server) = alpha();
    let url = server.url().replace("http://", "http://me:hunter2@");
    let done = place.run(&["doctor", "--index", &url, "--format", "json"]);
    let found: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    let of = |topic: &str| {
        let all = found["findings"].as_array().unwrap().iter();
        all.filter(|finding| finding["topic"] == topic).cloned().collect::<Vec<_>>()
    };
    assert!(of("index").iter().any(|finding| finding["facts"]["http_status"].is_number()), "{found:#}");
    for topic in ["interpreter", "disk", "proxy", "tools"] {
        assert!(!of(topic).is_empty(), "{topic}: {found:#}");
    }
    assert!(!done.out.contains("hunter2") && !done.err.contains("hunter2"), "{done:?}");

    server.stop();
    let began = Instant::now();
    let done = place.run(&["doctor", "--index", &url]);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.out.contains("cannot be reached") && done.out.contains("next: "), "{done:?}");
    assert!(began.elapsed() < Duration::from_mins(1));
}

#[test]
fn passwords_are_not_shown_by_help() {
    let place = Place::new();
    let done = place.run_with(&[("STRATHEAL_INDEX", "http://me:hunter2@127.0.0.1:1/simple/")], &["run", "--help"]);
    assert!(done.out.contains("STRATHEAL_INDEX") && !done.out.contains("hunter2"), "{done:?}");
    for code in ["65", "66", "74", "75", "77"] {
        assert!(place.run(&["--help"]).out.contains(&format!("  {code} ")), "{code}");
    }
}

#[test]
fn a_cache_is_carried_to_a_machine_without_a_network() {
    let Some(pip) = pip() else { return };
    let (place, server) = alpha();
    let python = std::path::Path::new(&pip).with_file_name("python");
    let python = python.to_str().unwrap();
    let url = server.url();
    let done = place.run(&["warm", "--index", &url, "--python", python, "alpha"]);
    assert_eq!(done.code, 0, "{done:?}");
    let file = place.path("packages.bundle");
    let file = file.to_str().unwrap();
    let done = place.run(&["index", "export", file, "gamma"]);
    assert_eq!(done.code, 66, "nothing is known about it: {done:?}");
    let done = place.run(&["index", "export", file]);
    assert_eq!((done.code, done.out.contains("2 pages")), (0, true), "{done:?}");
    server.stop();

    let other = Place::new();
    let done = other.run(&["index", "import", file]);
    assert_eq!((done.code, done.out.contains("added")), (0, true), "{done:?}");
    let target = other.path("target");
    let install = ["install", "--quiet", "--no-cache-dir", "--target", target.to_str().unwrap(), "alpha"];
    let done = other.run(&[&["--offline", "--index", &url, "run", "--", pip.as_str()][..], &install].concat());
    assert_eq!(done.code, 0, "{done:?}");

    let done = other.run(&["index", "prune", "--max-size", "1KiB"]);
    assert_eq!((done.code, done.out.contains("used less than an hour ago")), (0, true), "{done:?}");
    let done = other.run(&["index", "prune", "--all", "--plan"]);
    assert_eq!((done.code, done.out.contains("would be dropped")), (0, true), "{done:?}");
    let done = other.run(&["index", "prune", "--all", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert!(report["freed_bytes"].as_u64() > Some(200_000), "{report:#}");
    assert_eq!(other.run(&["index", "prune"]).code, 3);
    let mut bundle = std::fs::read(file).unwrap();
    let middle = bundle.len() / 2;
    bundle[middle] ^= 1;
    std::fs::write(file, bundle).unwrap();
    assert_eq!(other.run(&["index", "import", file]).code, 65);
    std::fs::write(file, "no bundle").unwrap();
    assert_eq!(other.run(&["index", "import", file]).code, 65);
}

#[test]
fn a_server_for_others_wants_a_token_and_says_where_it_is() {
    let (place, server) = alpha();
    let url = server.url();
    let serve = ["index", "serve", "--index", &url, "--listen"];
    let done = place.run(&[&serve[..], &["0.0.0.0:0"]].concat());
    assert_eq!((done.code, done.err.contains("token")), (3, true), "{done:?}");
    std::fs::write(place.path("token"), "0123456789abcdef-token\n").unwrap();
    let done = place.run(&[&serve[..], &["0.0.0.0:0", "--token-file", "token"]].concat());
    assert_eq!((done.code, done.err.contains("certificate")), (3, true), "{done:?}");
    let mut running = place.start(&[&serve[..], &["127.0.0.1:0", "--token-file", "token"]].concat());
    let line = running.line_with("serving http://127.0.0.1:").unwrap();
    assert!(!line.contains("0123456789abcdef"), "{line}");
    if let Some(pip) = pip() {
        let index = line.trim().replace("serving http://", "http://stratheal:0123456789abcdef-token@");
        let target = place.path("target");
        let mut install = std::process::Command::new(pip);
        stratheal_core::testing::tools::clean(&mut install, &place.path("home"));
        install.args(["install", "--quiet", "--index-url", &index, "--target"]).arg(target).arg("alpha");
        assert!(install.status().unwrap().success());
    }
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.end().code, 0);

    let done = place.run(&["index", "status", "--index", &url, "--format", "json"]);
    let status: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&status["sources"][0]["name"], &status["found"]), (&"default".into(), &"the option --index".into()));
    assert!(status["sources"][0]["members"][0]["http_status"].is_number(), "{status:#}");
}

#[test]
fn a_changed_file_is_accepted_by_name() {
    let (place, server) = alpha();
    let id = "ab".repeat(32);
    let accept = |name: &str, id: &str| place.run(&["index", "accept", "--index", &server.url(), name, id]);
    assert_eq!(accept("alpha-1.0-py3-none-any.whl", &id).code, 0);
    assert_eq!(accept("alpha-9.0-py3-none-any.whl", &id).code, 66);
    assert_eq!(accept("no_such-1.0-py3-none-any.whl", &id).code, 66);
    assert_eq!(accept("alpha", &id).code, 3);
    assert_eq!(accept("alpha-1.0-py3-none-any.whl", "ab").code, 3);
}

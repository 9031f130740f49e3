//! Environments by the command line: the real binary, real engines, real interpreters, an index server that misbehaves.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "no runtime here, and real time is what is tested")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

#[path = "packages_playground/case.rs"]
mod case;
mod packages_playground;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use case::Case;
use packages_playground::pip;
use stratheal_core::testing::faulty_index::{Content, Fault, Package, Rule};
use stratheal_core::testing::skipped;

fn content() -> Content {
    let cli = "def main():\n    print('alpha runs')\n";
    Content::new([
        Package::new("alpha", "1.0")
            .payload(200_000)
            .requires("beta>=1")
            .file("alpha/cli.py", cli)
            .file("alpha-1.0.dist-info/entry_points.txt", "[console_scripts]\nalpha-run = alpha.cli:main\n"),
        Package::new("alpha", "2.0").payload(200_000).requires("beta>=2"),
        Package::new("beta", "1.0").payload(50_000),
        Package::new("beta", "2.0").payload(50_000),
        Package::new("gamma", "1.0"),
        Package::new("clash", "1.0").requires("beta<2"),
    ])
}

fn case(rules: Vec<Rule>) -> Option<Case> {
    Case::new(content(), rules)
}

#[test]
fn an_environment_is_made_changed_and_emptied() {
    let Some(case) = case(Vec::new()) else { return };
    let planned = case.run(&["install", "--plan", "alpha==1.0", "beta<2"]);
    assert!(planned.out.contains("+ alpha 1.0") && !case.place.path(".venv").exists(), "{planned:?}");
    let done = case.run(&["install", "alpha==1.0", "beta<2"]);
    assert_eq!((done.code, case.versions(".venv").as_str()), (0, "['alpha 1.0', 'beta 1.0']"), "{done:?}");
    let ran = Command::new(case.place.path(".venv/bin/alpha-run")).output().unwrap();
    assert_eq!(ran.stdout, b"alpha runs\n");
    let requested = |name: &str| {
        let site = fs::read_dir(case.place.path(".venv/lib")).unwrap().next().unwrap().unwrap().path();
        site.join("site-packages").join(name).join("REQUESTED").exists()
    };
    assert!(requested("alpha-1.0.dist-info") && requested("beta-1.0.dist-info"));
    let again = case.run(&["install", "alpha"]);
    assert!(again.out.starts_with("nothing to do"), "what is there will do: {again:?}");
    let upgraded = case.run(&["install", "--upgrade", "alpha", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&upgraded.out).unwrap();
    assert_eq!(told["actions"]["alpha"]["action"], "replace", "{told:#}");
    assert_eq!(case.versions(".venv"), "['alpha 2.0', 'beta 2.0']");
    assert!(!case.place.path(".venv/bin/alpha-run").exists());
    let added = case.run(&["install", "gamma"]);
    assert_eq!((added.code, case.versions(".venv").as_str()), (0, "['alpha 2.0', 'beta 2.0', 'gamma 1.0']"));
    let synced = case.run(&["sync", "gamma"]);
    assert_eq!((synced.code, case.versions(".venv").as_str()), (0, "['gamma 1.0']"), "{synced:?}");
    let emptied = case.run(&["uninstall", "gamma", "absent"]);
    assert_eq!((emptied.code, case.versions(".venv").as_str()), (0, "[]"), "{emptied:?}");
    assert!(emptied.err.contains("absent is not installed"));
    assert!(!case.place.path(".stratheal/stage").exists());
}

#[test]
fn pip_chooses_as_well() {
    let (Some(case), Some(pip)) = (case(Vec::new()), pip()) else { return };
    let base = Path::new(&pip).with_file_name("python");
    let done = case.run(&["install", "--engine", "pip", "--base", base.to_str().unwrap(), "alpha"]);
    assert_eq!((done.code, case.versions(".venv").as_str()), (0, "['alpha 2.0', 'beta 2.0']"), "{done:?}");
}

#[test]
fn a_lock_needs_no_engine_and_what_was_had_needs_no_network() {
    let Some(case) = case(Vec::new()) else { return };
    let content = content();
    let mut lock = "lock-version = \"1.0\"\ncreated-by = \"hand\"\n".to_owned();
    for name in ["alpha-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl"] {
        let file = content.file(name).unwrap();
        let url = format!("{}{}", case.server.url().trim_end_matches("/simple/"), file.path());
        let (project, id) = (&file.project, file.sha256);
        let _ = writeln!(
            lock,
            "[[packages]]\nname = \"{project}\"\nversion = \"1.0\"\nwheels = [{{ name = \"{name}\", url = \"{url}\", hashes = {{ sha256 = \"{id}\" }} }}]"
        );
    }
    fs::write(case.place.path("pylock.toml"), &lock).unwrap();
    let without_engines = |arguments: &[&str]| {
        let base = String::from_utf8(
            Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap().stdout,
        );
        let base = base.unwrap().trim().to_owned();
        let url = case.server.url();
        case.place.run_with(&[("PATH", "/nowhere")], &[&["--index", &url], arguments, &["--base", &base]].concat())
    };
    let done = without_engines(&["install", "-r", "pylock.toml"]);
    assert_eq!((done.code, case.versions(".venv").as_str()), (0, "['alpha 1.0', 'beta 1.0']"), "{done:?}");
    let done = without_engines(&["--offline", "install", "--python", "second", "-r", "pylock.toml"]);
    assert_eq!((done.code, case.versions("second").as_str()), (0, "['alpha 1.0', 'beta 1.0']"), "{done:?}");
    let wrong = lock.replace(&content.file("beta-1.0-py3-none-any.whl").unwrap().sha256.to_string(), &"0".repeat(64));
    fs::write(case.place.path("pylock.toml"), wrong).unwrap();
    let done = without_engines(&["install", "--python", "third", "-r", "pylock.toml"]);
    assert_eq!((done.code, case.place.path("third").exists()), (65, false), "{done:?}");
    // The same requirements again, offline: what was resolved is kept.
    assert_eq!(case.run(&["install", "--python", "fourth", "alpha"]).code, 0);
    let elsewhere = case.run(&["install", "--plan", "--format", "json", "--python", "elsewhere", "alpha"]);
    assert!(elsewhere.out.contains("\"resolved_by\": \"kept\""), "another folder is no other question: {elsewhere:?}");
    let done = without_engines(&["--offline", "install", "--python", "fifth", "alpha"]);
    assert_eq!((done.code, case.versions("fifth").as_str()), (0, "['alpha 2.0', 'beta 2.0']"), "{done:?}");
    let done = case.run(&["--offline", "install", "--python", "sixth", "gamma"]);
    assert_eq!((done.code, case.place.path("sixth").exists()), (66, false), "{done:?}");
}

#[test]
fn a_lock_is_written_kept_and_installed() {
    let Some(case) = case(Vec::new()) else { return };
    let done = case.run(&["lock", "alpha==1.0", "beta<2"]);
    assert_eq!((done.code, done.out.contains("2 packages")), (0, true), "{done:?}");
    let lock = fs::read_to_string(case.place.path("pylock.toml")).unwrap();
    assert!(lock.contains(&case.server.url()) && lock.contains("sha256") && !lock.contains("stratheal:"), "{lock}");
    let kept = case.run(&["lock", "alpha", "-o", "-"]);
    let stays = case.run(&["lock", "alpha"]);
    let again = fs::read_to_string(case.place.path("pylock.toml")).unwrap();
    assert_eq!((stays.code, again.contains("version = \"1.0\"")), (0, true), "{again}");
    assert!(kept.out.contains("version = \"2.0\""), "nothing to keep on standard output: {kept:?}");
    assert_eq!(case.run(&["install", "-r", "pylock.toml"]).code, 0);
    assert_eq!(case.versions(".venv"), "['alpha 1.0', 'beta 1.0']");
    assert_eq!(case.run(&["lock", "--upgrade", "alpha"]).code, 0);
    assert_eq!(case.run(&["install", "-r", "pylock.toml"]).code, 0);
    assert_eq!(case.versions(".venv"), "['alpha 2.0', 'beta 2.0']");
}

#[test]
fn hashes_are_all_that_is_needed_and_they_count() {
    let Some(case) = case(Vec::new()) else { return };
    let content = content();
    let line = |name: &str, version: &str| {
        let id = content.file(&format!("{name}-{version}-py3-none-any.whl")).unwrap().sha256;
        format!("{name}=={version} --hash=sha256:{id}\n")
    };
    let put = |text: &str| fs::write(case.place.path("r.txt"), text).unwrap();
    put(&[line("alpha", "1.0"), line("beta", "1.0")].concat());
    let done = case.run(&["install", "--engine", "pip", "-r", "r.txt", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((done.code, told["resolved_by"].as_str()), (0, Some("hashes")), "{done:?}");
    assert_eq!(case.versions(".venv"), "['alpha 1.0', 'beta 1.0']");
    put(&line("alpha", "2.0"));
    let open = case.run(&["install", "--upgrade", "-r", "r.txt"]);
    assert_eq!((open.code, open.err.contains("alpha requires beta>=2")), (3, true), "{open:?}");
    put(&format!("gamma==1.0 --hash=sha256:{}\n", "0".repeat(64)));
    let wrong = case.run(&["install", "-r", "r.txt"]);
    assert_eq!((wrong.code, wrong.err.contains("r.txt:1")), (65, true), "{wrong:?}");
    put("gamma\nalpha==1.0 --hash=sha256:00\n");
    assert_eq!(case.run(&["install", "--reinstall", "-r", "r.txt"]).code, 3);
    assert_eq!(case.versions(".venv"), "['alpha 1.0', 'beta 1.0']");
}

#[test]
fn versions_of_everything_leave_nothing_to_choose() {
    let Some(case) = case(Vec::new()) else { return };
    let by = |arguments: &[&str]| {
        let done = case.run(&[&["install", "--plan", "--format", "json"], arguments].concat());
        let told: serde_json::Value = serde_json::from_str(&done.out).unwrap();
        told["resolved_by"].as_str().unwrap().to_owned()
    };
    assert_eq!(by(&["alpha==1.0", "beta==1.0"]), "pins");
    assert_eq!(by(&["alpha==1.0", "beta==1.0"]), "kept");
    assert_eq!(by(&["alpha==1.0"]), "uv", "what it requires has to be chosen");
    assert_eq!(by(&["alpha==1.0", "beta"]), "uv");
    assert_eq!(by(&["--engine", "uv", "beta==1.0"]), "uv", "who names one wants it");
    let contradiction = case.run(&["install", "alpha==2.0", "beta==1.0"]);
    assert_eq!(
        (contradiction.code, contradiction.err.contains("beta")),
        (66, true),
        "uv explains it: {contradiction:?}"
    );
    let absent = case.run(&["install", "alpha==9.0", "beta==1.0"]);
    assert_eq!((absent.code, absent.err.contains("alpha")), (66, true), "{absent:?}");
    // All files of the version are in a lock, for other machines.
    assert_eq!(case.run(&["lock", "alpha==1.0", "beta==1.0"]).code, 0);
    assert_eq!(case.run(&["install", "-r", "pylock.toml"]).code, 0);
    assert_eq!(case.versions(".venv"), "['alpha 1.0', 'beta 1.0']");
}

#[test]
fn trouble_has_its_exit_code_and_changes_nothing() {
    let Some(case) = case(vec![Rule::files(Fault::Status(503)).named("gamma*").first(2)]) else { return };
    assert_eq!(case.run(&["install", "alpha==1.0", "beta<2"]).code, 0);
    let before = case.versions(".venv");
    let clash = case.run(&["install", "clash", "beta>=2"]);
    assert_eq!(clash.code, 66, "{clash:?}");
    assert!(clash.err.contains("clash") && clash.err.contains("beta<2"), "{clash:?}");
    assert_eq!(case.run(&["install", "no-such-project"]).code, 66);
    assert_eq!(case.run(&["install", "alpha =="]).code, 3);
    assert_eq!(case.run(&["install"]).code, 3);
    let full = case.place.run_without_room(&["--index", &case.server.url(), "install", "--upgrade", "alpha"]);
    assert!(full.code == 74 || full.code == 3, "{full:?}");
    assert_eq!(case.versions(".venv"), before);
    fs::create_dir(case.place.path("taken")).unwrap();
    fs::write(case.place.path("taken/file"), "").unwrap();
    let taken = case.run(&["install", "--python", "taken", "gamma"]);
    assert_eq!((taken.code, taken.err.contains("not empty")), (3, true), "{taken:?}");
    let late = case.run(&["install", "gamma"]);
    assert_eq!(late.code, 0, "a server that comes back is waited for: {late:?}");
}

#[test]
fn who_presses_ctrl_c_finds_nothing_changed() {
    let Some(case) = case(vec![Rule::files(Fault::Trickle { after: 1_000, rate: 2_000 }).named("alpha*")]) else {
        return;
    };
    let url = case.server.url();
    let arguments = ["--index", &url, "--verbose", "install", "alpha"];
    let running = case.place.start_with(&[("PATH", &case.path)], &arguments);
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    running.signal(rustix::process::Signal::INT);
    let done = running.end();
    assert_eq!((done.code, done.err.contains("nothing was changed")), (130, true), "{done:?}");
    assert!(!case.place.path(".venv").exists() && !case.place.path(".stratheal").exists());
}

#[test]
fn a_mount_point_keeps_its_place() {
    let Some(case) = case(Vec::new()) else { return };
    let binary = env!("CARGO_BIN_EXE_stratheal");
    let url = case.server.url();
    let install = |what: &str| format!("'{binary}' --index {url} install --quiet {what}");
    let script = format!(
        "set -e; mkdir .venv; mount -t tmpfs none .venv; {}; stat -c %i .venv > before; {}; {}; stat -c %i .venv > after; cp -a .venv copy; \
         ls -A .venv >> after; umount .venv",
        install("alpha==1.0 'beta<2'"),
        install("alpha==2.0 beta==2.0"),
        install("gamma"),
    );
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", &script]).current_dir(case.place.path(""));
    stratheal_core::testing::tools::clean(&mut unshare, &case.place.path(""));
    unshare.env("PATH", &case.path).env("STRATHEAL_CACHE_DIR", case.place.path("packages"));
    let ran = unshare.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    if said.contains("unshare failed") || said.contains("mount:") {
        return skipped("environments on mount points", "only root may mount");
    }
    assert!(ran.status.success(), "{said}");
    let (before, after) = ["before", "after"].map(|name| fs::read_to_string(case.place.path(name)).unwrap()).into();
    assert_eq!(after.lines().next(), before.lines().next(), "it is the same folder");
    assert!(!after.contains(".stratheal"), "{after}");
    // Its copy lies where nothing is mounted, and is asked for its versions there.
    fs::remove_dir(case.place.path(".venv")).unwrap();
    fs::rename(case.place.path("copy"), case.place.path(".venv")).unwrap();
    assert_eq!(case.versions(".venv"), "['alpha 2.0', 'beta 2.0', 'gamma 1.0']");
}

#[test]
fn a_full_disk_is_that_of_the_environment() {
    let Some(case) = case(Vec::new()) else { return };
    let install = format!("'{}' --index {} install", env!("CARGO_BIN_EXE_stratheal"), case.server.url());
    let script = format!(
        "mkdir small; mount -t tmpfs -o size=120k none small || exit 9; {install} --link-mode copy --python small/env alpha==1.0; \
         code=$?; ls -A small; umount small; exit $code"
    );
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", &script]).current_dir(case.place.path(""));
    stratheal_core::testing::tools::clean(&mut unshare, &case.place.path(""));
    unshare.env("PATH", &case.path).env("STRATHEAL_CACHE_DIR", case.place.path("packages"));
    let ran = unshare.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    if said.contains("unshare failed") || ran.status.code() == Some(9) {
        return skipped("an environment on a full disk", "only root may mount");
    }
    assert_eq!((ran.status.code(), ran.stdout.is_empty()), (Some(74), true), "{ran:?}");
    assert!(said.contains("there is no room to build the next environment") && !said.contains("store"), "{said}");
    assert_eq!(said.matches("/.stratheal/stage/").count(), 1, "the path is named once: {said}");
}

#[test]
fn who_wants_silence_gets_it() {
    let Some(case) = case(Vec::new()) else { return };
    for arguments in [
        &["install", "-q", "gamma"][..],
        &["install", "-q", "gamma"],
        &["verify", "-q"],
        &["repair", "-q"],
        &["uninstall", "-q", "gamma"],
    ] {
        let done = case.run(arguments);
        assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "", ""), "{arguments:?}");
    }
    assert_eq!(case.run(&["install", "gamma"]).code, 0);
    let told = case.run(&["verify"]);
    assert!(told.out.contains(": 1 project, ") && told.out.ends_with(": whole\n"), "{told:?}");
}

/// Makes a wheel whose RECORD says something else than what is in it.
const LYING_WHEEL: &str = r#"
import zipfile
with zipfile.ZipFile("lying-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("lying.py", "x = 1\n")
    wheel.writestr("lying-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: lying\nVersion: 1.0\n")
    wheel.writestr("lying-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr("lying-1.0.dist-info/RECORD", "lying.py,sha256=" + "A" * 43 + ",6\nlying-1.0.dist-info/METADATA,,\n"
        "lying-1.0.dist-info/WHEEL,,\nlying-1.0.dist-info/RECORD,,\n")
"#;

#[test]
fn a_wrong_record_is_told_and_refused_on_request() {
    let Some(case) = case(Vec::new()) else { return };
    let made = Command::new("python3").args(["-c", LYING_WHEEL]).current_dir(case.place.path("")).status().unwrap();
    assert!(made.success());
    let refused = case.run(&["install", "--strict", "./lying-1.0-py3-none-any.whl"]);
    assert_eq!((refused.code, refused.err.contains("lying.py")), (65, true), "{refused:?}");
    assert!(!case.place.path(".venv").exists());
    let told = case.run(&["install", "./lying-1.0-py3-none-any.whl"]);
    assert_eq!((told.code, told.out.contains("wrong RECORD: lying.py")), (0, true), "{told:?}");
    assert_eq!(case.run(&["verify"]).code, 0, "the installed one is right");
}

#[test]
fn after_a_restart_of_the_machine_what_is_damaged_is_put_back() {
    let Some(case) = case(Vec::new()) else { return };
    assert_eq!(case.run(&["install", "alpha==1.0", "beta<2"]).code, 0);
    let module = PathBuf::from(case.python(".venv", "import alpha; print(alpha.__file__)"));
    let before = fs::read(&module).unwrap();
    // As after a power loss: the name is there, the content is not.
    fs::remove_file(&module).unwrap();
    fs::write(&module, "").unwrap();
    let again = case.run(&["install", "alpha"]);
    assert!(again.err.is_empty() && again.out.starts_with("nothing to do"), "under the same start: {again:?}");
    let find = Command::new("find").arg(case.place.path("")).args(["-path", "*/environments/*/boot"]).output().unwrap();
    let note = String::from_utf8(find.stdout).unwrap();
    if note.is_empty() {
        return skipped("environments after a restart", "this system has no boot id");
    }
    fs::write(note.trim(), "another-start").unwrap();
    let planned = case.run(&["install", "--plan", "alpha"]);
    assert_eq!((planned.code, fs::read(&module).unwrap().len()), (0, 0), "who only plans changes nothing: {planned:?}");
    let after = case.run(&["--offline", "install", "alpha"]);
    assert_eq!(
        (after.code, after.err.contains("restarted") && after.err.contains("1 put back")),
        (0, true),
        "{after:?}"
    );
    assert_eq!(fs::read(&module).unwrap(), before);
    assert!(case.run(&["install", "alpha"]).err.is_empty(), "once");
}

#[test]
fn who_presses_ctrl_c_is_told_what_became_of_it() {
    let many = ["1.0", "2.0"].map(|version| Package::new("many", version).payload(600_000).files(1_500));
    let Some(case) = Case::new(Content::new(many), Vec::new()) else { return };
    assert_eq!(case.run(&["install", "many==1.0"]).code, 0);
    let url = case.server.url();
    for round in 0..16_u64 {
        let before = case.versions(".venv");
        let wanted = if before.contains("1.0") { "many==2.0" } else { "many==1.0" };
        let running = case.place.start_with(&[("PATH", &case.path)], &["--index", &url, "install", wanted]);
        std::thread::sleep(std::time::Duration::from_millis(60 + 40 * round));
        running.signal(rustix::process::Signal::INT);
        let done = running.end();
        let is_changed = case.versions(".venv") != before;
        let said = match done.code {
            0 => true,
            130 if done.err.contains("nothing was changed") => false,
            130 if done.err.contains("too late") => true,
            // It came before anybody listened for it.
            -1 => false,
            _ => panic!("{done:?}"),
        };
        assert_eq!(said, is_changed, "{done:?}");
    }
}

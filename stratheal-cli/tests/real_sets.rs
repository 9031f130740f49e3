//! Environments of real packages, beside those that uv makes: the same packages, the same files, the same metadata.
//!
//! What is fetched comes from the default index and is kept in the build folder. Without that index these tests are skipped, loudly.
//!
//! Intended differences, all of them:
//! - INSTALLER says who installed it, and RECORD has a row for it;
//! - launchers of entry points have a text of their own, and scripts name the interpreter of their environment: both have other rows in
//!   RECORD;
//! - RECORD is never executable, as it is in a few wheels;
//! - `uv_build.json` is uv's note about what it built;
//! - what makes a folder an environment (`pyvenv.cfg`, scripts that activate it, notes for backup programs and git) is each one's own;
//! - `direct_url.json` is the same JSON, with another order of keys.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "no runtime here, and real time is what is tested")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

mod packages_playground;
#[path = "real_sets/relay.rs"]
mod relay;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use packages_playground::{Done, Place, uv};
use relay::Relay;
use stratheal_core::testing::{skipped, tools};

/// A place, and where uv is.
struct Case {
    place: Place,
    uv: PathBuf,
}

/// What lies at a path.
#[derive(PartialEq, Eq)]
enum Found {
    File { is_executable: bool, content: Vec<u8> },
    Link(PathBuf),
}

impl Case {
    fn new(set: &str) -> Option<Self> {
        let uv = PathBuf::from(uv()?);
        let case = Self { place: Place::new(), uv };
        let theirs = case.uv(&["pip", "install", "--dry-run", "--quiet", "--target", "nowhere", "six"]);
        if theirs.is_err() {
            skipped(&format!("the real set {set}"), "the default index does not answer");
            return None;
        }
        Some(case)
    }

    fn uv(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.uv);
        let home = self.place.path("");
        tools::clean(&mut command, &home);
        command.current_dir(&home).env("UV_CACHE_DIR", kept("uv")).args(arguments);
        let ran = command.output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        if ran.status.success() { Ok(String::from_utf8(ran.stdout).unwrap()) } else { Err(said) }
    }

    fn ours(&self, arguments: &[&str]) -> Done {
        let own = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{own}", self.uv.parent().unwrap().display());
        let cache = kept("stratheal");
        let variables = [("PATH", path.as_str()), ("STRATHEAL_CACHE_DIR", cache.to_str().unwrap())];
        let variables = [variables[0], variables[1], ("UV_CACHE_DIR", &kept("uv-as-engine").display().to_string())];
        self.place.run_with(&variables, arguments)
    }

    /// Installs a requirements file with both, and compares.
    fn compare(&self, requirements: &Path) {
        let file = requirements.to_str().unwrap();
        self.uv(&["venv", "--quiet", "--python", "python3", "theirs"]).unwrap();
        self.uv(&["pip", "install", "--quiet", "--python", "theirs", "-r", file]).unwrap();
        let done = self.ours(&["install", "--python", "ours", "-r", file]);
        assert_eq!(done.code, 0, "{done:?}");
        same(&self.place.path("theirs"), &self.place.path("ours"));
        let done = self.ours(&["--offline", "install", "--python", "offline", "-r", file]);
        assert_eq!(done.code, 0, "what was had once needs no network: {done:?}");
        same(&self.place.path("ours"), &self.place.path("offline"));
        let checked = self.uv(&["pip", "check", "--python", "ours"]);
        assert!(checked.is_ok(), "{checked:?}");
    }
}

/// A folder that the next run finds again.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("real-sets").join(name)
}

fn set(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/real_sets/{name}.txt"))
}

/// Everything in an environment that installing has put there.
fn tree(root: &Path) -> BTreeMap<String, Found> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let metadata = path.symlink_metadata().unwrap();
            if metadata.is_dir() {
                folders.push(path);
            } else if metadata.is_symlink() {
                found.insert(name, Found::Link(fs::read_link(path).unwrap()));
            } else {
                let is_executable = metadata.permissions().mode() & 0o100 != 0;
                found.insert(name, Found::File { is_executable, content: fs::read(path).unwrap() });
            }
        }
    }
    found.retain(|name, _| !is_of_the_environment(name));
    found
}

fn is_of_the_environment(name: &str) -> bool {
    let program = name.strip_prefix("bin/").unwrap_or_default();
    let is_python =
        program.strip_prefix("python").is_some_and(|rest| rest.chars().all(|one| "0123456789.".contains(one)));
    let activates = program.to_ascii_lowercase().contains("activate") || program == "pydoc.bat";
    let own = ["pyvenv.cfg", ".lock", ".gitignore", "CACHEDIR.TAG", "lib64"];
    let virtualenv = ["_virtualenv.py", "_virtualenv.pth"].iter().any(|own| name.ends_with(&format!("/{own}")));
    let is_uvs = name.ends_with(".dist-info/uv_build.json");
    is_uvs || is_python || activates || virtualenv || own.contains(&name)
}

/// The programs that entry points ask for.
fn launchers(tree: &BTreeMap<String, Found>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, found) in tree.iter().filter(|(name, _)| name.ends_with(".dist-info/entry_points.txt")) {
        let Found::File { content, .. } = found else { panic!("{name} is a link") };
        let mut is_wanted = false;
        for line in String::from_utf8_lossy(content).lines().map(str::trim) {
            match line.strip_prefix('[') {
                Some(section) => {
                    is_wanted = section.starts_with("console_scripts") || section.starts_with("gui_scripts");
                }
                None if is_wanted => names.extend(line.split_once('=').map(|(name, _)| format!("bin/{}", name.trim()))),
                None => {}
            }
        }
    }
    names
}

/// The rows of a RECORD, but for those that differ on purpose.
fn rows(content: &[u8]) -> BTreeSet<String> {
    let is_own = |row: &str| {
        let path = row.split(',').next().unwrap_or_default();
        let note = path.rsplit('/').next().unwrap_or_default();
        path.starts_with("../../../bin/") || ["INSTALLER", "direct_url.json", "uv_build.json"].contains(&note)
    };
    String::from_utf8_lossy(content).lines().filter(|row| !is_own(row)).map(str::to_owned).collect()
}

fn same(theirs: &Path, ours: &Path) {
    let (theirs, ours) = (tree(theirs), tree(ours));
    let (names, own): (BTreeSet<_>, BTreeSet<_>) = (theirs.keys().collect(), ours.keys().collect());
    let different: Vec<_> = names.symmetric_difference(&own).take(10).collect();
    assert!(different.is_empty(), "only one of them has these: {different:?}");
    let launchers = launchers(&theirs);
    for (name, theirs) in &theirs {
        let ours = &ours[name];
        let (Found::File { is_executable, content }, Found::File { is_executable: own_mode, content: own }) =
            (theirs, ours)
        else {
            assert!(theirs == ours, "{name} is a link elsewhere");
            continue;
        };
        let is_record = name.ends_with(".dist-info/RECORD");
        assert!(is_record || is_executable == own_mode, "the mode of {name}");
        let last = name.rsplit('/').next().unwrap();
        let is_same = match last {
            "INSTALLER" => true,
            "RECORD" if is_record => rows(content) == rows(own),
            "direct_url.json" => {
                let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
                json(content) == json(own)
            }
            _ if launchers.contains(name) => *own_mode,
            // Scripts of wheels name the interpreter of their environment.
            _ if name.starts_with("bin/") => after_first_line(content) == after_first_line(own),
            _ => content == own,
        };
        assert!(is_same, "{name} is not the same");
    }
}

fn after_first_line(content: &[u8]) -> &[u8] {
    let end = content.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    if content.starts_with(b"#!") { &content[end..] } else { content }
}

#[test]
fn a_web_service() {
    let Some(case) = Case::new("fastapi") else { return };
    case.compare(&set("fastapi"));
    let code = "import fastapi, sqlalchemy, uvicorn, pydantic_core";
    assert!(Command::new(case.place.path("ours/bin/python")).args(["-c", code]).status().unwrap().success());
    assert!(Command::new(case.place.path("ours/bin/uvicorn")).arg("--version").output().unwrap().status.success());
}

#[test]
fn data_science() {
    let Some(case) = Case::new("science") else { return };
    case.compare(&set("science"));
    let code = "import numpy, pandas, scipy.stats, sklearn.linear_model, matplotlib";
    assert!(Command::new(case.place.path("ours/bin/python")).args(["-c", code]).status().unwrap().success());
}

#[test]
fn a_site() {
    let Some(case) = Case::new("django") else { return };
    case.compare(&set("django"));
    assert!(Command::new(case.place.path("ours/bin/django-admin")).arg("version").output().unwrap().status.success());
}

#[test]
fn some_have_no_wheels() {
    let Some(case) = Case::new("sources") else { return };
    case.compare(&set("sources"));
}

#[test]
fn a_large_one_with_a_hash_for_everything() {
    let Some(case) = Case::new("locked") else { return };
    let file = set("locked");
    let compile =
        ["pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--python", "python3"];
    let text = case.uv(&[&compile[..], &[file.to_str().unwrap()]].concat()).unwrap();
    let count = text.lines().filter(|line| line.contains("==")).count();
    assert!(count > 150, "only {count}");
    let locked = case.place.path("locked.txt");
    fs::write(&locked, text).unwrap();
    case.compare(&locked);
}

#[test]
fn an_engine_is_fetched_where_there_is_none() {
    let Some(case) = Case::new("engine") else { return };
    let python = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    let python = String::from_utf8(python.stdout).unwrap();
    let path = case.place.path("nothing");
    fs::create_dir(&path).unwrap();
    // Its pip says what the default index is.
    std::os::unix::fs::symlink(python.trim(), path.join("python3")).unwrap();
    let cache = kept("stratheal");
    // What is fetched stays, so that only the first run takes it from the network; what is made of it is made anew.
    drop(fs::remove_dir_all(cache.join("tools")));
    let variables = [("PATH", path.to_str().unwrap()), ("STRATHEAL_CACHE_DIR", cache.to_str().unwrap())];
    let install = ["install", "--engine", "uv", "--refresh", "--base", python.trim(), "six<1.17"];
    let done = case.place.run_with(&variables, &install);
    if done.err.contains("no index of the chain has it") {
        return skipped("fetching an engine", "the default index does not have this version of it");
    }
    assert_eq!((done.code, done.out.contains("+ six 1.16")), (0, true), "{done:?}");
    let tools: Vec<_> = fs::read_dir(cache.join("tools")).unwrap().collect();
    assert_eq!(tools.len(), 1);
}

#[test]
fn a_site_over_a_bad_line() {
    let Some(case) = Case::new("django, over a bad line") else { return };
    let (file, token) = (set("django"), case.place.path("token"));
    fs::write(&token, "secret-of-this-test").unwrap();
    let server = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap();
    let cache = kept("stratheal");
    let variables = [("STRATHEAL_CACHE_DIR", cache.to_str().unwrap())];
    let serve = ["--quiet", "index", "serve", "--listen", &server.to_string(), "--token-file", token.to_str().unwrap()];
    let _serving = case.place.start_with(&variables, &serve);
    let listens = || {
        std::thread::sleep(Duration::from_millis(50));
        TcpStream::connect(server).is_ok()
    };
    assert!((0..200).any(|_| listens()), "the server does not start");
    let relay = Relay::to(server);
    let file = file.to_str().unwrap();
    let index = |address: SocketAddr| format!("http://user:secret-of-this-test@{address}/simple/");
    let install = |environment: &str, cache: &str, index: &str| {
        let own = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{own}", case.uv.parent().unwrap().display());
        let cache = case.place.path(cache);
        let variables = [("PATH", path.as_str()), ("STRATHEAL_CACHE_DIR", cache.to_str().unwrap())];
        case.place.run_with(&variables, &["--index", index, "install", "--python", environment, "-r", file])
    };
    let done = install("good", "good-cache", &index(server));
    assert_eq!(done.code, 0, "{done:?}");
    let done = install("bad", "bad-cache", &index(relay.address()));
    assert_eq!(done.code, 0, "{done:?}");
    assert!(relay.broken() > 3, "{} connections", relay.broken());
    same(&case.place.path("good"), &case.place.path("bad"));
}

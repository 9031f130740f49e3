//! Where packages come from: another index is another question, and folders of files that a requirements file names.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

#[path = "packages_playground/case.rs"]
mod case;
mod packages_playground;

use std::fs;
use std::path::Path;

use case::Case;
use packages_playground::{Server, pip};
use stratheal_core::testing::faulty_index::{Content, Package};

fn content() -> Content {
    Content::new([
        Package::new("alpha", "1.0").requires("beta>=1"),
        Package::new("beta", "1.0"),
        Package::new("beta", "2.0"),
        Package::new("clash", "1.0").requires("beta<2"),
    ])
}

#[test]
fn what_one_index_said_is_no_answer_of_another() {
    let Some(case) = Case::new(content(), Vec::new()) else { return };
    assert_eq!(case.run(&["install", "--python", "first", "beta<2"]).code, 0);
    let empty = Server::start(Content::new([Package::new("other", "1.0")]), Vec::new());
    let url = empty.url();
    let done = case.place.run(&["--index", &url, "install", "--python", "second", "beta<2"]);
    assert_eq!((done.code, case.place.path("second").exists()), (66, false), "{done:?}");
    empty.stop();
    // A mirror of the first one is no other index.
    let mirror = Server::start(content(), Vec::new());
    let (own, other) = (case.server.url(), mirror.url());
    let both = ["--index", own.as_str(), "--mirror", other.as_str(), "install", "--plan", "--format", "json"];
    let done = case.place.run(&[both.as_slice(), &["--python", "third", "beta<2"]].concat());
    assert!(done.out.contains("\"resolved_by\": \"kept\""), "{done:?}");
    mirror.stop();
}

#[test]
fn folders_of_files_and_no_index_mean_what_they_say() {
    let Some(case) = Case::new(content(), Vec::new()) else { return };
    let links = case.place.path("links of mine");
    fs::create_dir(&links).unwrap();
    let file = content().file("beta-1.0-py3-none-any.whl").unwrap().clone();
    fs::write(links.join(&file.name), file.body.to_bytes()).unwrap();
    fs::write(case.place.path("alone.txt"), "--no-index\n--find-links 'links of mine'\nbeta\n").unwrap();
    let pip = pip();
    let engines = ["uv", "pip"].into_iter().filter(|engine| *engine == "uv" || pip.is_some());
    for engine in engines {
        let base = pip.as_ref().map(|pip| Path::new(pip).with_file_name("python"));
        let mut words = vec!["install", "--engine", engine, "--python", engine];
        if let Some(base) = base.as_ref().filter(|_| engine == "pip") {
            words.extend(["--base", base.to_str().unwrap()]);
        }
        let done = case.run(&[words.as_slice(), &["-r", "alone.txt"]].concat());
        assert_eq!((done.code, case.versions(engine).as_str()), (0, "['beta 1.0']"), "{engine}: {done:?}");
        fs::write(case.place.path("none.txt"), "--no-index\nbeta\n").unwrap();
        words[4] = "nothing";
        let done = case.run(&[words.as_slice(), &["-r", "none.txt"]].concat());
        assert_eq!((done.code, case.place.path("nothing").exists()), (66, false), "{engine}: {done:?}");
    }
}

#[test]
fn who_contradicts_whom_is_told_whoever_chooses() {
    let Some(case) = Case::new(content(), Vec::new()) else { return };
    let done = case.run(&["install", "--engine", "uv", "clash", "beta>=2"]);
    let said = done.err.split_once("stratheal: ").unwrap().1;
    assert!(done.code == 66 && said.contains("all versions of clash") && !said.contains("127.0.0.1"), "{done:?}");
    let Some(pip) = pip() else { return };
    let base = Path::new(&pip).with_file_name("python");
    let done = case.run(&["install", "--engine", "pip", "--base", base.to_str().unwrap(), "clash", "beta>=2"]);
    assert!(done.code == 66 && done.err.contains("clash 1.0 depends on beta<2"), "{done:?}");
    assert!(!done.err.contains("requirements.in"), "{done:?}");
}

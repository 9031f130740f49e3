//! Verifying and repairing environments by the command line: the real binary, real interpreters, damage of many kinds.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "no runtime here, and real time is what is tested")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

#[path = "verify/broken.rs"]
mod broken;
#[path = "packages_playground/case.rs"]
mod case;
#[path = "verify/duplicates.rs"]
mod duplicates;
#[path = "verify/modes.rs"]
mod modes;
#[path = "verify/next.rs"]
mod next;
mod packages_playground;
#[path = "verify/vanished.rs"]
mod vanished;
#[path = "verify/virtualenv.rs"]
mod virtualenv;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use case::Case;
use packages_playground::uv;
use serde_json::Value;
use stratheal_core::testing::faulty_index::{Content, Package};
use stratheal_core::testing::skipped;

fn content() -> Content {
    let cli = "def main():\n    print('alpha runs')\n";
    Content::new([
        Package::new("alpha", "1.0")
            .payload(50_000)
            .files(20)
            .requires("beta>=1")
            .file("alpha/cli.py", cli)
            .file("alpha-1.0.dist-info/entry_points.txt", "[console_scripts]\nalpha-run = alpha.cli:main\n"),
        Package::new("beta", "1.0").payload(20_000),
        Package::new("beta", "0.5").payload(20_000).file("beta/old.py", "old = True\n"),
    ])
}

/// A place with an environment `.venv` that has alpha and beta.
fn case() -> Option<Case> {
    let case = Case::new(content(), Vec::new())?;
    let done = case.run(&["install", "alpha"]);
    assert_eq!(done.code, 0, "{done:?}");
    Some(case)
}

impl Case {
    fn site(&self, environment: &str) -> PathBuf {
        let lib = fs::read_dir(self.place.path(environment).join("lib")).unwrap();
        lib.map(|entry| entry.unwrap().path().join("site-packages")).find(|path| path.is_dir()).unwrap()
    }

    /// What `verify` found: the kinds of all findings that count and of leftovers, each with the end of its path.
    fn found(&self, arguments: &[&str]) -> (i32, Vec<String>) {
        let done = self.run(&[&["verify", "--format", "json"], arguments].concat());
        let told: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"));
        let findings = told["findings"].as_array().unwrap().iter().filter(|one| one["severity"] != "note");
        let shown = findings.map(|one| {
            let path = one["path"].as_str().unwrap_or_default();
            format!("{} {}", one["problem"]["kind"].as_str().unwrap(), path.rsplit('/').next().unwrap())
        });
        (done.code, shown.collect())
    }

    fn repair(&self, arguments: &[&str]) -> (i32, Value) {
        let done = self.run(&[&["repair", "--format", "json"], arguments].concat());
        (done.code, serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}")))
    }

    /// Repairs, and looks that everything is as it was before.
    fn mends(&self, what: &str, before: &[(PathBuf, Vec<u8>, u32)]) {
        let (code, told) = self.repair(&[]);
        assert_eq!((code, told["whole"].as_bool()), (0, Some(true)), "{what}: {told:#}");
        for (path, bytes, mode) in before {
            let found = fs::symlink_metadata(path).unwrap();
            assert!(found.is_file() && fs::read(path).unwrap() == *bytes, "{what}: {}", path.display());
            assert_eq!(found.mode() & 0o777, *mode, "{what}: {}", path.display());
        }
        assert_eq!(self.found(&["--full"]), (0, vec![]), "{what}");
        assert!(!self.place.path(".stratheal/stage").exists(), "{what}");
    }
}

/// All files below a folder, with content and mode.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>, u32)> {
    let (mut found, mut waiting) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                waiting.push(path);
            } else if metadata.is_file() {
                found.push((path.clone(), fs::read(&path).unwrap(), metadata.mode() & 0o777));
            }
        }
    }
    found.sort();
    found
}

/// Another byte at the same place, with the same size; the time as it was when `hidden`.
fn flip(path: &Path, hidden: bool) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    let mut file = fs::File::options().write(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    if hidden {
        file.set_modified(modified).unwrap();
    }
}

/// What it is called, how it is done, and what is found.
type Damage<'a> = (&'a str, &'a dyn Fn(), &'a [&'a str]);

#[test]
fn damage_of_each_kind_is_found_and_put_right() {
    let Some(case) = case() else { return };
    let site = case.site(".venv");
    let before = files(&case.place.path(".venv"));
    assert_eq!(case.found(&[]), (0, vec![]));
    let module = site.join("alpha/__init__.py");
    let metadata = site.join("alpha-1.0.dist-info");
    let launcher = case.place.path(".venv/bin/alpha-run");
    let damages: &[Damage<'_>] = &[
        ("an edit that hides its time", &|| flip(&module, true), &["changed __init__.py"]),
        ("an edit", &|| flip(&module, false), &["changed __init__.py"]),
        ("a missing file", &|| fs::remove_file(&module).unwrap(), &["missing __init__.py"]),
        (
            "a link in place of a file",
            &|| {
                fs::rename(&module, case.place.path("moved")).unwrap();
                std::os::unix::fs::symlink(case.place.path("moved"), &module).unwrap();
            },
            &["not-a-file __init__.py"],
        ),
        (
            "a missing folder",
            &|| fs::remove_dir_all(site.join("beta")).unwrap(),
            &["missing __init__.py", "missing data0.bin"],
        ),
        ("a missing launcher", &|| fs::remove_file(&launcher).unwrap(), &["missing alpha-run"]),
        (
            "a METADATA that was cut off",
            &|| fs::write(metadata.join("METADATA"), "Metadata-Version: 2.1\n").unwrap(),
            &["metadata alpha-1.0.dist-info", "changed METADATA"],
        ),
        (
            "a missing METADATA",
            &|| fs::remove_file(metadata.join("METADATA")).unwrap(),
            &["metadata alpha-1.0.dist-info", "missing METADATA"],
        ),
        ("a missing RECORD", &|| fs::remove_file(metadata.join("RECORD")).unwrap(), &["record alpha-1.0.dist-info"]),
        (
            "a RECORD that was cut off, and a file that it listed",
            &|| {
                let text = fs::read_to_string(metadata.join("RECORD")).unwrap();
                let lines: Vec<_> = text.lines().collect();
                fs::write(metadata.join("RECORD"), lines[..lines.len() - 2].join("\n")).unwrap();
                fs::remove_file(&module).unwrap();
            },
            &["record alpha-1.0.dist-info"],
        ),
        (
            "what an interrupted pip has left",
            &|| {
                fs::create_dir(site.join("~lpha-1.0.dist-info")).unwrap();
                fs::write(site.join("~lpha-1.0.dist-info/x"), "").unwrap();
            },
            &["leftover ~lpha-1.0.dist-info"],
        ),
    ];
    for (what, damage, expected) in damages {
        damage();
        let (_, mut found) = case.found(&[]);
        found.sort();
        let mut expected: Vec<_> = expected.iter().map(|text| (*text).to_owned()).collect();
        expected.sort();
        assert_eq!(found, expected, "{what}");
        assert_eq!(case.found(&["--full"]).1.len(), expected.len(), "{what}");
        let before_plan = files(&case.place.path(".venv"));
        let planned = case.run(&["repair", "--plan"]);
        assert!(planned.out.contains("nothing was changed"), "{what}: {planned:?}");
        assert!(files(&case.place.path(".venv")) == before_plan, "{what}: a plan changes nothing");
        case.mends(what, &before);
    }
}

#[test]
fn what_python_and_users_add_is_no_damage() {
    let Some(case) = case() else { return };
    let site = case.site(".venv");
    fs::create_dir_all(site.join("alpha/__pycache__")).unwrap();
    fs::write(site.join("alpha/__pycache__/cli.cpython-312.pyc"), "bytecode").unwrap();
    fs::write(site.join("own.py"), "").unwrap();
    fs::write(site.join("own.pth"), "import sys\n").unwrap();
    assert_eq!(case.found(&["--imports"]), (0, vec![]));
    let told = case.run(&["verify", "--verbose"]);
    assert!(told.out.contains("own.py belongs to no project"), "{told:?}");
    assert_eq!(case.repair(&[]).0, 0);
    assert!(site.join("own.py").exists(), "what belongs to nobody stays");
    // A module that cannot be imported, although every file is as it was installed.
    fs::write(site.join("sitecustomize.py"), "import sys\nsys.modules['alpha'] = None\n").unwrap();
    let (code, found) = case.found(&["--imports"]);
    assert_eq!((code, found), (1, vec!["import ".to_owned()]));
    assert_eq!(case.found(&[]).0, 0, "nothing is imported unless that was asked for");
}

#[test]
fn what_does_not_fit_is_named_and_left_alone() {
    let Some(case) = case() else { return };
    let uv = uv().unwrap();
    let python = case.place.path(".venv/bin/python");
    let mut install = Command::new(uv);
    install.args([
        "pip",
        "install",
        "--no-config",
        "--no-cache",
        "--no-deps",
        "--index-url",
        &case.server.url(),
        "--python",
    ]);
    let done = install.arg(&python).arg("beta==0.5").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(case.found(&[]), (1, vec!["unmet ".to_owned()]));
    let told = case.run(&["verify"]);
    assert!(told.out.contains("alpha requires beta>=1, and 0.5 is installed"), "{told:?}");
    let (code, told) = case.repair(&[]);
    assert_eq!((code, told["mended"].as_array().unwrap().len()), (1, 0), "{told:#}");
    // Nobody noted where uv's came from: it is found by its version and the hash in RECORD.
    let module = case.site(".venv").join("beta/__init__.py");
    let before = fs::read(&module).unwrap();
    flip(&module, false);
    assert_eq!(case.found(&[]).1, ["changed __init__.py", "unmet "]);
    let (_, told) = case.repair(&[]);
    assert_eq!(told["mended"][0]["wheel"], "beta-0.5-py3-none-any.whl", "{told:#}");
    assert_eq!(fs::read(&module).unwrap(), before);
    // Without its RECORD it is installed anew, from the wheel of the version that its folder names.
    fs::remove_file(case.site(".venv").join("beta-0.5.dist-info/RECORD")).unwrap();
    fs::remove_file(&module).unwrap();
    let (_, told) = case.repair(&[]);
    assert_eq!((fs::read(&module).unwrap(), told["unmended"].as_array().unwrap().len()), (before, 0), "{told:#}");
    assert_eq!(case.found(&["--full"]).1, ["unmet "]);
}

#[test]
fn a_file_that_environments_share_is_found_in_each() {
    let Some(case) = case() else { return };
    assert_eq!(case.run(&["install", "--python", "second", "alpha"]).code, 0);
    let (first, second) = (case.site(".venv").join("alpha/data3.bin"), case.site("second").join("alpha/data3.bin"));
    if fs::metadata(&first).unwrap().ino() != fs::metadata(&second).unwrap().ino() {
        return skipped("shared files", "the file system has reflinks, or no hard links");
    }
    let before = fs::read(&first).unwrap();
    flip(&first, true);
    let told = case.run(&["verify"]);
    let other = case.place.path("second").canonicalize().unwrap();
    assert!(told.out.contains(&format!("also in {}", other.display())), "{told:?}");
    // The tree in the cache is the same file: it is not linked again.
    let (code, told) = case.repair(&[]);
    assert_eq!((code, &told["also_damaged"][0]), (0, &Value::from(other.to_str().unwrap())), "{told:#}");
    assert!(fs::read(&first).unwrap() == before && fs::read(&second).unwrap() != before, "each is repaired by itself");
    assert_eq!(case.found(&["second"]).1, ["changed data3.bin"]);
    assert_eq!((case.repair(&["second"]).0, fs::read(&second).unwrap() == before), (0, true));
    assert_eq!(case.run(&["install", "--python", "third", "alpha"]).code, 0);
    assert_eq!(case.found(&["--full", "third"]), (0, vec![]));
}

#[test]
fn a_damaged_store_is_no_obstacle() {
    let Some(case) = case() else { return };
    let module = case.site(".venv").join("alpha/cli.py");
    let before = fs::read(&module).unwrap();
    let store = case.place.path("packages/objects");
    let stored = |kind: &str| {
        let all = files(&store.join(kind)).into_iter();
        all.filter(|(path, ..)| !path.to_string_lossy().ends_with(".json")).map(|(path, ..)| path).collect::<Vec<_>>()
    };
    assert!(!stored("packs").is_empty() && !stored("trees").is_empty());
    let remove = |paths: &[PathBuf]| {
        for path in paths {
            fs::remove_file(path).unwrap();
        }
    };
    // Its tree is gone; its pack is damaged and hides that; its pack is gone.
    let damages: [(&str, &dyn Fn()); 3] = [
        ("no tree", &|| fs::remove_dir_all(store.join("trees")).unwrap()),
        ("a damaged pack", &|| {
            fs::remove_dir_all(store.join("trees")).unwrap();
            for pack in stored("packs") {
                let mut permissions = fs::metadata(&pack).unwrap().permissions();
                std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
                fs::set_permissions(&pack, permissions).unwrap();
                let modified = fs::metadata(&pack).unwrap().modified().unwrap();
                let size = fs::metadata(&pack).unwrap().len() as usize;
                fs::write(&pack, vec![0; size]).unwrap();
                fs::File::options().write(true).open(&pack).unwrap().set_modified(modified).unwrap();
            }
        }),
        ("no pack", &|| {
            fs::remove_dir_all(store.join("trees")).unwrap();
            remove(&stored("packs"));
        }),
    ];
    for (what, damage) in damages {
        damage();
        fs::remove_file(&module).unwrap();
        let (code, told) = case.repair(&[]);
        assert_eq!((code, told["mended"].as_array().unwrap().len()), (0, 1), "{what}: {told:#}");
        assert_eq!(fs::read(&module).unwrap(), before, "{what}");
    }
    // Offline, with nothing left, it says what to do.
    remove(&stored("packs"));
    fs::remove_dir_all(store.join("trees")).unwrap();
    fs::remove_file(&module).unwrap();
    let (code, told) = case.repair(&["--offline"]);
    assert_eq!(code, 1, "{told:#}");
    assert!(
        told["unmended"][0]["reason"].as_str().unwrap().contains("stratheal install --reinstall alpha==1.0"),
        "{told:#}"
    );
}

#[test]
fn without_its_interpreter_it_is_looked_at_all_the_same() {
    let Some(case) = case() else { return };
    let python = case.place.path(".venv/bin/python");
    let target = fs::read_link(&python).unwrap();
    let gone = |target: &str| {
        fs::remove_file(&python).unwrap();
        std::os::unix::fs::symlink(target, &python).unwrap();
    };
    let module = case.site(".venv").join("alpha/cli.py");
    let before = fs::read(&module).unwrap();
    flip(&module, false);
    for (to, expected) in [("/nowhere/python", "interpreter-gone python"), ("/bin/false", "interpreter-fails python")] {
        gone(to);
        for environment in [".venv", ".venv/bin/python"] {
            assert_eq!(case.found(&[environment]), (1, vec![expected.to_owned(), "changed cli.py".to_owned()]), "{to}");
        }
    }
    let (code, told) = case.repair(&[]);
    assert_eq!((code, fs::read(&module).unwrap()), (1, before), "modules are put back: {told:#}");
    gone(target.to_str().unwrap());
    assert_eq!(case.found(&[]), (0, vec![]));
    for (environment, words) in [("absent", "there is none"), (".", "there is none")] {
        let done = case.run(&["verify", environment]);
        assert_eq!((done.code, done.err.contains(words)), (3, true), "{done:?}");
    }
}

#[test]
fn an_environment_of_conda_is_looked_at_and_mended_but_not_exchanged() {
    let Some(case) = case() else { return };
    // A Python of its own, as conda makes them: its program, its library, and no pyvenv.cfg.
    let root = case.place.path("conda");
    let said = |program: &Path, code: &str| {
        let output = Command::new(program).args(["-I", "-c", code]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let facts = "import os, sys; print(os.path.realpath(sys.executable), os.path.dirname(os.__file__))";
    let facts = said(&case.place.path(".venv/bin/python"), facts);
    let (program, library) = facts.split_once(' ').unwrap();
    let (program, library) = (Path::new(program), Path::new(library));
    let own = root.join("lib").join(library.file_name().unwrap());
    for folder in [root.join("conda-meta"), root.join("bin"), own.clone()] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::copy(program, root.join("bin/python")).unwrap();
    let kept = |name: &str| !["EXTERNALLY-MANAGED", "site-packages", "dist-packages"].contains(&name);
    for entry in fs::read_dir(library).unwrap().map(|entry| entry.unwrap()) {
        if kept(entry.file_name().to_str().unwrap()) {
            std::os::unix::fs::symlink(entry.path(), own.join(entry.file_name())).unwrap();
        }
    }
    let prefix = said(&root.join("bin/python"), "import sys; print(sys.prefix)");
    if Path::new(&prefix).canonicalize().ok() != root.canonicalize().ok() {
        return skipped("an environment of conda", &format!("a copy of {} has the prefix {prefix}", program.display()));
    }
    let site = said(&root.join("bin/python"), "import sysconfig; print(sysconfig.get_path('purelib'))");
    fs::create_dir_all(&site).unwrap();
    for name in ["beta", "beta-1.0.dist-info"] {
        let copied = Command::new("cp").arg("-a").arg(case.site(".venv").join(name)).arg(&site).status().unwrap();
        assert!(copied.success());
    }
    assert_eq!(case.found(&["conda"]), (0, vec![]));
    let module = Path::new(&site).join("beta/__init__.py");
    let before = fs::read(&module).unwrap();
    flip(&module, false);
    for environment in ["conda", "conda/bin/python"] {
        assert_eq!(case.found(&[environment]), (1, vec!["changed __init__.py".to_owned()]));
    }
    let done = case.run(&["install", "--python", "conda", "beta"]);
    assert!(done.code == 3 && done.err.contains("conda owns it") && done.err.contains("stratheal verify"), "{done:?}");
    assert_eq!((case.repair(&["conda"]).0, fs::read(&module).unwrap()), (0, before));
}

#[test]
fn a_hostile_record_is_read_and_never_followed() {
    let Some(case) = case() else { return };
    let site = case.site(".venv");
    let outside = case.place.path("precious");
    fs::write(&outside, "precious").unwrap();
    // As another installer's: this program would know its own again.
    let metadata = site.join("beta-1.0.dist-info");
    fs::write(metadata.join("INSTALLER"), "other\n").unwrap();
    let digest = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0";
    let record = fs::read_to_string(metadata.join("RECORD")).unwrap();
    let record: Vec<_> = record.lines().filter(|line| !line.contains("INSTALLER")).collect();
    let rows = format!("{},{digest}\n../../../../precious,{digest}\nbeta/linked/x,{digest}\n", outside.display());
    fs::write(metadata.join("RECORD"), record.join("\n") + "\n" + &rows).unwrap();
    std::os::unix::fs::symlink(case.place.path("."), site.join("beta/linked")).unwrap();
    fs::write(case.place.path("x"), "theirs").unwrap();
    let (code, found) = case.found(&[]);
    assert_eq!((code, found.len()), (1, 3), "{found:?}");
    let (code, told) = case.repair(&[]);
    assert_eq!((code, told["mended"].as_array().unwrap().len()), (1, 0), "{told:#}");
    assert_eq!(fs::read_to_string(&outside).unwrap(), "precious");
    assert_eq!(fs::read_to_string(case.place.path("x")).unwrap(), "theirs");
}

#[test]
fn killed_at_random_no_file_is_half() {
    let Some(case) = case() else { return };
    let environment = case.place.path(".venv");
    let before = files(&environment);
    let url = case.server.url();
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..30 {
        let site = case.site(".venv");
        for number in 0..20 {
            flip(&site.join(format!("alpha/data{number}.bin")), false);
        }
        let damaged = files(&environment);
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let running = case.place.start_with(&[("PATH", &case.path)], &["--index", &url, "repair"]);
        std::thread::sleep(std::time::Duration::from_micros(seed % 60_000));
        drop(running);
        for ((found, right), wrong) in files(&environment).iter().zip(&before).zip(&damaged) {
            assert!(found == right || found == wrong, "half a file: {}", found.0.display());
        }
        case.mends("after a kill", &before);
    }
}

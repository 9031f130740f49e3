//! Environments that are made anew by the command line: the real binary, a real engine, a real interpreter.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

#[path = "packages_playground/case.rs"]
mod case;
mod packages_playground;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use case::Case;
use packages_playground::uv;
use stratheal_core::testing::faulty_index::{Content, Package};

fn case() -> Option<Case> {
    let packages = [
        Package::new("alpha", "1.0").payload(20_000).requires("beta"),
        Package::new("alpha", "2.0").payload(20_000).requires("beta"),
        Package::new("beta", "1.0").payload(20_000),
    ];
    let case = Case::new(Content::new(packages), Vec::new())?;
    let done = case.run(&["install", "alpha==1.0"]);
    assert_eq!(done.code, 0, "{done:?}");
    Some(case)
}

impl Case {
    fn module(&self, name: &str) -> PathBuf {
        let code = format!("import {name}; print({name}.__file__)");
        self.python(".venv", &code).into()
    }

    fn requested(&self) -> String {
        let code = "import importlib.metadata as m; \
                    print([d.name for d in m.distributions() if d.read_text('REQUESTED') is not None and d.name in 'alpha beta'])";
        self.python(".venv", code)
    }
}

#[test]
fn without_its_interpreter_it_is_made_again_as_it_was() {
    let Some(case) = case() else { return };
    let (environment, module) = (case.place.path(".venv"), case.module("alpha"));
    let before = fs::read(&module).unwrap();
    let cfg = environment.join("pyvenv.cfg");
    let text = fs::read_to_string(&cfg).unwrap();
    fs::write(&cfg, text.replace("include-system-site-packages = false", "include-system-site-packages = true"))
        .unwrap();
    fs::write(&module, "damaged").unwrap();
    fs::write(module.with_file_name("own.py"), "").unwrap();
    fs::remove_file(environment.join("bin/python")).unwrap();
    std::os::unix::fs::symlink("/nowhere/python", environment.join("bin/python")).unwrap();
    let failed = case.run(&["install", "beta"]);
    assert!(failed.code != 0 && failed.err.contains("--rebuild"), "{failed:?}");
    let planned = case.run(&["--offline", "install", "--rebuild", "--plan"]);
    assert!(planned.code == 0 && planned.out.contains("nothing was changed"), "{planned:?}");
    assert_eq!(fs::read(&module).unwrap(), b"damaged");
    // What it was made of is in the cache, and in what version it was is known: a newer one is not looked for.
    let done = case.run(&["--offline", "install", "--rebuild"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!((fs::read(&module).unwrap(), module.with_file_name("own.py").exists()), (before, false), "{done:?}");
    assert_eq!(case.requested(), "['alpha']");
    let text = fs::read_to_string(&cfg).unwrap();
    assert!(text.contains("include-system-site-packages = true"), "{text}");
    assert_eq!(case.run(&["verify", "--full"]).code, 0);
    assert!(!case.place.path(".stratheal/stage").exists());
}

#[test]
fn what_others_installed_is_found_by_its_version() {
    let Some(case) = case() else { return };
    let python = case.place.path(".venv/bin/python");
    let mut install = Command::new(uv().unwrap());
    install.args(["pip", "install", "--no-config", "--no-cache", "--reinstall", "--index-url", &case.server.url()]);
    let done = install.arg("--python").arg(&python).args(["alpha==1.0", "beta"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let module = case.module("alpha");
    let before = fs::read(&module).unwrap();
    let done = case.run(&["install", "--rebuild"]);
    assert_eq!((done.code, fs::read(&module).unwrap()), (0, before), "{done:?}");
    let code = "import importlib.metadata as m; print({d.name + ' ' + d.version + ' ' + d.read_text('INSTALLER').strip() \
                for d in m.distributions()} == {'alpha 1.0 stratheal', 'beta 1.0 stratheal'})";
    assert_eq!(case.python(".venv", code), "True");
}

#[test]
fn what_nobody_has_is_said_and_nothing_changes() {
    let Some(case) = case() else { return };
    let metadata = case.module("beta").parent().unwrap().with_file_name("beta-1.0.dist-info");
    let moved = metadata.with_file_name("gone-1.0.dist-info");
    fs::rename(&metadata, &moved).unwrap();
    let text = fs::read_to_string(moved.join("METADATA")).unwrap();
    fs::write(moved.join("METADATA"), text.replace("Name: beta", "Name: gone")).unwrap();
    let before = fs::read_to_string(case.place.path(".venv/pyvenv.cfg")).unwrap();
    let failed = case.run(&["install", "--rebuild"]);
    assert!(failed.code != 0 && failed.err.contains("gone cannot be made again"), "{failed:?}");
    assert_eq!(fs::read_to_string(case.place.path(".venv/pyvenv.cfg")).unwrap(), before);
    // Whoever knows better names what is wanted.
    let done = case.run(&["install", "--rebuild", "alpha"]);
    assert_eq!((done.code, case.versions(".venv")), (0, "['alpha 1.0', 'beta 1.0']".to_owned()), "{done:?}");
    fs::write(case.module("beta").parent().unwrap().with_file_name("beta-1.0.dist-info").join("METADATA"), "").unwrap();
    let failed = case.run(&["install", "--rebuild"]);
    assert!(failed.code != 0 && failed.err.contains("repair it first"), "{failed:?}");
}

//! What is no environment, or no longer the one that it was.

use std::fs;
use std::process::Command;

use crate::case;
use crate::case::Case;
use crate::packages_playground::uv;

#[test]
fn a_file_that_is_no_interpreter_is_called_that() {
    let Some(case) = case() else { return };
    fs::write(case.place.path("afile"), "nothing to run").unwrap();
    for arguments in [&["install", "--python", "afile", "beta"][..], &["verify", "afile"]] {
        let done = case.run(arguments);
        let is_said = done.err.contains("afile is no Python interpreter") && !done.err.contains("PATH");
        assert!(done.code == 3 && is_said, "{done:?}");
    }
}

/// The output of alpha's program in an environment.
fn runs(case: &Case, environment: &str) -> Option<String> {
    let output = Command::new(case.place.path(environment).join("bin/alpha-run")).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn what_was_moved_or_copied_names_its_old_place() {
    let Some(case) = case() else { return };
    let old = case.place.path(".venv").canonicalize().unwrap();
    let copied = Command::new("cp").arg("-a").arg(&old).arg(case.place.path("copied")).status().unwrap();
    assert!(copied.success() && case.found(&[]).0 == 0);
    for environment in ["copied", "moved"] {
        if environment == "moved" {
            fs::rename(&old, case.place.path("moved")).unwrap();
        }
        assert_eq!(case.found(&[environment]), (1, vec!["moved ".to_owned()]), "{environment}");
        let said = format!("the environment was made at {}, and 1 program in it names that", old.display());
        let told = case.run(&["verify", environment]);
        assert!(
            told.out.contains(&said) && told.out.contains("next: stratheal install --rebuild --python"),
            "{told:?}"
        );
        assert!(!told.out.contains("stratheal repair"), "{told:?}");
        let installed = case.run(&["install", "--python", environment, "beta"]);
        assert!(installed.code == 0 && installed.err.contains(&said), "{installed:?}");
        let repaired = case.run(&["repair", environment]);
        assert!(repaired.code == 1 && repaired.out.contains(&said), "{repaired:?}");
        let rebuilt = case.run(&["install", "--rebuild", "--python", environment]);
        assert!(rebuilt.code == 0 && !rebuilt.err.contains(&said), "{rebuilt:?}");
        assert_eq!(case.found(&[environment]), (0, vec![]), "{environment}");
        assert_eq!(runs(&case, environment).as_deref(), Some("alpha runs"));
    }
}

#[test]
fn what_can_be_moved_is_no_damage_elsewhere() {
    let Some(case) = case() else { return };
    let run = |arguments: &[&str]| {
        let mut command = Command::new(uv().unwrap());
        command.args(arguments);
        let done = case.place.run_this(command, &[]);
        assert_eq!(done.code, 0, "{done:?}");
    };
    run(&["venv", "--relocatable", "first"]);
    let url = case.server.url();
    run(&["pip", "install", "--no-cache", "--index-url", &url, "--python", "first/bin/python", "alpha"]);
    fs::rename(case.place.path("first"), case.place.path("second")).unwrap();
    assert_eq!(case.found(&["second"]), (0, vec![]));
    assert_eq!(runs(&case, "second").as_deref(), Some("alpha runs"));
}

#[test]
fn a_configuration_that_is_wrong_is_named_and_made_anew() {
    let Some(case) = case() else { return };
    let file = case.place.path(".venv/pyvenv.cfg");
    let right = fs::read_to_string(&file).unwrap();
    let with = |key: &str, value: &str| {
        let is_it = |line: &str| line.split(" =").next() == Some(key);
        let lines =
            right.lines().map(|line| if is_it(line) { format!("{key} = {value}\n") } else { format!("{line}\n") });
        lines.collect::<String>()
    };
    for (text, words, may_install) in [
        (with("home", "/nowhere/bin"), "pyvenv.cfg says `home = /nowhere/bin`", true),
        (with("version", "2.7.18"), "pyvenv.cfg says `version = 2.7.18`", true),
        ("what is this?\n".to_owned(), "pyvenv.cfg has no `home`", false),
        (String::new(), "pyvenv.cfg has no `home`", false),
    ] {
        fs::write(&file, &text).unwrap();
        assert_eq!(case.found(&[]), (1, vec!["configuration pyvenv.cfg".to_owned()]), "{text}");
        let told = case.run(&["verify"]);
        assert!(told.out.contains(words) && told.out.ends_with("next: stratheal install --rebuild\n"), "{told:?}");
        assert_eq!(case.repair(&[]).0, 1, "{text}");
        let installed = case.run(&["install", "beta"]);
        assert!((installed.code == 0) == may_install && installed.err.contains("--rebuild"), "{installed:?}");
        let rebuilt = case.run(&["install", "--rebuild"]);
        assert_eq!((rebuilt.code, fs::read_to_string(&file).unwrap()), (0, right.clone()), "{rebuilt:?}");
        assert_eq!(case.found(&[]), (0, vec![]));
    }
    fs::write(&file, [0xff, 0xfe, 0]).unwrap();
    assert_eq!(case.found(&[]), (1, vec!["configuration pyvenv.cfg".to_owned()]), "no text");
    fs::remove_file(&file).unwrap();
    for named in [".venv", ".venv/bin/python"] {
        assert_eq!(case.found(&[named]), (1, vec!["configuration-gone pyvenv.cfg".to_owned()]));
    }
    let told = case.run(&["verify"]);
    assert!(told.out.ends_with("next: stratheal install --rebuild\n"), "{told:?}");
    assert_eq!(case.repair(&[]).0, 1);
    let installed = case.run(&["install", "beta"]);
    assert!(installed.code == 3 && installed.err.contains("--rebuild"), "{installed:?}");
    let rebuilt = case.run(&["install", "--rebuild"]);
    assert_eq!((rebuilt.code, fs::read_to_string(&file).unwrap()), (0, right), "{rebuilt:?}");
    assert_eq!(case.versions(".venv"), "['alpha 1.0', 'beta 1.0']");
    // What only looks a little like one stays as it is.
    for other in ["mine/bin/python3", "mine/notes.txt"] {
        fs::create_dir_all(case.place.path(other).parent().unwrap()).unwrap();
        fs::write(case.place.path(other), "precious").unwrap();
    }
    let refused = case.run(&["install", "--rebuild", "--python", "mine", "beta"]);
    assert!(refused.code == 3 && refused.err.contains("not empty"), "{refused:?}");
    assert_eq!(fs::read_to_string(case.place.path("mine/notes.txt")).unwrap(), "precious");
}

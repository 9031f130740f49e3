//! Environments that virtualenv makes, with the RECORDs that it writes for what it puts into them.

use std::fs;
use std::process::Command;

use crate::case::Case;
use crate::packages_playground::virtualenv;
use crate::{content, files};

/// An environment `made` in a place of its own.
fn made(arguments: &[&str]) -> Option<Case> {
    let program = virtualenv()?;
    let case = Case::new(content(), Vec::new())?;
    let mut command = Command::new(program);
    command.args(["--quiet", "--app-data", "shared"]).args(arguments).arg("made");
    let done = case.place.run_this(command, &[]);
    assert_eq!(done.code, 0, "{done:?}");
    Some(case)
}

#[test]
fn bytecode_that_is_listed_and_never_came_to_be_is_no_damage() {
    let Some(case) = made(&[]) else { return };
    let record = fs::read_to_string(case.site("made").join("pip-26.3.dist-info/RECORD")).unwrap_or_default();
    assert_eq!(case.found(&["made"]), (0, vec![]), "{record}");
    // Written, and written anew.
    case.python("made", "import pip._internal.cli.main");
    let compiled: Vec<_> = files(&case.site("made").join("pip")).into_iter().map(|(path, ..)| path).collect();
    let compiled: Vec<_> = compiled.iter().filter(|path| path.extension().is_some_and(|end| end == "pyc")).collect();
    assert!(!compiled.is_empty());
    fs::write(compiled[0], "other").unwrap();
    assert_eq!(case.found(&["--full", "made"]), (0, vec![]));
    let module = case.site("made").join("pip/__init__.py");
    fs::remove_file(module).unwrap();
    assert_eq!(case.found(&["made"]), (1, vec!["missing __init__.py".to_owned()]));
}

#[test]
fn links_into_its_own_folder_are_no_damage() {
    let Some(case) = made(&["--symlink-app-data"]) else { return };
    let linked = case.site("made").join("pip");
    assert!(fs::symlink_metadata(&linked).unwrap().is_symlink());
    assert_eq!(case.found(&["made"]), (0, vec![]));
    let done = case.run(&["repair", "made"]);
    assert!(done.code == 0 && done.out.contains("0 files put back"), "{done:?}");
    assert!(fs::symlink_metadata(&linked).unwrap().is_symlink());
    fs::remove_dir_all(linked.canonicalize().unwrap()).unwrap();
    assert_eq!(case.found(&["made"]).0, 1, "where a link leads nowhere, something is missing");
}

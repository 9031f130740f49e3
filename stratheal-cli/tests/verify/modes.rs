//! Files that are as they were installed, but for their mode.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use stratheal_core::testing::skipped;

use crate::{case, files};

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_program_that_cannot_be_executed_is_one_again() {
    let Some(case) = case() else { return };
    let program = case.place.path(".venv/bin/alpha-run");
    let before = files(&case.place.path(".venv"));
    set(&program, 0o644);
    assert_eq!(case.found(&[]), (1, vec!["mode alpha-run".to_owned()]));
    let told = case.run(&["verify"]);
    assert!(told.out.contains("bin/alpha-run is a program, and cannot be executed: `stratheal repair`"), "{told:?}");
    assert!(told.out.ends_with("next: stratheal repair .venv\n"), "{told:?}");
    let planned = case.run(&["repair", "--plan"]);
    assert!(planned.out.contains("~ bin/alpha-run: its mode\n"), "{planned:?}");
    assert_eq!(case.found(&[]).0, 1, "a plan changes nothing");
    case.mends("a mode", &before);
    // With another content as well.
    fs::write(&program, "#!/bin/sh\n").unwrap();
    set(&program, 0o600);
    case.mends("a mode and a content", &before);
}

#[test]
fn a_file_that_nobody_may_read_is_read_again() {
    let Some(case) = case() else { return };
    if rustix::process::geteuid().is_root() {
        return skipped("files that cannot be read", "root may read all of them");
    }
    let before = files(&case.place.path(".venv"));
    let module = case.site(".venv").join("alpha/cli.py");
    set(&module, 0o000);
    assert_eq!(case.found(&["--full"]), (1, vec!["mode cli.py".to_owned()]));
    case.mends("a mode", &before);
    // Its folder is not looked into: no command helps, and none is named.
    set(module.parent().unwrap(), 0o000);
    let told = case.run(&["verify"]);
    set(module.parent().unwrap(), 0o755);
    assert!(told.code == 1 && !told.out.contains("next: "), "{told:?}");
}

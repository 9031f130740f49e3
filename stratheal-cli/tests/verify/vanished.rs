//! Projects whose metadata is gone: put back, unless something else has uninstalled them.

use std::fs;
use std::process::Command;

use crate::packages_playground::uv;
use crate::{case, files};

#[test]
fn metadata_that_is_gone_is_put_back() {
    let Some(case) = case() else { return };
    let (site, environment) = (case.site(".venv"), case.place.path(".venv"));
    let before = files(&environment);
    let gone = |name: &str| format!("metadata-gone {name}-1.0.dist-info");
    let unmet = || "unmet ".to_owned();
    for (folder, found) in [
        (site.join("alpha-1.0.dist-info"), vec![gone("alpha")]),
        (site.join("beta-1.0.dist-info"), vec![gone("beta"), unmet()]),
        (site.clone(), vec![gone("alpha"), gone("beta")]),
        (environment.join("lib"), vec![gone("alpha"), gone("beta")]),
    ] {
        fs::remove_dir_all(&folder).unwrap();
        let what = folder.display().to_string();
        assert_eq!(case.found(&[]), (1, found), "{what}");
        assert!(case.run(&["verify"]).out.ends_with("next: stratheal repair .venv\n"), "{what}");
        case.mends(&what, &before);
    }
    // All files of the folder, but not the folder: a program is left that nobody uninstalled.
    fs::remove_dir_all(&site).unwrap();
    fs::create_dir(&site).unwrap();
    assert_eq!(case.found(&[]), (1, vec![gone("alpha"), gone("beta")]));
    let rebuilt = case.run(&["--offline", "install", "--rebuild"]);
    assert_eq!((rebuilt.code, case.found(&["--full"])), (0, (0, vec![])), "{rebuilt:?}");
    assert_eq!(case.versions(".venv"), "['alpha 1.0', 'beta 1.0']");
    assert!(files(&environment) == before);
}

#[test]
fn what_something_else_uninstalled_is_only_noted() {
    let Some(case) = case() else { return };
    let run = |arguments: &[&str]| {
        let mut command = Command::new(uv().unwrap());
        command.args(arguments);
        let done = case.place.run_this(command, &[]);
        assert_eq!(done.code, 0, "{done:?}");
    };
    run(&["pip", "uninstall", "--python", ".venv/bin/python", "alpha"]);
    assert_eq!(case.found(&[]), (0, vec![]));
    let told = case.run(&["verify", "--verbose"]);
    assert!(
        told.out.contains("alpha 1.0 was installed by stratheal, and something else has uninstalled it"),
        "{told:?}"
    );
    let (code, told) = case.repair(&[]);
    assert_eq!((code, told["mended"].as_array().unwrap().len()), (0, 0), "{told:#}");
    run(&["pip", "uninstall", "--python", ".venv/bin/python", "beta"]);
    assert_eq!(case.found(&[]), (0, vec![]), "the last one as well");
    // Another environment with the same name.
    fs::remove_dir_all(case.place.path(".venv")).unwrap();
    run(&["venv", ".venv"]);
    assert_eq!(case.found(&[]), (0, vec![]));
    fs::remove_dir_all(case.place.path(".venv")).unwrap();
    assert_eq!(case.run(&["install", "beta"]).code, 0);
    let told = case.run(&["verify", "--verbose"]);
    assert!(told.code == 0 && !told.out.contains("uninstalled"), "{told:?}");
}

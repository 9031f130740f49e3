//! What `verify` says to type next: what helps, and nothing else.

use std::fs;
use std::os::unix::fs::symlink;

use crate::{case, flip};

/// The lines that say what to type next.
fn next(out: &str) -> Vec<&str> {
    out.lines().filter_map(|line| line.strip_prefix("next: ")).collect()
}

#[test]
fn an_interpreter_that_is_gone_is_not_repaired() {
    let Some(case) = case() else { return };
    let module = case.site(".venv").join("alpha/cli.py");
    flip(&module, false);
    assert_eq!(next(&case.run(&["verify"]).out), ["stratheal repair .venv"]);
    assert_eq!(case.repair(&[]).0, 0);
    assert_eq!(case.run(&["install", "--python", "other", "beta"]).code, 0);
    for environment in [".venv", "other"] {
        let python = case.place.path(environment).join("bin/python");
        for target in ["/nowhere/python", "/bin/false"] {
            fs::remove_file(&python).unwrap();
            symlink(target, &python).unwrap();
            let told = case.run(&["verify", environment]);
            let root = case.place.path(environment).canonicalize().unwrap();
            let named = if environment == ".venv" { String::new() } else { format!(" --python {}", root.display()) };
            let rebuild = format!("stratheal install --rebuild{named}");
            assert_eq!(next(&told.out), [rebuild.as_str()], "{target}: {told:?}");
            assert!(told.out.contains("make the environment anew with `stratheal install --rebuild`"), "{told:?}");
            // Who names it another way means the same one.
            assert_eq!(next(&case.run(&["verify", &python.display().to_string()]).out), [rebuild.as_str()]);
        }
        let rebuild = ["install", "--rebuild", "--python", environment];
        assert_eq!(case.run(&rebuild).code, 0);
        assert_eq!(case.found(&[environment]), (0, vec![]));
    }
}

#[test]
fn sources_that_are_gone_are_not_repaired() {
    let Some(case) = case() else { return };
    let source = case.place.path("mine");
    fs::create_dir(&source).unwrap();
    let metadata = case.site(".venv").join("beta-1.0.dist-info");
    let url = format!("{{\"url\": \"file://{}\", \"dir_info\": {{\"editable\": true}}}}", source.display());
    fs::write(metadata.join("direct_url.json"), url).unwrap();
    assert!(next(&case.run(&["verify"]).out).is_empty());
    fs::remove_dir(&source).unwrap();
    let told = case.run(&["verify"]);
    assert_eq!(
        next(&told.out),
        ["stratheal uninstall beta, or install it again from where its sources are now"],
        "{told:?}"
    );
    assert!(told.out.contains("the sources of beta are gone from"), "{told:?}");
    // What no command puts right is said, and no command is named.
    fs::remove_file(metadata.join("direct_url.json")).unwrap();
    let module = case.site(".venv").join("alpha/cli.py");
    fs::remove_file(&module).unwrap();
    fs::create_dir(&module).unwrap();
    let told = case.run(&["verify"]);
    assert!(
        next(&told.out).is_empty() && told.out.contains("cli.py is a folder and should be a file: move it away"),
        "{told:?}"
    );
}

#[test]
fn a_dead_name_of_the_interpreter_is_put_back() {
    let Some(case) = case() else { return };
    let bin = case.place.path(".venv/bin");
    let series = case.python(".venv", "import sys; print('python%d.%d' % sys.version_info[:2])");
    let names = ["python3", series.as_str()];
    let relink = |name: &str, target: &str| {
        let _ = fs::remove_file(bin.join(name));
        symlink(target, bin.join(name)).unwrap();
    };
    for name in names {
        relink(name, "/nowhere");
        assert_eq!(case.found(&[]), (1, vec![format!("link-gone {name}")]));
        assert_eq!(next(&case.run(&["verify"]).out), ["stratheal repair .venv"]);
        let planned = case.run(&["repair", "--plan"]);
        assert!(planned.out.contains(&format!("~ bin/{name}: a link to the interpreter\n")), "{planned:?}");
        assert!(fs::metadata(bin.join(name)).is_err(), "a plan changes nothing");
        let (code, told) = case.repair(&[]);
        assert_eq!((code, &told["relinked"][0]), (0, &format!("bin/{name}").into()), "{told:#}");
        assert_eq!(fs::read_link(bin.join(name)).unwrap().to_str(), Some("python"));
        assert_eq!(case.found(&[]), (0, vec![]));
    }
    // One of another version is not the interpreter's, and nothing is put back where the interpreter is gone.
    relink("python2.7", "/nowhere");
    let told = case.run(&["verify"]);
    assert_eq!(next(&told.out), ["stratheal install --rebuild"], "{told:?}");
    let (code, told) = case.repair(&[]);
    assert_eq!((code, told["relinked"].as_array().unwrap().len()), (1, 0), "{told:#}");
    relink("python", "/nowhere");
    let told = case.run(&["verify"]);
    assert_eq!(next(&told.out), ["stratheal install --rebuild"], "{told:?}");
    assert_eq!(case.found(&[]), (1, vec!["interpreter-gone python".to_owned()]), "told once");
    assert_eq!((case.run(&["install", "--rebuild"]).code, case.found(&[])), (0, (0, vec![])));
}

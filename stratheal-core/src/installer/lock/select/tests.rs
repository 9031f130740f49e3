//! What is installed, and where nothing can be.

use super::*;
use crate::installer::requirement::linux;

const HEAD: &str = "lock-version = '1.0'\ncreated-by = 'x'\n";

/// A package with wheels of these tags.
fn wheels(name: &str, tags: &[&str], rest: &str) -> String {
    let wheel =
        |tags: &&str| format!("{{ url = '/{name}-1-{tags}.whl', hashes = {{ sha256 = '{}' }} }}", "0".repeat(64));
    let wheels: Vec<_> = tags.iter().map(wheel).collect();
    format!("[[packages]]\nname = '{name}'\nwheels = [{}]\n{rest}\n", wheels.join(", "))
}

/// Better the later the Python, on Linux only.
fn rank(tags: &WheelTags) -> Option<usize> {
    let platform = tags.platform.iter().any(|platform| platform.starts_with("linux") || platform == "any");
    let order = ["cp311", "cp310", "py3"];
    order.iter().position(|python| platform && tags.python.iter().any(|tag| tag == python))
}

fn select(text: &str, extras: &[&str], groups: Option<&[&str]>) -> String {
    let lock = Lock::parse(text).unwrap_or_else(|error| panic!("{error}: {text}")).lock;
    let extras: Vec<ExtraName> = extras.iter().map(|name| name.parse().unwrap()).collect();
    let groups = groups.map(|groups| groups.iter().map(|name| name.parse().unwrap()).collect::<Vec<GroupName>>());
    let selection = match lock.select(&linux(), &extras, groups.as_deref(), &rank) {
        Ok(selection) => selection,
        Err(error) => return error.to_string(),
    };
    let told = selection.packages().iter().map(|selected| match selected.source {
        SelectedSource::Wheel(file) | SelectedSource::Sdist(file) => file.name.clone(),
        SelectedSource::Archive(archive) => archive.file_name().unwrap_or_default(),
        SelectedSource::Vcs(vcs) => format!("{} {}", vcs.kind, vcs.commit_id),
        SelectedSource::Directory(directory) => directory.path.clone(),
    });
    let mut told: Vec<_> = told.collect();
    told.push(if selection.is_pinned_and_hashed() { "ready" } else { "not ready" }.to_owned());
    told.join(" ")
}

#[test]
fn files() {
    let sdist = "sdist = { path = 'a-1.tar.gz', hashes = { md5 = '0' } }";
    for (packages, expected) in [
        (
            wheels("a", &["py3-none-any", "cp311-cp311-linux_x86_64", "cp310-cp310-linux_x86_64"], ""),
            "a-1-cp311-cp311-linux_x86_64.whl ready",
        ),
        (
            wheels("a", &["1-py3-none-any", "10b-py3-none-any", "py3-none-any", "10a-py3-none-any"], ""),
            "a-1-10b-py3-none-any.whl ready",
        ),
        (wheels("a", &["cp311-cp311-win_amd64"], sdist), "a-1.tar.gz not ready"),
        (
            wheels("b", &["py3-none-any"], "") + &wheels("a", &["py3-none-any"], sdist),
            "a-1-py3-none-any.whl b-1-py3-none-any.whl ready",
        ),
        (
            wheels("a", &["cp311-cp311-win_amd64", "cp39-cp39-linux_x86_64"], ""),
            "package `a` has no file for this platform: there is no source distribution, and its wheels are for cp311-cp311-win_amd64, cp39-cp39-linux_x86_64",
        ),
        (
            "[[packages]]\nname = 'a'\nvcs = { type = 'git', url = 'u', commit-id = 'c' }\n".to_owned(),
            "git c not ready",
        ),
        ("[[packages]]\nname = 'a'\ndirectory = { path = '../a' }\n".to_owned(), "../a not ready"),
        (
            format!(
                "[[packages]]\nname = 'a'\narchive = {{ path = 'd/a-1-py3-none-any.whl', hashes = {{ sha256 = '{}' }} }}\n",
                "0".repeat(64)
            ),
            "a-1-py3-none-any.whl ready",
        ),
        (
            "[[packages]]\nname = 'a'\narchive = { path = 'd/a-1-py3-none-any.whl', hashes = { md5 = '0' } }\n"
                .to_owned(),
            "a-1-py3-none-any.whl not ready",
        ),
        (wheels("a", &["py3-none-any"], "marker = \"os_name == 'nt'\""), "ready"),
        (
            wheels("a", &["py3-none-any"], "requires-python = '<3.9'"),
            "package `a` is for Python <3.9, and this is 3.11.7",
        ),
        (
            wheels("a", &["py3-none-any"], "version = '1'") + &wheels("a", &["py3-none-any"], ""),
            "the lock asks for two entries of package `a` at once: 1 and one without a version",
        ),
        (
            wheels("a", &["py3-none-any"], "marker = \"os_name == 'nt'\"")
                + &wheels("a", &["cp311-abi3-linux_x86_64"], ""),
            "a-1-cp311-abi3-linux_x86_64.whl ready",
        ),
        (wheels("a", &["py3-none-any"], "marker = \"os_name ~= '1.0'\""), "package `a`: the marker has no answer"),
    ] {
        assert_eq!(select(&format!("{HEAD}{packages}"), &[], None), expected, "{packages}");
    }
}

#[test]
fn extras_and_groups() {
    let head = "extras = ['x', 'y']\ndependency-groups = ['dev']\ndefault-groups = ['main']\n";
    let packages = [
        wheels("a", &["py3-none-any"], "marker = \"'main' in dependency_groups\""),
        wheels("b", &["py3-none-any"], "marker = \"'dev' in dependency_groups\""),
        wheels("c", &["py3-none-any"], "marker = \"'x' in extras and 'y' in extras\""),
    ];
    let text = format!("{HEAD}{head}{}", packages.concat());
    let names = |names: &[&str]| {
        names.iter().map(|name| format!("{name}-1-py3-none-any.whl ")).collect::<Vec<_>>().concat() + "ready"
    };
    for (extras, groups, expected) in [
        (&[][..], None, names(&["a"])),
        (&[], Some(&[][..]), names(&[])),
        (&["x"], Some(&["dev"]), names(&["b"])),
        (&["X", "y"], Some(&["dev", "main"]), names(&["a", "b", "c"])),
        (&["z"], None, "the lock has no extra `z`: it has x, y".to_owned()),
        (&[], Some(&["none"]), "the lock has no dependency group `none`: it has dev".to_owned()),
    ] {
        assert_eq!(select(&text, extras, groups), expected);
    }
    assert_eq!(select(&format!("{HEAD}packages = []"), &["z"], None), "the lock has no extra `z`: it has none");
}

#[test]
fn other_environments() {
    for (head, expected) in [
        ("requires-python = '>=3.12'", "the lock is for Python >=3.12, and this is 3.11.7"),
        (
            "environments = [\"os_name == 'nt'\", \"sys_platform == 'darwin'\"]",
            "the lock is for other environments: `os_name == \"nt\"`, `sys_platform == \"darwin\"`",
        ),
        ("environments = [\"os_name == 'nt'\", \"sys_platform == 'linux'\"]", "ready"),
        ("environments = [\"os_name ~= '1.0'\"]", "environments: the marker has no answer"),
    ] {
        assert_eq!(select(&format!("{HEAD}{head}\npackages = []"), &[], None), expected);
    }
    let odd = MarkerEnvironment { python_full_version: "three".to_owned(), ..linux() };
    let lock = Lock::new(Vec::new());
    assert_eq!(lock.select(&odd, &[], None, &rank), Err(SelectError::Interpreter("three".to_owned())));
}

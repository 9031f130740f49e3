//! Wheels as they should not be, by the command line: each is refused by its own reason, or put right, and nothing else is changed.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

#[path = "packages_playground/case.rs"]
mod case;
mod packages_playground;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use case::Case;
use stratheal_core::objects::ContentId;
use stratheal_core::testing::faulty_index::{Content, Package};

fn case() -> Option<Case> {
    Case::new(Content::new([Package::new("gamma", "1.0")]), Vec::new())
}

#[test]
fn what_was_edited_through_one_environment_is_no_news_in_another() {
    let Some(case) = case() else { return };
    assert_eq!(case.run(&["install", "--python", "first", "gamma"]).code, 0);
    let module = case.python("first", "import gamma; print(gamma.__file__)");
    let before = fs::read(&module).unwrap();
    OpenOptions::new().append(true).open(&module).unwrap().write_all(b"edited = True\n").unwrap();
    let second = case.run(&["install", "--python", "second", "gamma"]);
    assert_eq!((second.code, second.err.as_str()), (0, ""), "{second:?}");
    let module = case.python("second", "import gamma; print(gamma.__file__)");
    assert_eq!(fs::read(module).unwrap(), before);
}

/// Everything in a folder: paths with the content of files and the targets of links.
fn seen(case: &Case, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut seen = BTreeMap::new();
    let mut waiting = vec![case.place.path(folder)];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let found = match fs::symlink_metadata(&path).unwrap() {
                found if found.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                found if found.is_dir() => {
                    waiting.push(path.clone());
                    Vec::new()
                }
                _ => fs::read(&path).unwrap(),
            };
            seen.insert(path, found);
        }
    }
    seen
}

fn put(case: &Case, package: &Package) -> String {
    fs::write(case.place.path(&package.file_name()), package.body().to_bytes()).unwrap();
    format!("./{}", package.file_name())
}

/// Makes a wheel of pairs of path and content. A path that begins with `@` is a link.
const MAKER: &str = r#"
import json, sys, warnings, zipfile
warnings.simplefilter("ignore")
name, entries = json.loads(sys.argv[1])
with zipfile.ZipFile(name, "w") as wheel:
    for path, content in entries:
        entry = zipfile.ZipInfo(path.removeprefix("@"))
        if path.startswith("@"):
            entry.external_attr = 0o120777 << 16
        wheel.writestr(entry, content)
"#;

/// Puts a wheel with this file name there, whose METADATA has these lines, and which has more entries.
fn make(case: &Case, file: &str, metadata: &str, more: &[(&str, &str)]) -> String {
    let stem = file.split('-').take(2).collect::<Vec<_>>().join("-");
    let own = |name: &str| format!("{stem}.dist-info/{name}");
    let wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let mut entries = vec![
        (own("METADATA"), format!("Metadata-Version: 2.1\n{metadata}")),
        (own("WHEEL"), wheel.to_owned()),
        (own("RECORD"), String::new()),
    ];
    entries.extend(more.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())));
    let settings = serde_json::to_string(&(file, entries)).unwrap();
    let made = Command::new("python3").args(["-c", MAKER, &settings]).current_dir(case.place.path("")).status();
    assert!(made.unwrap().success());
    format!("./{file}")
}

#[test]
fn a_wheel_is_of_the_version_in_its_name() {
    let Some(case) = case() else { return };
    assert_eq!(case.run(&["install", "gamma"]).code, 0);
    let before = seen(&case, ".venv");
    let wheel = make(&case, "odd-1.0-py3-none-any.whl", "Name: odd\nVersion: 2.0\n", &[("odd.py", "")]);
    let url = format!("odd @ file://{}", case.place.path(&wheel).display());
    for (wanted, engine) in [(&wheel, "uv"), (&url, "uv"), (&wheel, "auto")] {
        let refused = case.run(&["install", "--engine", engine, wanted]);
        let is_told = refused.err.contains("name says version 1.0") && refused.err.contains("2.0");
        assert_eq!((refused.code, is_told), (65, true), "{wanted}: {refused:?}");
    }
    assert!(seen(&case, ".venv") == before);
    let same = make(&case, "same-1.0-py3-none-any.whl", "Name: same\nVersion: 1\n", &[("same.py", "")]);
    assert_eq!(case.run(&["install", &same]).code, 0, "1 is 1.0");
}

#[test]
fn a_broken_wheel_on_this_machine_is_refused_before_anybody_else_is_asked() {
    let Some(case) = case() else { return };
    assert_eq!(case.run(&["install", "gamma"]).code, 0);
    let before = seen(&case, ".venv");
    let file = |name: &str| format!("{name}-1.0-py3-none-any.whl");
    let whole = |name: &str, more: &[(&str, &str)]| {
        make(&case, &file(name), &format!("Name: {name}\nVersion: 1.0\n"), more);
        fs::read(case.place.path(&file(name))).unwrap()
    };
    let put = |name: &str, bytes: &[u8]| fs::write(case.place.path(&file(name)), bytes).unwrap();
    put("cut", &whole("cut", &[("cut.py", "")])[..200]);
    put("empty", b"");
    put("page", b"<html>404</html>");
    whole("twice", &[("twice.py", "1"), ("twice.py", "2")]);
    whole("link", &[("@link/to", "/etc/passwd")]);
    whole("out", &[("../out.py", "")]);
    make(&case, &file("other"), "Name: another\nVersion: 1.0\n", &[]);
    make(&case, &file("nameless"), "garbage\n", &[]);
    whole("two", &[("three-1.0.dist-info/METADATA", "")]);
    for (name, reason) in [
        ("cut", "no readable zip archive"),
        ("empty", "no readable zip archive"),
        ("page", "no readable zip archive"),
        ("twice", "same name"),
        ("link", "symbolic link"),
        ("out", "leads out"),
        ("other", "it is another"),
        ("nameless", "names no project"),
        ("two", "two metadata folders"),
    ] {
        let path = format!("./{}", file(name));
        fs::write(case.place.path("r.txt"), format!("{path}\n")).unwrap();
        for arguments in
            [&["install", &path][..], &["install", "-r", "r.txt"], &["lock", &path], &["install", "--plan", &path]]
        {
            let refused = case.run(arguments);
            let is_told = refused.err.contains(reason) && refused.err.contains(&file(name));
            assert_eq!((refused.code, is_told), (65, true), "{arguments:?}: {refused:?}");
        }
    }
    assert!(seen(&case, ".venv") == before);
    let elsewhere = format!("./{} ; sys_platform == 'win32'", file("empty"));
    assert_eq!(case.run(&["install", "gamma", &elsewhere]).code, 0, "nobody wants it here");
    let absent = case.run(&["install", "./absent-1.0-py3-none-any.whl"]);
    assert!(absent.code != 0 && absent.err.contains("absent-1.0"), "{absent:?}");
}

#[test]
fn a_wheel_for_another_platform_is_refused() {
    let Some(case) = case() else { return };
    assert_eq!(case.run(&["install", "gamma"]).code, 0);
    let before = seen(&case, ".venv");
    for tags in ["py3-none-win_amd64", "cp27-cp27mu-manylinux1_x86_64", "py2-none-any"] {
        let file = format!("alien-1.0-{tags}.whl");
        let wheel = make(&case, &file, "Name: alien\nVersion: 1.0\n", &[("alien.py", "")]);
        let url = format!("alien @ file://{}", case.place.path(&file).display());
        let elsewhere = format!("alien @ {}", case.server.url().replace("/simple/", &format!("/elsewhere/{file}")));
        let id = ContentId::of(&fs::read(case.place.path(&file)).unwrap());
        let lock = format!(
            "lock-version = \"1.0\"\ncreated-by = \"hand\"\n[[packages]]\nname = \"alien\"\nversion = \"1.0\"\n\
             archive = {{ path = \"{file}\", hashes = {{ sha256 = \"{id}\" }} }}\n"
        );
        fs::write(case.place.path("pylock.toml"), lock).unwrap();
        for arguments in [
            &["install", &wheel][..],
            &["install", "--python", "new", &url],
            &["install", &elsewhere],
            &["install", "-r", "pylock.toml"],
        ] {
            let refused = case.run(arguments);
            let is_told = refused.err.contains(&format!("is for {tags}")) && refused.err.contains("py3-none-any");
            assert_eq!((refused.code, is_told), (66, true), "{arguments:?}: {refused:?}");
        }
        assert!(seen(&case, ".venv") == before && !case.place.path("new").exists());
        let conditional = format!("{wheel} ; sys_platform == 'win32'");
        assert_eq!(case.run(&["install", "gamma", &conditional]).code, 0, "nobody wants it here");
        let locked = case.run(&["lock", &wheel, "-o", "-"]);
        assert!(!locked.err.contains("this interpreter takes"), "a lock may be for others: {locked:?}");
    }
}

#[test]
fn verify_names_what_is_for_another_platform() {
    let Some(case) = case() else { return };
    assert_eq!(case.run(&["install", "gamma"]).code, 0);
    let site = case.python(".venv", "import sysconfig; print(sysconfig.get_path('purelib'))");
    let file = PathBuf::from(site).join("gamma-1.0.dist-info/WHEEL");
    let said = fs::read_to_string(&file).unwrap();
    // Another installer would have written it so, and a RECORD to match.
    fs::remove_file(&file).unwrap();
    fs::write(&file, said.replace("py3-none-any", "py3-none-win_amd64")).unwrap();
    let record = file.with_file_name("RECORD");
    let rows = fs::read_to_string(&record).unwrap();
    let rows = rows.lines().map(|row| if row.contains("/WHEEL,") { "gamma-1.0.dist-info/WHEEL,," } else { row });
    let rows: Vec<_> = rows.collect();
    fs::remove_file(&record).unwrap();
    fs::write(&record, rows.join("\n") + "\n").unwrap();
    let verified = case.run(&["verify"]);
    let is_told = verified.out.contains("conflict:") && verified.out.contains("py3-none-win_amd64");
    assert_eq!((verified.code, is_told), (1, true), "{verified:?}");
}

#[test]
fn a_file_of_another_project_that_is_replaced_is_told() {
    let Some(case) = case() else { return };
    let wheel = |name: &str| {
        let metadata = format!("Name: {name}\nVersion: 1.0\n");
        make(
            &case,
            &format!("{name}-1.0-py3-none-any.whl"),
            &metadata,
            &[("shared.py", name), (&format!("{name}.py"), "")],
        )
    };
    assert_eq!(case.run(&["install", &wheel("first")]).code, 0);
    let told = case.run(&["install", &wheel("second")]);
    let is_told = told.out.contains("shared.py is in first and in second, with different content: second's is there");
    assert_eq!((told.code, is_told), (0, true), "{told:?}");
}

#[test]
fn nobody_replaces_what_makes_an_environment_one() {
    let Some(case) = case() else { return };
    assert_eq!(case.run(&["install", "gamma"]).code, 0);
    let before = seen(&case, ".venv");
    let series = case.python(".venv", "import sys; print('%d.%d' % sys.version_info[:2])");
    for path in [
        "scripts/python",
        "scripts/Python3",
        "scripts/activate.fish",
        "scripts/pyvenv.cfg",
        "data/pyvenv.cfg",
        "data/PYVENV.cfg",
        "data/bin/python",
        "data/bin/python3",
        &format!("data/bin/python{series}"),
        "data/Bin/activate",
        "data/bin/pyvenv.cfg",
        "data/.lock",
        "data/.stratheal/stage/x",
        "data/lib64",
        &format!("data/lib64/python{series}/site-packages/evil.py"),
    ] {
        let wheel = put(&case, &Package::new("evil", "1.0").file(&format!("evil-1.0.data/{path}"), "evil"));
        for environment in [".venv", "new"] {
            let refused = case.run(&["install", "--python", environment, &wheel]);
            assert_eq!((refused.code, refused.err.contains("would replace")), (65, true), "{path}: {refused:?}");
        }
        assert!(seen(&case, ".venv") == before && !case.place.path("new").exists(), "{path}");
    }
    let entry = "[console_scripts]\nactivate = evil:main\n";
    let wheel = put(&case, &Package::new("evil", "1.0").file("evil-1.0.dist-info/entry_points.txt", entry));
    assert_eq!(case.run(&["install", &wheel]).code, 65);
    let fine = Package::new("fine", "1.0").file("fine-1.0.data/scripts/activate-completion", "#!python\n");
    assert_eq!(case.run(&["install", &put(&case, &fine)]).code, 0);
}

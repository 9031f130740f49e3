//! Changes of real environments, with a real interpreter.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::installer::error::InstallError;
use crate::installer::installed::Installed;
use crate::installer::python::Interpreter;
use crate::installer::stage::{changed_between, contents_of, walk};
use crate::installer::switch::{Journal, Recovered, Register};
use crate::objects::Store;
use crate::testing::faulty_index::Package;
use crate::testing::skipped;

struct Case {
    place: PathBuf,
    _folder: Option<tempfile::TempDir>,
    store: Store,
    interpreter: Interpreter,
    register: Register,
    stop: AtomicBool,
    ways: Ways,
    fresh: bool,
}

impl Case {
    /// An environment that is not there yet. `None`, said loudly, without an interpreter.
    async fn new(what: &str) -> Option<Self> {
        let Ok(base) = Interpreter::ask(Path::new("python3"), Duration::from_secs(20)).await else {
            skipped(what, "there is no python3 in PATH");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        Some(Self::at(folder.path().canonicalize().unwrap(), &base, Some(folder)))
    }

    fn at(place: PathBuf, base: &Interpreter, folder: Option<tempfile::TempDir>) -> Self {
        let root = place.join("project/.venv");
        Self {
            store: Store::open(&place.join("store")).unwrap(),
            interpreter: base.in_environment(&root),
            register: Register::open(&place.join("state"), &root).unwrap(),
            stop: AtomicBool::new(false),
            ways: Ways::default(),
            fresh: false,
            place,
            _folder: folder,
        }
    }

    fn root(&self) -> &Path {
        &self.interpreter.prefix
    }

    fn site(&self) -> &Path {
        &self.interpreter.scheme.purelib
    }

    fn addition(&self, package: &Package) -> Addition {
        let wheel = self.store.put(&package.file_name(), "", &package.body().to_bytes()).unwrap();
        let (name, version) =
            package.file_name().split_once('-').map(|(name, rest)| (name.to_owned(), rest.to_owned())).unwrap();
        let version = version.split('-').next().unwrap().parse().unwrap();
        Addition { name: name.parse().unwrap(), version, wheel, requested: true, direct_url: None }
    }

    fn installed(&self) -> Installed {
        Installed::scan([self.site()]).unwrap()
    }

    /// Installs packages, instead of what is there of the same projects, and removes others.
    fn change_told(
        &self,
        packages: &[Package],
        remove: &[&str],
        told: &(dyn Fn(Moment) + Sync),
    ) -> Result<Applied, InstallError> {
        let additions: Vec<Addition> = packages.iter().map(|package| self.addition(package)).collect();
        let contents: Result<Vec<_>, _> = additions
            .iter()
            .map(|addition| contents_of(addition, self.store.tree(&addition.wheel)?, &self.interpreter))
            .collect();
        let goes =
            |name: &str| remove.contains(&name) || additions.iter().any(|addition| addition.name.as_str() == name);
        let removals = self.installed().distributions.into_values().filter(|one| goes(one.name().as_str())).collect();
        let change = Change { additions, removals };
        apply(&Applying {
            interpreter: &self.interpreter,
            register: &self.register,
            change: &change,
            contents: &contents?,
            ways: self.ways,
            fresh: self.fresh,
            stop: &self.stop,
            told,
        })
    }

    fn change(&self, packages: &[Package], remove: &[&str]) -> Result<Applied, InstallError> {
        self.change_told(packages, remove, &|_| {})
    }

    fn python(&self, code: &str) -> String {
        let output = Command::new(self.root().join("bin/python")).args(["-I", "-c", code]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What lies beside the environment.
    fn beside(&self) -> Vec<PathBuf> {
        fs::read_dir(self.root().parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

/// A project with a module, commands, a script, data and headers.
fn rich(version: &str) -> Package {
    let data = format!("rich-{version}.data");
    Package::new("rich", version)
        .requires("alpha")
        .file("rich/cli.py", "def main():\n    print('called')\n    return 3\n")
        .file(&format!("rich-{version}.dist-info/entry_points.txt"), "[console_scripts]\nrich-run = rich.cli:main\n")
        .file(
            &format!("{data}/scripts/rich-script"),
            "#!python\nimport rich, sys\nprint(rich.__version__, sys.prefix)\n",
        )
        .file(&format!("{data}/data/share/rich/note.txt"), "note")
        .file(&format!("{data}/headers/rich.h"), "#pragma once\n")
}

const CHECK_RECORDS: &str = r#"
import base64, hashlib, importlib.metadata as m
checked = 0
for dist in m.distributions():
    for file in dist.files:
        path = file.locate()
        assert path.is_file(), path
        if file.hash is not None:
            digest = base64.urlsafe_b64encode(hashlib.new(file.hash.mode, path.read_bytes()).digest()).rstrip(b"=").decode()
            assert digest == file.hash.value, path
            assert file.size == path.stat().st_size, path
            checked += 1
        else:
            assert path.name == "RECORD", path
print(checked, sorted(d.name + " " + d.version + " " + d.read_text("INSTALLER").strip() for d in m.distributions()))
"#;

#[tokio::test]
async fn a_new_environment_is_one() {
    let Some(case) = Case::new("a new environment").await else { return };
    let applied = case.change(&[rich("1.0"), Package::new("alpha", "2.0").payload(10_000)], &[]).unwrap();
    assert_eq!((applied.how, applied.kept_files, applied.notes.len()), (How::Created, 0, 0));
    assert_eq!(case.python("import sys, rich, alpha; print(sys.prefix)"), case.root().display().to_string());
    let checked = case.python(CHECK_RECORDS);
    assert!(checked.ends_with("['alpha 2.0 stratheal', 'rich 1.0 stratheal']"), "{checked}");
    let output = Command::new(case.root().join("bin/rich-run")).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), &b"called\n"[..]));
    let output = Command::new(case.root().join("bin/rich-script")).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("1.0 {}\n", case.root().display()));
    assert_eq!(fs::read_to_string(case.root().join("share/rich/note.txt")).unwrap(), "note");
    assert!(case.interpreter.scheme.include.join("rich/rich.h").is_file());
    assert_eq!(case.beside(), [case.root()], "nothing is left");
    let activated = format!(". '{}/bin/activate' && python -c 'import sys; print(sys.prefix)'", case.root().display());
    let output = Command::new("sh").args(["-c", &activated]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), case.root().display().to_string());
}

#[tokio::test]
async fn a_change_keeps_what_is_not_its_own() {
    let Some(case) = Case::new("a change").await else { return };
    let old = Package::new("alpha", "1.0").file("alpha/gone.py", "").file("alpha/sub/only.py", "");
    case.change(&[old, rich("1.0")], &[]).unwrap();
    case.python("import alpha.gone, rich.cli");
    fs::write(case.site().join("alpha/mine.txt"), "mine").unwrap();
    fs::write(case.root().join("settings.ini"), "mine").unwrap();
    fs::set_permissions(case.site().join("alpha"), std::os::unix::fs::PermissionsExt::from_mode(0o775)).unwrap();
    let inode = |path: &str| fs::metadata(case.root().join(path)).unwrap().ino();
    let (root, settings) = (inode("."), inode("settings.ini"));
    let applied = case.change(&[Package::new("alpha", "2.0")], &[]).unwrap();
    assert_eq!(applied.how, How::Exchanged);
    assert_ne!(inode("."), root);
    assert_eq!(inode("settings.ini"), settings);
    assert_eq!(case.python("import alpha, rich; print(alpha.__version__)"), "2.0");
    assert!(case.site().join("alpha/mine.txt").is_file());
    assert!(!case.site().join("alpha/gone.py").exists() && !case.site().join("alpha/sub").exists());
    assert!(!case.site().join("alpha-1.0.dist-info").exists());
    let bytecode: Vec<_> = walk(case.site())
        .unwrap()
        .into_iter()
        .filter(|entry| entry.path.extension().is_some_and(|end| end == "pyc"))
        .collect();
    assert!(bytecode.iter().any(|entry| entry.path.starts_with("rich")), "what is unchanged keeps its bytecode");
    assert!(!bytecode.iter().any(|entry| entry.path.to_string_lossy().contains("gone")));
    assert_eq!(fs::metadata(case.site().join("alpha")).unwrap().mode() & 0o777, 0o775);
    case.change(&[], &["alpha"]).unwrap();
    assert_eq!(case.installed().distributions.len(), 1);
    assert!(case.site().join("alpha/mine.txt").is_file() && !case.site().join("alpha/__init__.py").exists());
    case.python(CHECK_RECORDS);
    assert_eq!(case.beside(), [case.root()]);
}

#[tokio::test]
async fn who_changes_it_meanwhile_loses_nothing() {
    let Some(case) = Case::new("a disturbed change").await else { return };
    case.change(&[Package::new("alpha", "1.0")], &[]).unwrap();
    let times = AtomicUsize::new(0);
    let disturb = |name: &'static str, most: usize| {
        let (times, site) = (&times, case.site().to_owned());
        move |moment| {
            if moment == Moment::Switching && times.fetch_add(1, Ordering::Relaxed) < most {
                fs::write(site.join(format!("{name}-{}.py", times.load(Ordering::Relaxed))), "x = 1").unwrap();
            }
        }
    };
    case.change_told(&[Package::new("alpha", "2.0")], &[], &disturb("made", 1)).unwrap();
    assert_eq!(case.python("import alpha; print(alpha.__version__)"), "2.0");
    assert!(case.site().join("made-1.py").is_file());
    times.store(0, Ordering::Relaxed);
    let error = case.change_told(&[Package::new("alpha", "3.0")], &[], &disturb("late", usize::MAX)).unwrap_err();
    assert!(error.to_string().contains("late-"), "{error}");
    assert_eq!(case.python("import alpha; print(alpha.__version__)"), "2.0");
    assert_eq!(case.beside(), [case.root()]);
}

#[tokio::test]
async fn files_are_replaced_in_place() {
    let Some(mut case) = Case::new("a change in place").await else { return };
    case.change(&[Package::new("alpha", "1.0").file("alpha/gone/old.py", ""), rich("1.0")], &[]).unwrap();
    case.ways.in_place = true;
    let identity = |path: &Path| fs::metadata(path).unwrap().ino();
    let (root, kept) = (identity(case.root()), identity(&case.site().join("rich/cli.py")));
    case.python("import alpha, rich.cli");
    let applied = case.change(&[Package::new("alpha", "2.0").file("alpha/new/one.py", "")], &[]).unwrap();
    assert_eq!((applied.how, applied.notes.len()), (How::Replaced, 0));
    assert_eq!((identity(case.root()), identity(&case.site().join("rich/cli.py"))), (root, kept));
    assert_eq!(case.python("import alpha.new.one as one, alpha; print(alpha.__version__)"), "2.0");
    assert!(!case.site().join("alpha/gone").exists() && !case.site().join("alpha-1.0.dist-info").exists());
    case.python(CHECK_RECORDS);
    assert_eq!(case.beside(), [case.root()]);
    // A file that is in the way of a folder that somebody made meanwhile: everything is taken back.
    let before = walk(case.root()).unwrap();
    let in_the_way = case.site().join("beta");
    let told = |moment| {
        if moment == Moment::Switching {
            fs::write(&in_the_way, "").unwrap();
        }
    };
    case.change_told(&[Package::new("alpha", "3.0"), Package::new("beta", "1.0")], &[], &told).unwrap_err();
    fs::remove_file(&in_the_way).unwrap();
    assert!(changed_between(&before, &walk(case.root()).unwrap()).is_empty());
    assert_eq!(case.python("import alpha; print(alpha.__version__)"), "2.0");
    case.change(&[], &["alpha", "rich"]).unwrap();
    assert!(!case.site().join("alpha").exists() && !case.root().join("share").exists());
}

#[tokio::test]
async fn a_rebuilt_one_has_nothing_else() {
    for in_place in [false, true] {
        let Some(mut case) = Case::new("a rebuilt environment").await else { return };
        case.change(&[Package::new("alpha", "1.0"), rich("1.0")], &[]).unwrap();
        fs::write(case.site().join("own.py"), "").unwrap();
        fs::remove_file(case.root().join("bin/python")).unwrap();
        (case.fresh, case.ways.in_place) = (true, in_place);
        let applied = case.change(&[Package::new("alpha", "1.0")], &[]).unwrap();
        assert_eq!(applied.how, if in_place { How::Replaced } else { How::Exchanged });
        assert!(!case.site().join("own.py").exists() && !case.site().join("rich").exists());
        assert!(case.python(CHECK_RECORDS).ends_with("['alpha 1.0 stratheal']"));
        assert_eq!(case.beside(), [case.root()]);
    }
}

#[tokio::test]
async fn what_is_new_is_compiled_as_if_it_lay_in_its_place() {
    let Some(mut case) = Case::new("bytecode").await else { return };
    case.change(&[Package::new("alpha", "1.0")], &[]).unwrap();
    case.ways.compile = true;
    let broken = rich("1.0").file("rich/template.py", "def {{ name }}(): pass\n");
    let case = tokio::task::spawn_blocking(move || {
        let applied = case.change(&[broken], &[]).unwrap();
        assert_eq!(applied.notes.len(), 0);
        case
    });
    let case = case.await.unwrap();
    let bytecode = |name: &str| fs::read_dir(case.site().join(name).join("__pycache__")).map_or(0, Iterator::count);
    assert_eq!(
        (bytecode("rich"), bytecode("alpha")),
        (2, 0),
        "what cannot be compiled is left out, and what was there too"
    );
    let found = "import rich.cli as one; print(one.__cached__ and one.main.__code__.co_filename)";
    assert_eq!(case.python(found), case.site().join("rich/cli.py").display().to_string());
    let used = "import sys, rich.cli, os; print(os.stat(rich.cli.__cached__).st_mtime_ns)";
    assert_eq!(case.python(used), case.python(used), "it is used, and not made again");
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let Some(case) = Case::new("refused changes").await else { return };
    case.change(&[Package::new("alpha", "1.0")], &[]).unwrap();
    std::os::unix::fs::symlink(&case.place, case.site().join("linked")).unwrap();
    fs::write(case.site().join("plain"), "").unwrap();
    let before = walk(case.root()).unwrap();
    let evil = |path: &str| Package::new("evil", "1.0").file(path, "x");
    for (package, word) in [
        (evil("linked/out.py"), "is a link"),
        (evil("plain/inside.py"), "a file and a folder"),
        (evil("alpha"), "a file and a folder"),
        (evil("../out.py"), "refused"),
        (evil("/tmp/out.py"), "refused"),
        (evil("evil-1.0.data/nowhere/x"), "belongs to no part"),
        (evil("evil-1.0.dist-info/entry_points.txt").file("evil-1.0.data/scripts/a/b", ""), "program in a folder"),
        (evil("EVIL/__init__.py"), "refused"),
    ] {
        let error = case.change(&[package], &[]).unwrap_err();
        let text = crate::base::class::chain(&error);
        assert!(text.contains(word), "{word}: {text}");
    }
    case.stop.store(true, Ordering::Relaxed);
    assert!(matches!(case.change(&[Package::new("beta", "1.0")], &[]), Err(InstallError::Stopped)));
    case.stop.store(false, Ordering::Relaxed);
    fs::remove_file(case.site().join("alpha-1.0.dist-info/RECORD")).unwrap();
    let error = case.change(&[Package::new("alpha", "2.0")], &[]).unwrap_err();
    assert!(error.to_string().contains("has no RECORD"), "{error}");
    let changed = changed_between(&before, &walk(case.root()).unwrap());
    assert_eq!(changed, [case.site().join("alpha-1.0.dist-info/RECORD").strip_prefix(case.root()).unwrap()]);
    assert_eq!(case.beside(), [case.root()]);
}

#[tokio::test]
async fn an_interpreter_that_is_gone_is_named() {
    let Some(case) = Case::new("a dangling interpreter").await else { return };
    case.change(&[Package::new("alpha", "1.0")], &[]).unwrap();
    fs::remove_file(case.root().join("bin/python")).unwrap();
    std::os::unix::fs::symlink("/nowhere/python3.99", case.root().join("bin/python")).unwrap();
    let error = case.change(&[Package::new("beta", "1.0")], &[]).unwrap_err();
    assert!(error.to_string().contains("/nowhere/python3.99"), "{error}");
}

#[tokio::test]
async fn what_was_refused_is_no_interrupted_change() {
    let Some(case) = Case::new("a change that is refused").await else { return };
    case.change(&[Package::new("alpha", "1.0")], &[]).unwrap();
    let is_forgotten = |when: &str| {
        assert_eq!(Journal::recover(&case.register, case.root()).unwrap(), None, "{when}");
        assert_eq!(case.beside(), [case.root()], "{when}");
    };
    // A file where the folder for stages would be.
    let own = case.place.join("project/.stratheal");
    fs::write(&own, "").unwrap();
    case.change(&[Package::new("alpha", "2.0")], &[]).unwrap_err();
    fs::remove_file(&own).unwrap();
    is_forgotten("no stage");
    // A stage was made, and what was to be in it does not fit.
    let folder = Package::new("beta", "1.0").file("alpha", "a file where a folder is");
    case.change(&[folder], &[]).unwrap_err();
    is_forgotten("a conflict");
    if rustix::process::geteuid().is_root() {
        return skipped("folders that may not be written to", "root may write anywhere");
    }
    let modes = |mode: u32| {
        for folder in [case.root(), case.root().parent().unwrap()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    modes(0o555);
    let error = case.change(&[Package::new("alpha", "2.0")], &[]).unwrap_err();
    modes(0o755);
    assert!(error.to_string().contains("chmod u+w"), "{error}");
    is_forgotten("no permission");
}

const DIES_AT: &str = "STRATHEAL_TEST_DIES_AT";
const DIES_IN_PLACE: &str = "STRATHEAL_TEST_DIES_IN_PLACE";
const DIES_IN: &str = "STRATHEAL_TEST_DIES_IN";

/// The child of the next test: it begins a change, and is gone without any farewell at one of its moments.
#[tokio::test]
#[ignore = "it is run by another test, and dies"]
async fn dies() {
    let (Ok(moment), Ok(folder)) = (std::env::var(DIES_AT), std::env::var(DIES_IN)) else { return };
    let base = Interpreter::ask(Path::new("python3"), Duration::from_secs(20)).await.unwrap();
    let mut case = Case::at(folder.into(), &base, None);
    case.ways.in_place = std::env::var_os(DIES_IN_PLACE).is_some();
    let told = |at: Moment| {
        if serde_json::to_value(at).unwrap() == moment {
            std::process::abort();
        }
    };
    case.change_told(&[Package::new("alpha", "2.0").payload(300_000).files(100)], &[], &told).unwrap();
}

#[tokio::test]
async fn killed_at_any_moment_it_is_the_old_one_or_the_new_one() {
    for moment in ["building", "checking", "switching", "comparing", "cleaning"] {
        for (exists, in_place) in [(true, false), (false, false), (true, true)] {
            let Some(case) = Case::new("a killed change").await else { return };
            if exists {
                case.change(&[Package::new("alpha", "1.0"), rich("1.0")], &[]).unwrap();
            }
            let own = std::env::current_exe().unwrap();
            let mut child = Command::new(own);
            child.args(["--exact", "installer::change::tests::dies", "--ignored"]);
            child.env(DIES_AT, moment).env(DIES_IN, &case.place);
            if in_place {
                child.env(DIES_IN_PLACE, "1");
            }
            let output = child.output().unwrap();
            let switched = matches!(moment, "comparing" | "cleaning");
            if moment == "comparing" && (in_place || !exists) {
                assert!(
                    output.status.success(),
                    "a new environment has nothing to compare, and one in place did so before"
                );
                continue;
            }
            assert!(!output.status.success(), "{moment}");
            let version = || case.python("import alpha; print(alpha.__version__)");
            let as_expected = |when: &str| match (switched, exists) {
                (true, _) => assert_eq!(version(), "2.0", "{moment} {when}"),
                (false, true) => assert_eq!(version(), "1.0", "{moment} {when}"),
                (false, false) => assert!(!case.root().exists(), "{moment} {when}"),
            };
            as_expected("before recovery");
            let recovered = Journal::recover(&case.register, case.root()).unwrap();
            let expected = match (moment, switched) {
                // Nothing was begun yet.
                ("building", _) => None,
                (_, true) => Some(Recovered::Finished),
                (_, false) => Some(Recovered::Undone),
            };
            assert_eq!(recovered, expected, "{moment}, {exists}");
            as_expected("after recovery");
            let left = walk(&case.place).unwrap();
            let staged = left.iter().filter(|entry| entry.path.to_string_lossy().contains(".stratheal/stage/")).count();
            assert_eq!(staged, 0, "{moment}: {left:?}");
            case.change(&[Package::new("alpha", "3.0")], &[]).unwrap();
            assert_eq!(version(), "3.0");
            case.python(CHECK_RECORDS);
        }
    }
}

#[tokio::test]
async fn a_file_of_another_project_that_is_replaced_is_told() {
    let Some(case) = Case::new("files of two projects").await else { return };
    let part = |name: &str, version: &str, content: &str| {
        Package::new(name, version).file("shared/m.py", content.to_owned()).file("shared/same.py", "same")
    };
    let told = |packages: &[Package], remove: &[&str]| case.change(packages, remove).unwrap().notes;
    let path = case.site().join("shared/m.py");
    let said = |first: &str, last: &str| {
        let path = path.strip_prefix(case.root()).unwrap().display();
        vec![format!("{path} is in {first} and in {last}, with different content: {last}'s is there")]
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(told(&[part("first", "1.0", "1")], &[]), none);
    assert_eq!(told(&[part("first", "2.0", "2")], &[]), none, "what is its own it may replace");
    assert_eq!(told(&[part("second", "1.0", "2")], &[]), none, "the same content hurts nobody");
    assert_eq!(told(&[part("second", "2.0", "3")], &[]), said("first", "second"));
    assert_eq!(fs::read(&path).unwrap(), b"3");
    assert_eq!(told(&[part("third", "1.0", "4")], &["first", "second"]), none, "whoever goes has nothing");
    fs::write(case.site().join("loose.py"), "mine").unwrap();
    assert_eq!(told(&[Package::new("fourth", "1.0").file("loose.py", "x")], &[]), none, "it was nobody's");
}

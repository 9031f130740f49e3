//! Wheels of what is none: source distributions, folders, repositories, editables, by real engines.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

#[path = "packages_playground/case.rs"]
mod case;
mod packages_playground;

use std::fs;
use std::process::Command;

use case::Case;
use packages_playground::{Done, pip};
use stratheal_core::testing::faulty_index::{Content, Package};

/// A build backend without needs (PEP 517, PEP 660): it packs `src`, or a `.pth` that leads there.
const BACKEND: &str = r#"
import os, zipfile

def pack(folder, members, config_settings):
    if os.path.exists("fails"):
        raise SystemExit("no compiler for project here")
    version = open("version").read().strip()
    info = f"project-{version}.dist-info/"
    members = members + [
        (info + "METADATA", f"Metadata-Version: 2.1\nName: project\nVersion: {version}\nRequires-Dist: beta\n"),
        (info + "WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        (info + "entry_points.txt", "[console_scripts]\nproject-run = project:main\n"),
        (info + "settings.txt", str(config_settings or {})),
    ]
    name = f"project-{version}-py3-none-any.whl"
    record = "".join(f"{member},,\n" for member, _ in members) + info + "RECORD,,\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for member, text in members + [(info + "RECORD", record)]:
            archive.writestr(member, text)
    with open(os.environ.get("BUILDS", os.devnull), "a") as log:
        log.write("x")
    return name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    return pack(folder, [("project/__init__.py", open("src/project/__init__.py").read())], config_settings)

def build_editable(folder, config_settings=None, metadata_directory=None):
    return pack(folder, [("project.pth", os.path.abspath("src") + "\n")], config_settings)
"#;

fn content() -> Content {
    Content::new([
        Package::new("beta", "1.0"),
        Package::new("sourced", "1.0").requires("beta").sdist(),
        Package::new("needy", "1.0").sdist_needing("beta"),
    ])
}

fn case() -> Option<Case> {
    let case = Case::new(content(), Vec::new())?;
    let folder = case.place.path("project");
    for (name, text) in [
        ("pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"),
        ("backend.py", BACKEND),
        ("version", "1.0"),
        ("src/project/__init__.py", "def main():\n    print('first')\n"),
    ] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Some(case)
}

impl Case {
    fn says(&self, program: &str) -> String {
        let ran = Command::new(self.place.path(".venv/bin").join(program)).output().unwrap();
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.place.path("project").join(name), text).unwrap();
    }

    fn direct_url(&self) -> serde_json::Value {
        let code = "import importlib.metadata as m; print(m.distribution('project').read_text('direct_url.json'))";
        serde_json::from_str(&self.python(".venv", code)).unwrap()
    }
}

fn builds(done: &Done) -> usize {
    assert_eq!(done.code, 0, "{done:?}");
    done.err.matches("building ").count()
}

#[test]
fn source_distributions_are_built_once() {
    let Some(case) = case() else { return };
    let planned = case.run(&["install", "--plan", "sourced", "needy"]);
    assert!(planned.out.contains("2 to build"), "{planned:?}");
    assert_eq!(builds(&case.run(&["install", "sourced", "needy"])), 2);
    assert_eq!(case.versions(".venv"), "['beta 1.0', 'needy 1.0', 'sourced 1.0']");
    let again = case.run(&["install", "--python", "second", "sourced", "needy"]);
    assert_eq!((builds(&again), case.versions("second")), (0, case.versions(".venv")), "{again:?}");
    // A lock of sources is installed without anything to resolve, and offline.
    assert_eq!(case.run(&["lock", "sourced", "needy"]).code, 0);
    let offline = case.run(&["--offline", "install", "--python", "third", "-r", "pylock.toml"]);
    assert_eq!((builds(&offline), case.versions("third")), (0, case.versions(".venv")), "{offline:?}");
}

#[test]
fn pip_builds_as_well() {
    let (Some(case), Some(_)) = (case(), pip()) else { return };
    assert_eq!(builds(&case.run(&["install", "--engine", "pip", "sourced", "needy"])), 2);
    assert_eq!(case.versions(".venv"), "['beta 1.0', 'needy 1.0', 'sourced 1.0']");
    let done = case.run(&["install", "--engine", "pip", "-e", "project"]);
    assert_eq!((builds(&done), case.says("project-run").as_str()), (1, "first"), "{done:?}");
}

#[test]
fn a_folder_is_built_anew_when_it_changed() {
    let Some(case) = case() else { return };
    assert_eq!(builds(&case.run(&["install", "./project"])), 1);
    assert_eq!(case.says("project-run"), "first");
    assert_eq!(case.direct_url()["dir_info"], serde_json::json!({}));
    let again = case.run(&["install", "./project"]);
    assert_eq!(builds(&again), 0, "the same content is the same wheel");
    assert!(again.out.contains("as wanted"), "{again:?}");
    case.write("src/project/__init__.py", "def main():\n    print('second')\n");
    assert_eq!(builds(&case.run(&["install", "./project"])), 1, "and edits under the same version are not");
    assert_eq!(case.says("project-run"), "second");
    case.write("fails", "");
    let failed = case.run(&["install", "./project"]);
    assert_eq!((failed.code, failed.err.contains("no compiler for project here")), (3, true), "{failed:?}");
    assert_eq!(case.says("project-run"), "second");
    let nothing = case.run(&["install", "./nothing"]);
    assert_eq!(nothing.code, 3, "{nothing:?}");
}

#[test]
fn editables_lead_to_their_folder() {
    let Some(case) = case() else { return };
    fs::write(case.place.path("r.txt"), "-e ./project --config-settings colour=red\nbeta\n").unwrap();
    assert_eq!(builds(&case.run(&["install", "-r", "r.txt"])), 1);
    assert_eq!(
        (case.says("project-run").as_str(), &case.direct_url()["dir_info"]["editable"]),
        ("first", &true.into())
    );
    let settings = case
        .python(".venv", "import importlib.metadata as m; print(m.distribution('project').read_text('settings.txt'))");
    assert!(settings.contains("red"), "{settings}");
    case.write("src/project/__init__.py", "def main():\n    print('edited')\n");
    assert_eq!(case.says("project-run"), "edited", "without an installation");
    assert_eq!(builds(&case.run(&["install", "-r", "r.txt"])), 0, "what it is decides, not what it holds");
    // The lock names it from its own folder.
    assert_eq!(case.run(&["lock", "-e", "project", "--output", "pylock.toml"]).code, 0);
    let lock = fs::read_to_string(case.place.path("pylock.toml")).unwrap();
    assert!(lock.contains("path = \"project\"") && lock.contains("editable = true"), "{lock}");
    assert_eq!(case.run(&["install", "--python", "second", "-r", "pylock.toml"]).code, 0);
    assert_eq!(case.python("second", "import project; project.main()"), "edited");
}

#[test]
fn repositories_are_checked_out() {
    let Some(case) = case() else { return };
    let folder = case.place.path("project");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(&folder).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(arguments);
        let out = git.output().unwrap();
        assert!(out.status.success(), "{out:?}");
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "-A"]);
    git(&["commit", "-qm", "first"]);
    let first = git(&["rev-parse", "HEAD"]);
    let url = format!("git+file://{}", folder.display());
    assert_eq!(builds(&case.run(&["install", &format!("{url}@main")])), 1);
    let told = case.direct_url();
    assert_eq!(
        (&told["vcs_info"]["commit_id"], &told["vcs_info"]["requested_revision"]),
        (&first.as_str().into(), &"main".into())
    );
    assert_eq!(builds(&case.run(&["install", "--refresh", &format!("{url}@main")])), 0);
    case.write("src/project/__init__.py", "def main():\n    print('second')\n");
    git(&["commit", "-qam", "second"]);
    assert_eq!(builds(&case.run(&["install", "--refresh", &format!("{url}@main")])), 1);
    assert_eq!(case.says("project-run"), "second");
}

#[test]
fn a_project_says_what_it_needs() {
    let Some(case) = case() else { return };
    let text = "[project]\nname = 'own'\nversion = '1'\ndependencies = ['beta']\n[project.optional-dependencies]\n\
                more = ['sourced']\n[dependency-groups]\ndev = ['needy']\n";
    fs::write(case.place.path("pyproject.toml"), text).unwrap();
    assert_eq!(case.run(&["install", "-r", "pyproject.toml"]).code, 0);
    assert_eq!(case.versions(".venv"), "['beta 1.0']");
    assert_eq!(case.run(&["install", "--group", "dev"]).code, 0);
    assert_eq!(case.versions(".venv"), "['beta 1.0', 'needy 1.0']");
    assert_eq!(case.run(&["sync", "-r", "pyproject.toml", "--extra", "more"]).code, 0);
    assert_eq!(case.versions(".venv"), "['beta 1.0', 'sourced 1.0']");
    let unknown = case.run(&["install", "-r", "pyproject.toml", "--extra", "mroe"]);
    assert_eq!((unknown.code, unknown.err.contains("more")), (3, true), "{unknown:?}");
}

//! The way back, as a new user goes it: install, keep, break the environment in every way that people do, go back, and look.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "no runtime here, and real time is what is tested")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

#[path = "packages_playground/case.rs"]
mod case;
mod packages_playground;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use case::Case;
use packages_playground::{Done, pip};
use stratheal_core::testing::faulty_index::{Content, Package};

fn content() -> Content {
    let cli = "import beta\ndef main():\n    print('alpha runs')\n";
    Content::new([
        Package::new("alpha", "1.0")
            .payload(200_000)
            .requires("beta>=1")
            .file("alpha/cli.py", cli)
            .file("alpha-1.0.dist-info/entry_points.txt", "[console_scripts]\nalpha-run = alpha.cli:main\n"),
        Package::new("beta", "1.0").payload(50_000),
        Package::new("beta", "2.0").payload(50_000),
        Package::new("gamma", "1.0"),
    ])
}

struct Story {
    case: Case,
    root: PathBuf,
    site: PathBuf,
}

fn story() -> Option<Story> {
    let case = Case::new(content(), Vec::new())?;
    fs::write(case.place.path("requirements.txt"), "alpha\nbeta<2\n").unwrap();
    let done = case.run(&["install", "-r", "requirements.txt"]);
    assert_eq!(done.code, 0, "{done:?}");
    let root = case.place.path(".venv");
    let lib = fs::read_dir(root.join("lib")).unwrap().next().unwrap().unwrap().path();
    Some(Story { site: lib.join("site-packages"), root, case })
}

impl Story {
    /// What the application's own tests say.
    fn works(&self) -> bool {
        let ran = Command::new(self.root.join("bin/alpha-run")).output();
        ran.is_ok_and(|ran| ran.stdout == b"alpha runs\n")
    }

    fn offline(&self, arguments: &[&str]) -> Done {
        self.case.place.run(&[&["--offline"], arguments].concat())
    }

    fn is_whole(&self, what: &str) {
        let verified = self.offline(&["verify", "--full", ".venv"]);
        assert_eq!(verified.code, 0, "{what}: {verified:?}");
        assert!(self.works(), "{what}");
        assert!(!self.case.place.path(".stratheal/stage").exists(), "{what}");
    }
}

/// A way to break it.
type Break<'a> = (&'a str, Box<dyn Fn(&Story) + 'a>);

#[test]
fn ten_ways_to_break_it_and_one_way_back() {
    let Some(story) = story() else { return };
    let made = story.offline(&["snapshot", "create", "--label", "works"]);
    assert_eq!(made.code, 0, "{made:?}");
    story.is_whole("at the beginning");
    let before = fingerprint(&story.root);
    let (root, site) = (&story.root, &story.site);
    let pip = pip();
    let url = story.case.server.url();
    let run_pip = |arguments: &[&str]| {
        let Some(pip) = &pip else { return };
        let python = Path::new(pip).with_file_name("python");
        let mut command = Command::new(python);
        command.args(["-m", "pip", "--python"]).arg(root.join("bin/python")).args(arguments);
        let done = command.args(["--index-url", &url, "--quiet", "--disable-pip-version-check"]).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    let breaks: Vec<Break<'_>> = vec![
        ("pip upgrades", Box::new(|_| run_pip(&["install", "--upgrade", "beta"]))),
        ("a package is deleted", Box::new(|_| fs::remove_dir_all(site.join("beta")).unwrap())),
        (
            "a file is edited",
            Box::new(|_| {
                let path = site.join("alpha/cli.py");
                let text = fs::read_to_string(&path).unwrap();
                fs::remove_file(&path).unwrap();
                fs::write(path, text.replace("runs", "walks")).unwrap();
            }),
        ),
        (
            "a library is cut off",
            Box::new(|_| {
                let path = site.join("beta/payload.bin");
                let path = if path.exists() { path } else { largest(&site.join("beta")) };
                let bytes = fs::read(&path).unwrap();
                fs::remove_file(&path).unwrap();
                fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
            }),
        ),
        ("the link to the interpreter is gone", Box::new(|_| fs::remove_file(root.join("bin/python")).unwrap())),
        (
            "nobody may execute it",
            Box::new(|_| fs::set_permissions(root.join("bin/alpha-run"), fs::Permissions::from_mode(0o600)).unwrap()),
        ),
        ("a stray .pth", Box::new(|_| fs::write(site.join("stray.pth"), "import this_does_not_exist\n").unwrap())),
        (
            "pip was interrupted",
            Box::new(|_| {
                fs::rename(site.join("beta"), site.join("~eta")).unwrap();
                fs::rename(site.join("beta-1.0.dist-info"), site.join("~eta-1.0.dist-info")).unwrap();
            }),
        ),
        ("all packages are deleted", Box::new(|_| fs::remove_dir_all(site).unwrap())),
        ("the folder was moved", Box::new(|story| fs::rename(root, story.case.place.path("moved")).unwrap())),
        (
            "another interpreter",
            Box::new(|_| {
                fs::remove_file(root.join("bin/python")).unwrap();
                symlink("/nowhere/python", root.join("bin/python")).unwrap();
            }),
        ),
    ];
    for (what, breaks) in breaks {
        breaks(&story);
        let back = story.offline(&["rollback", "works"]);
        assert_eq!(back.code, 0, "{what}: {back:?}");
        story.is_whole(what);
        assert_eq!(fingerprint(&story.root), before, "{what}");
    }
    // What was there before the last step can be had back, too.
    let listed = story.offline(&["snapshot", "list"]);
    assert!(listed.out.contains("before rollback to 2") && listed.out.contains("called works"), "{listed:?}");
    let refused = story.offline(&["rollback", "newest"]);
    assert!(refused.code == 3 && refused.err.contains("/nowhere/python") && story.works(), "{refused:?}");
    assert_eq!(story.offline(&["rollback", "newest", "--no-check"]).code, 0);
    assert!(fs::metadata(story.root.join("bin/python")).is_err());
    let verified = story.offline(&["snapshot", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

/// Content, permissions and times of everything but bytecode, which the application's tests make.
fn fingerprint(root: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        use std::os::unix::fs::MetadataExt;
        let found = fs::symlink_metadata(&path).unwrap();
        if path.ends_with("__pycache__") {
            continue;
        }
        let (content, time) = if found.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            // What Python puts into a folder changes its time.
            (String::new(), 0)
        } else if found.is_symlink() {
            (fs::read_link(&path).unwrap().display().to_string(), found.mtime_nsec())
        } else {
            (format!("{:?}", stratheal_core::objects::ContentId::of(&fs::read(&path).unwrap())), found.mtime_nsec())
        };
        all.push(format!("{} {:o} {time} {content}", path.display(), found.mode()));
    }
    all.sort_unstable();
    all
}

fn largest(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
}

#[test]
fn every_change_is_between_two_snapshots() {
    let Some(story) = story() else { return };
    assert_eq!(story.case.run(&["install", "--upgrade", "beta"]).code, 0);
    let last = story.offline(&["snapshot", "diff", "--last", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&last.out).unwrap();
    assert_eq!(told["projects"], serde_json::json!([{ "name": "beta", "before": "1.0", "after": "2.0" }]), "{told:#}");
    assert_eq!(story.offline(&["rollback", "1"]).code, 0);
    assert_eq!(story.case.versions(".venv"), "['alpha 1.0', 'beta 1.0']");
    // What the installer knew about the environment came back with it.
    fs::remove_file(story.site.join("alpha/cli.py")).unwrap();
    let repaired = story.offline(&["repair", ".venv"]);
    assert_eq!(repaired.code, 0, "{repaired:?}");
    story.is_whole("after a repair");
    let listed = story.offline(&["snapshot", "list"]);
    assert!(listed.out.contains("before repair") && listed.out.contains("after repair"), "{listed:?}");
    let count = listed.out.lines().count();
    assert_eq!(story.case.run(&["install", "--no-snapshot", "gamma"]).code, 0);
    fs::write(story.case.place.path("stratheal.toml"), "[snapshots]\nautomatic = false\n").unwrap();
    assert_eq!(story.case.run(&["uninstall", "gamma"]).code, 0);
    assert_eq!(story.offline(&["snapshot", "list"]).out.lines().count(), count);
}

#[test]
fn a_running_monitor_finds_out_which_one_is_good() {
    let Some(story) = story() else { return };
    let config = "[snapshots]\ngood_after = \"1s\"\n[endpoints]\nenabled = false\n[checks.app]\ninterval = \"200ms\"\n";
    let config =
        format!("{config}command = [\"{}\", \"-c\", \"import alpha.cli\"]\n", story.root.join("bin/python").display());
    fs::write(story.case.place.path("stratheal.toml"), config).unwrap();
    let is_good = |number: u64| {
        let shown = story.offline(&["snapshot", "show", &number.to_string(), "--format", "json"]);
        let told: serde_json::Value = serde_json::from_str(&shown.out).unwrap_or_default();
        told["good"]["checks"][0]["id"] == "app"
    };
    let becomes_good = |number: u64| {
        let began = std::time::Instant::now();
        while !is_good(number) && began.elapsed() < std::time::Duration::from_mins(1) {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        is_good(number)
    };
    let running = story.case.place.start(&["up"]);
    assert!(becomes_good(1), "{:?}", story.offline(&["snapshot", "list"]));
    // What breaks the application is never good, however often somebody keeps it.
    fs::write(story.site.join("alpha/cli.py.new"), "import nothing_of_that_name\n").unwrap();
    fs::rename(story.site.join("alpha/cli.py.new"), story.site.join("alpha/cli.py")).unwrap();
    let broken = story.offline(&["snapshot", "create"]);
    assert!(broken.code == 0 && broken.out.contains("snapshot 2"), "{broken:?}");
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(!is_good(2));
    assert_eq!(story.offline(&["rollback", "--last-good"]).code, 0);
    story.is_whole("the one that the monitor knew");
    drop(running);
}

#[test]
fn edits_are_kept_when_that_is_asked_for() {
    let Some(story) = story() else { return };
    assert_eq!(story.case.run(&["install", "--upgrade", "beta"]).code, 0);
    let edit = |path: &str, more: &str| {
        let path = story.site.join(path);
        let text = fs::read_to_string(&path).unwrap_or_default();
        // A file of its own, as editors write it: the cache has the same one.
        fs::remove_file(&path).ok();
        fs::write(path, text + more).unwrap();
    };
    edit("alpha/cli.py", "# patched by hand\n");
    edit("beta/__init__.py", "# patched by hand\n");
    edit("sitecustomize.py", "MINE = 1\n");
    let plan = story.offline(&["rollback", "1", "--keep-edits", "--plan"]);
    assert!(plan.out.contains("edited, and kept: ") && plan.out.contains("nothing was changed"), "{plan:?}");
    let back = story.offline(&["rollback", "1", "--keep-edits"]);
    assert_eq!(back.code, 0, "{back:?}");
    for line in [
        "kept: lib",
        "alpha/cli.py",
        "sitecustomize.py",
        "in conflict: lib",
        "beta/__init__.py",
        "but for what was edited",
    ] {
        assert!(back.out.contains(line), "{line}: {back:?}");
    }
    assert_eq!(story.case.versions(".venv"), "['alpha 1.0', 'beta 1.0']");
    let text = |path: &str| fs::read_to_string(story.site.join(path)).unwrap();
    assert!(text("alpha/cli.py").contains("by hand") && !text("beta/__init__.py").contains("by hand"));
    assert_eq!(text("sitecustomize.py"), "MINE = 1\n");
    assert!(story.works());
    // Without it, all of it goes back; and one edit can be had from what was there before.
    assert_eq!(story.offline(&["rollback", "1"]).code, 0);
    story.is_whole("without edits");
    assert!(!story.site.join("sitecustomize.py").exists());
    let site = story.site.strip_prefix(&story.root).unwrap();
    let one = site.join("sitecustomize.py");
    assert_eq!(story.offline(&["rollback", "newest", "--path", one.to_str().unwrap()]).code, 0);
    assert_eq!(text("sitecustomize.py"), "MINE = 1\n");
    let wrong = story.offline(&["rollback", "1", "--keep-edits", "--project", "beta"]);
    assert_eq!(wrong.code, 3, "{wrong:?}");
}

#[test]
fn what_is_asked_for_wrongly_is_answered_with_what_to_do() {
    let Some(story) = story() else { return };
    for (arguments, code, words) in [
        (&["rollback", "99"][..], 66, "there is no snapshot 99"),
        (&["rollback", "--last-good"], 66, "known to be good"),
        (&["rollback"], 3, "--last-good"),
        (&["snapshot", "create", "--label", "7"], 3, "looks like the number"),
        (&["snapshot", "show", "1", "nothing.py"], 66, "no file `nothing.py`"),
        (&["snapshot", "remove", "no-such-label"], 66, "labelled `no-such-label`"),
        (&["snapshot", "import", "requirements.txt"], 65, "cannot be imported"),
        (&["snapshot", "create", "nowhere"], 3, "there is none"),
        (&["rollback", "1", "--path", "../requirements.txt"], 66, "name a path in the environment"),
    ] {
        let done = story.offline(arguments);
        assert!(done.code == code && done.err.contains(words), "{arguments:?}: {done:?}");
    }
    let good = story.offline(&["snapshot", "good"]);
    assert!(good.code == 0 && good.out.contains("snapshot 1 is good: verify"), "{good:?}");
    fs::remove_dir_all(story.site.join("beta")).unwrap();
    let not = story.offline(&["snapshot", "good"]);
    assert!(not.code == 3 && not.err.contains("as in none of its snapshots"), "{not:?}");
    let not = story.offline(&["snapshot", "good", "1"]);
    assert!(not.code == 3 && not.err.contains("not as in snapshot 1 any more"), "{not:?}");
    let plan = story.offline(&["rollback", "--last-good", "--plan"]);
    assert!(plan.code == 0 && plan.out.contains("nothing was changed") && !story.works(), "{plan:?}");
    assert_eq!(story.offline(&["rollback", "--last-good"]).code, 0);
    story.is_whole("the last good one");
    // The newest one is that of what was broken: the one that it is as is meant.
    let good = story.offline(&["snapshot", "good"]);
    assert!(good.code == 0 && good.out.contains("snapshot 1 is good"), "{good:?}");
    let (one, two) = (story.case.place.path("one.shsnap"), story.case.place.path("two.shsnap"));
    for file in [&one, &two] {
        let done = story.offline(&["snapshot", "export", "1", file.to_str().unwrap()]);
        assert_eq!(done.code, 0, "{done:?}");
    }
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap(), "the same snapshot makes the same file");
    let done = story.offline(&["snapshot", "import", "one.shsnap", "--state-dir", "elsewhere"]);
    assert_eq!(done.code, 0, "{done:?}");
    fs::remove_dir_all(&story.root).unwrap();
    let back = story.offline(&["rollback", "1", "--state-dir", "elsewhere"]);
    assert_eq!(back.code, 0, "{back:?}");
    story.is_whole("out of an export");
}

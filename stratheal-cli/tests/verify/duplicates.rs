//! Projects that are there several times, and files that several projects list.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::case::Case;
use crate::packages_playground::uv;
use crate::{case, files, flip};

/// What is left of beta 0.5, beside beta 1.0.
const STALE: &str = "beta-0.5.dist-info";

impl Case {
    /// Leaves the metadata of beta 0.5 behind, as an interrupted installer does, damaged in some way.
    fn leave(&self, damage: &dyn Fn(&Path)) {
        if !self.place.path("old").exists() {
            assert_eq!(self.run(&["install", "--python", "old", "beta==0.5"]).code, 0);
        }
        let stale = self.site(".venv").join(STALE);
        let copied = Command::new("cp").arg("-r").arg(self.site("old").join(STALE)).arg(&stale).status().unwrap();
        assert!(copied.success());
        damage(&stale);
    }

    /// Nothing of what is stale is put back; what is damaged comes from the version that is there; and one is left in the end.
    fn has_one_in_the_end(&self, what: &str) {
        let (site, root) = (self.site(".venv"), self.place.path(".venv"));
        let before = files(&root);
        assert_eq!(self.found(&[]), (1, vec!["duplicate ".to_owned()]), "{what}");
        let told = self.run(&["verify"]);
        let next = "\nnext: stratheal install --reinstall beta\n";
        assert!(told.out.contains("beta is there 2 times") && told.out.ends_with(next), "{what}: {told:?}");
        assert!(told.out.contains(": 1 conflict\n"), "{what}: {told:?}");
        let (code, told) = self.repair(&[]);
        assert_eq!((code, told["mended"].as_array().unwrap().len()), (1, 0), "{what}: {told:#}");
        assert!(files(&root) == before, "{what}: nothing is put back");
        let module = site.join("beta/__init__.py");
        let right = fs::read(&module).unwrap();
        let damages: [&dyn Fn(); 2] = [&|| flip(&module, true), &|| fs::remove_file(&module).unwrap()];
        for damage in damages {
            damage();
            let (_, told) = self.repair(&[]);
            assert_eq!(told["mended"].as_array().unwrap().len(), 1, "{what}: {told:#}");
            assert_eq!(told["mended"][0]["wheel"], "beta-1.0-py3-none-any.whl", "{what}");
            assert_eq!(fs::read(&module).unwrap(), right, "{what}");
        }
        let done = self.run(&["install", "--reinstall", "beta"]);
        assert_eq!((done.code, self.versions(".venv").as_str()), (0, "['alpha 1.0', 'beta 1.0']"), "{what}: {done:?}");
        assert!(!site.join(STALE).exists() && fs::read(&module).unwrap() == right, "{what}");
        assert_eq!(self.found(&["--full"]), (0, vec![]), "{what}");
    }
}

#[test]
fn what_is_stale_is_not_put_back() {
    let Some(case) = case() else { return };
    let rewrite = |path: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, text.replace(from, to)).unwrap();
    };
    case.leave(&|_| {});
    case.has_one_in_the_end("its RECORD is intact");
    case.leave(&|stale| fs::write(stale.join("RECORD"), "").unwrap());
    case.has_one_in_the_end("its RECORD is empty");
    case.leave(&|stale| fs::remove_file(stale.join("RECORD")).unwrap());
    case.has_one_in_the_end("it has no RECORD");
    case.leave(&|stale| fs::write(stale.join("RECORD"), "\"").unwrap());
    case.has_one_in_the_end("its RECORD cannot be read");
    case.leave(&|stale| {
        fs::write(stale.join("RECORD"), "").unwrap();
        rewrite(&stale.join("METADATA"), "Version: 0.5", "Version: 0.5.0");
    });
    case.has_one_in_the_end("its version is written in another way");
    case.leave(&|stale| fs::remove_file(stale.join("METADATA")).unwrap());
    case.has_one_in_the_end("it has no METADATA");
    case.leave(&|stale| {
        fs::remove_file(stale.join("METADATA")).unwrap();
        fs::remove_file(stale.join("RECORD")).unwrap();
    });
    case.has_one_in_the_end("it has neither");
    // As somebody copied the new one.
    case.leave(&|stale| {
        let right = stale.with_file_name("beta-1.0.dist-info");
        fs::copy(right.join("RECORD"), stale.join("RECORD")).unwrap();
        fs::copy(right.join("METADATA"), stale.join("METADATA")).unwrap();
    });
    case.has_one_in_the_end("it is a copy of the other one");
}

#[test]
fn made_anew_the_right_one_stays() {
    let Some(case) = case() else { return };
    case.leave(&|stale| fs::remove_file(stale.join("METADATA")).unwrap());
    assert_eq!(case.run(&["install", "--rebuild"]).code, 0);
    assert_eq!((case.versions(".venv").as_str(), case.found(&[])), ("['alpha 1.0', 'beta 1.0']", (0, vec![])));
    case.leave(&|_| {});
    assert_eq!(case.run(&["install", "--rebuild"]).code, 0);
    assert_eq!((case.versions(".venv").as_str(), case.found(&[])), ("['alpha 1.0', 'beta 1.0']", (0, vec![])));
}

#[test]
fn without_a_note_nothing_is_replaced() {
    let Some(case) = case() else { return };
    let mut install = Command::new(uv().unwrap());
    install.args(["pip", "install", "--no-config", "--no-cache", "--reinstall", "--index-url", &case.server.url()]);
    let done =
        install.arg("--python").arg(case.place.path(".venv/bin/python")).args(["alpha==1.0", "beta==1.0"]).output();
    assert!(done.unwrap().status.success());
    let find = Command::new("find").arg(case.place.path("")).args(["-name", "origins*", "-delete"]).status();
    assert!(find.unwrap().success());
    let module = case.site(".venv").join("beta/__init__.py");
    let right = fs::read(&module).unwrap();
    case.leave(&|stale| fs::write(stale.join("RECORD"), "").unwrap());
    assert_eq!(case.found(&[]), (1, vec!["duplicate ".to_owned()]));
    fs::remove_file(&module).unwrap();
    let (_, told) = case.repair(&[]);
    assert_eq!(
        (fs::read(&module).unwrap(), &told["mended"][0]["wheel"]),
        (right.clone(), &"beta-1.0-py3-none-any.whl".into())
    );
    flip(&module, false);
    let changed = fs::read(&module).unwrap();
    let told = case.run(&["verify"]);
    assert!(
        told.out.contains("__init__.py was changed: `stratheal install --reinstall beta` puts it right"),
        "{told:?}"
    );
    assert!(!told.out.contains("next: stratheal repair"), "{told:?}");
    let (_, told) = case.repair(&[]);
    assert_eq!((fs::read(&module).unwrap(), told["mended"].as_array().unwrap().len()), (changed, 0), "{told:#}");
    // The RECORD of the one that is there is gone, and that of the stale one is intact: its files are not the right ones.
    fs::write(&module, &right).unwrap();
    let record = case.site(".venv").join("beta-1.0.dist-info/RECORD");
    fs::remove_file(&record).unwrap();
    fs::remove_dir_all(case.site(".venv").join(STALE)).unwrap();
    case.leave(&|_| {});
    let before = files(&case.place.path(".venv"));
    let (code, told) = case.repair(&[]);
    assert_eq!((code, told["mended"].as_array().unwrap().len()), (1, 0), "{told:#}");
    assert!(files(&case.place.path(".venv")) == before);
    let done = case.run(&["install", "--reinstall", "beta==1.0"]);
    assert_eq!((done.code, case.found(&["--full"])), (0, (0, vec![])), "{done:?}");
    assert_eq!((case.versions(".venv").as_str(), fs::read(&module).unwrap()), ("['alpha 1.0', 'beta 1.0']", right));
}

#[test]
fn no_second_folder_is_put_beside_a_damaged_one() {
    let Some(case) = case() else { return };
    let metadata = case.site(".venv").join("beta-1.0.dist-info");
    fs::write(metadata.join("RECORD"), "").unwrap();
    let text = fs::read_to_string(metadata.join("METADATA")).unwrap();
    fs::write(metadata.join("METADATA"), text.replace("Version: 1.0", "Version: 0.5")).unwrap();
    let before = files(&case.place.path(".venv"));
    let (code, told) = case.repair(&[]);
    assert_eq!((code, told["mended"].as_array().unwrap().len()), (1, 0), "{told:#}");
    let reason = told["unmended"][0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("it has no beta-1.0.dist-info") && reason.contains("install --reinstall beta`"),
        "{reason}"
    );
    assert!(files(&case.place.path(".venv")) == before);
}

#[test]
fn a_file_that_another_project_lists_is_that_of_the_other() {
    let Some(case) = case() else { return };
    // As another installer does: beta has brought a file of alpha's, with another content.
    let site = case.site(".venv");
    let (shared, metadata) = (site.join("alpha/data1.bin"), site.join("beta-1.0.dist-info"));
    fs::remove_file(&shared).unwrap();
    fs::write(&shared, "").unwrap();
    fs::write(metadata.join("INSTALLER"), "other\n").unwrap();
    let record = fs::read_to_string(metadata.join("RECORD")).unwrap();
    let rows: Vec<_> = record.lines().filter(|line| !line.contains("INSTALLER")).collect();
    let row = "alpha/data1.bin,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n";
    fs::write(metadata.join("RECORD"), rows.join("\n") + "\n" + row).unwrap();
    assert_eq!(case.found(&[]), (0, vec!["overlap data1.bin".to_owned()]));
    // All of alpha is put back but that.
    fs::remove_file(site.join("alpha-1.0.dist-info/RECORD")).unwrap();
    fs::remove_file(site.join("alpha/cli.py")).unwrap();
    let (code, told) = case.repair(&[]);
    assert_eq!((code, fs::read(&shared).unwrap().len(), site.join("alpha/cli.py").exists()), (0, 0, true), "{told:#}");
    assert_eq!(case.found(&["--full"]), (0, vec!["overlap data1.bin".to_owned()]));
}

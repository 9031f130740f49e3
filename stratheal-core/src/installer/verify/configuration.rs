//! What `pyvenv.cfg` says, against what is there.

use std::path::Path;

use super::moved::moved;
use super::{Finding, Problem};
use crate::installer::environment::Environment;
use crate::installer::python::PyvenvCfg;

/// Its name.
pub(super) const FILE: &str = "pyvenv.cfg";

/// What is wrong with it. `series` is the interpreter's version, where that is known. An older patch version is none: interpreters are
/// updated below their environments.
pub(super) fn wrong(cfg: &PyvenvCfg, series: Option<(u32, u32)>, is_folder: impl Fn(&Path) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut tell = |key: &str, value: Option<&str>, reason: String| {
        let problem = Problem::Configuration { key: key.to_owned(), value: value.map(str::to_owned), reason };
        findings.push(Finding::about(None, Some(FILE.into()), problem));
    };
    match cfg.home() {
        None => tell("home", None, "without it Python takes this for no environment".to_owned()),
        Some(home) if !is_folder(home) => tell("home", home.to_str(), "there is no such folder".to_owned()),
        Some(_) => {}
    }
    let version = ["version", "version_info"].iter().find_map(|key| Some((*key, cfg.get(key)?)));
    if let (Some((key, value)), Some((major, minor))) = (version, series)
        && cfg.series() != Some((major, minor))
    {
        tell(key, Some(value), format!("the interpreter is {major}.{minor}"));
    }
    findings
}

/// What is wrong with an environment that is to be changed, in words: installing into it puts none of that right.
pub(in crate::installer) fn complaints(environment: &Environment) -> Vec<String> {
    let root = environment.root();
    let (major, minor, _) = environment.interpreter.version;
    let cfg = PyvenvCfg::read(root).ok();
    let wrong = cfg.map(|cfg| wrong(&cfg, Some((major, minor)), Path::is_dir)).unwrap_or_default();
    wrong.into_iter().chain(moved(root)).map(|finding| finding.message).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_wrong_are_named() {
        for (text, keys) in [
            ("home = /usr/bin\nversion = 3.12.1\n", &[][..]),
            ("home = /usr/bin\nversion_info = 3.12.9.final.0\n", &[]),
            ("home = /usr/bin\n", &[]),
            ("home = /nowhere\nversion = 3.11.1\n", &["home", "version"]),
            ("home = /usr/bin\nversion_info = of a kind\n", &["version_info"]),
            ("HOME =\n", &["home"]),
            ("what is this\n", &["home"]),
        ] {
            let found = wrong(&PyvenvCfg::parse(text), Some((3, 12)), |folder| folder == Path::new("/usr/bin"));
            let told = found.iter().map(|finding| match &finding.problem {
                Problem::Configuration { key, .. } => key.as_str(),
                other => panic!("{other:?}"),
            });
            assert_eq!(told.collect::<Vec<_>>(), keys, "{text}");
            assert!(found.iter().all(|finding| finding.message.contains("--rebuild")), "{found:?}");
        }
    }
}

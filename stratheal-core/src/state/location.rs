//! Where the state folder is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What may say where the state folder is, strongest first.
///
/// ```
/// use std::path::Path;
/// use stratheal_core::state::{Hints, locate};
/// let hints = Hints { state_directory: Some("/var/lib/app:/var/lib/more".as_ref()), ..Hints::new(Path::new("/srv/app")) };
/// assert_eq!(locate(&hints), Path::new("/var/lib/app"));
/// assert_eq!(locate(&Hints::new(Path::new("/srv/app"))), Path::new("/srv/app/.stratheal"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Hints<'a> {
    /// What the user said with an option, relative to the working folder.
    pub option: Option<&'a Path>,
    /// The environment variable `STATE_DIRECTORY`, which systemd sets for units with `StateDirectory=`. With several folders there
    /// (separated by `:`, see systemd.exec(5)) the first counts.
    pub state_directory: Option<&'a OsStr>,
    /// What the configuration says, relative to the project.
    pub configured: Option<&'a Path>,
    /// The folder of the project.
    pub project: &'a Path,
}

impl<'a> Hints<'a> {
    /// Nothing but a project.
    #[must_use]
    pub const fn new(project: &'a Path) -> Self {
        Self { option: None, state_directory: None, configured: None, project }
    }
}

/// The state folder: the first of option, `STATE_DIRECTORY` and configuration that is not empty, else `.stratheal` in the project.
#[must_use]
pub fn locate(hints: &Hints<'_>) -> PathBuf {
    let said = |path: &Path| !path.as_os_str().is_empty();
    let from_system = || std::env::split_paths(hints.state_directory?).next().filter(|path| said(path));
    let from_configuration = || hints.configured.filter(|path| said(path)).map(|path| hints.project.join(path));
    hints
        .option
        .filter(|path| said(path))
        .map(Path::to_owned)
        .or_else(from_system)
        .or_else(from_configuration)
        .unwrap_or_else(|| hints.project.join(".stratheal"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_strongest_word_counts() {
        let project = Path::new("/srv/app");
        for (option, system, configured, expected) in [
            (None, None, None, "/srv/app/.stratheal"),
            (None, None, Some("state"), "/srv/app/state"),
            (None, None, Some("/var/state"), "/var/state"),
            (None, Some("/var/lib/app"), Some("state"), "/var/lib/app"),
            (Some("here"), Some("/var/lib/app"), Some("state"), "here"),
            (Some(""), Some(""), Some(""), "/srv/app/.stratheal"),
            (None, Some(":/var/lib/b"), Some("state"), "/srv/app/state"),
        ] {
            let hints = Hints {
                option: option.map(Path::new),
                state_directory: system.map(OsStr::new),
                configured: configured.map(Path::new),
                project,
            };
            assert_eq!(locate(&hints), Path::new(expected), "{hints:?}");
        }
        if cfg!(unix) {
            let several = Hints { state_directory: Some(OsStr::new("/a:/b:/c")), ..Hints::new(project) };
            assert_eq!(locate(&several), Path::new("/a"));
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_never_answers_nothing(text in "\\PC{0,32}") {
            let hints = Hints { state_directory: Some(OsStr::new(&text)), ..Hints::new(Path::new("p")) };
            prop_assert!(!locate(&hints).as_os_str().is_empty());
        }
    }
}

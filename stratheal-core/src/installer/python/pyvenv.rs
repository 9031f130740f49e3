//! `pyvenv.cfg`: what makes a folder a virtual environment (PEP 405).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::fs::read_text;

/// What a `pyvenv.cfg` says. Lines in the order of the file; keys are compared without regard to case, as `site` does it.
///
/// ```
/// use stratheal_core::installer::PyvenvCfg;
/// let found = PyvenvCfg::parse("home = /usr/bin\nversion = 3.12.1\n");
/// assert_eq!(found.home(), Some("/usr/bin".as_ref()));
/// assert_eq!(found.series(), Some((3, 12)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PyvenvCfg {
    lines: Vec<(String, String)>,
}

impl PyvenvCfg {
    /// The largest file that is read, in bytes.
    pub const LARGEST: u64 = 64 << 10;

    /// Reads a text. Lines without `=` are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once('='));
        Self { lines: lines.map(|(key, value)| (key.trim().to_ascii_lowercase(), value.trim().to_owned())).collect() }
    }

    /// Reads that of an environment. What is no text says nothing.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub(in crate::installer) fn read(root: &Path) -> io::Result<Self> {
        match read_text(&root.join("pyvenv.cfg"), Self::LARGEST) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Self::default()),
            text => text.map(|text| Self::parse(&text)),
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.lines.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Sets a key, at its place or at the end.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        let value = value.into();
        match self.lines.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.lines.push((key.to_owned(), value)),
        }
    }

    /// The folder of the interpreter that the environment was made from.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.get("home").filter(|home| !home.is_empty()).map(Path::new)
    }

    /// Major and minor version, as far as it says them: `venv` writes `version`, other tools `version_info`.
    #[must_use]
    pub fn series(&self) -> Option<(u32, u32)> {
        let text = self.get("version").or_else(|| self.get("version_info"))?;
        let mut parts = text.split('.').map(|part| part.parse().ok());
        Some((parts.next()??, parts.next()??))
    }

    /// Whether packages of the installation are seen as well.
    #[must_use]
    pub fn sees_system_packages(&self) -> bool {
        self.get("include-system-site-packages").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The programs that may be its interpreter's origin, most likely first.
    pub fn origins(&self) -> impl Iterator<Item = PathBuf> {
        let series = self.series().map(|(major, minor)| format!("python{major}.{minor}"));
        let named = ["executable", "base-executable"].iter().filter_map(|key| self.get(key)).map(PathBuf::from);
        let guesses = series.into_iter().chain(["python3".to_owned(), "python".to_owned()]);
        let home = self.home().map(Path::to_owned);
        named.chain(guesses.filter_map(move |name| Some(home.as_ref()?.join(name)))).collect::<Vec<_>>().into_iter()
    }
}

impl fmt::Display for PyvenvCfg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|(key, value)| writeln!(f, "{key} = {value}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_tools_write() {
        let mut cfg = PyvenvCfg::parse(
            "home = /opt/py/bin\nInclude-System-Site-Packages = TRUE\nversion_info = 3.11.7.final.0\nnonsense\n",
        );
        assert!(cfg.sees_system_packages());
        assert_eq!(cfg.series(), Some((3, 11)));
        let origins: Vec<_> = cfg.origins().collect();
        assert_eq!(origins[0], Path::new("/opt/py/bin/python3.11"));
        cfg.set("home", "/other");
        cfg.set("prompt", "demo");
        assert!(cfg.to_string().starts_with("home = /other\n") && cfg.to_string().ends_with("prompt = demo\n"));
        assert_eq!(PyvenvCfg::parse("version = 3").series(), None);
    }

    proptest! {
        #[test]
        fn never_panics_and_comes_back(text in "\\PC{0,80}", near in "(home|version|=|3|\\.|\n| ){0,30}") {
            for text in [text, near] {
                let cfg = PyvenvCfg::parse(&text);
                let _ = (cfg.series(), cfg.origins().count(), cfg.sees_system_packages());
                prop_assert_eq!(PyvenvCfg::parse(&cfg.to_string()), cfg);
            }
        }
    }
}

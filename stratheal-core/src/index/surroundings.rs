//! What is around a program: environment variables and files. Handed in, so that what is decided from them can be tested.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most entries of a folder that are listed.
const MOST_ENTRIES: usize = 10_000;

/// Access to environment variables and files.
pub trait Surroundings {
    /// An environment variable; `None` where it is unset or no text.
    fn variable(&self, name: &str) -> Option<String>;

    /// A file of at most so many bytes.
    ///
    /// # Errors
    /// What the system says; `InvalidData` for a larger file.
    fn read(&self, path: &Path, most_bytes: usize) -> io::Result<Vec<u8>>;

    /// The names in a folder, sorted; none where it cannot be read.
    fn list(&self, folder: &Path) -> Vec<String>;

    /// Where a path leads once all links are followed; `None` where there is nothing.
    fn resolve(&self, path: &Path) -> Option<PathBuf>;

    /// What a uv on this machine says is its default index: the last resort, for who can run it.
    fn ask_uv(&self) -> Option<String> {
        None
    }
}

/// The surroundings of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThisProcess;

impl Surroundings for ThisProcess {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, path: &Path, most_bytes: usize) -> io::Result<Vec<u8>> {
        let file = std::fs::File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "not a regular file"));
        }
        let mut bytes = Vec::new();
        file.take(most_bytes as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > most_bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("larger than {most_bytes} bytes")));
        }
        Ok(bytes)
    }

    fn list(&self, folder: &Path) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let names = entries.take(MOST_ENTRIES).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names
    }

    fn resolve(&self, path: &Path) -> Option<PathBuf> {
        path.canonicalize().ok()
    }
}

#[cfg(test)]
pub(crate) mod fake {
    //! Surroundings that are written down in a test.

    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// Variables and files from two lists.
    #[derive(Debug, Default)]
    pub(crate) struct Fake {
        pub(crate) variables: BTreeMap<String, String>,
        pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
        pub(crate) links: BTreeMap<PathBuf, PathBuf>,
        pub(crate) uv: Option<String>,
    }

    impl Fake {
        pub(crate) fn new(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Self {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let files = files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()));
            Self { variables: variables.collect(), files: files.collect(), ..Self::default() }
        }
    }

    impl Surroundings for Fake {
        fn variable(&self, name: &str) -> Option<String> {
            self.variables.get(name).cloned()
        }

        fn read(&self, path: &Path, most_bytes: usize) -> io::Result<Vec<u8>> {
            let bytes = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
            if bytes.len() > most_bytes { Err(io::ErrorKind::InvalidData.into()) } else { Ok(bytes.clone()) }
        }

        fn list(&self, folder: &Path) -> Vec<String> {
            let inside = self.files.keys().filter_map(|path| path.strip_prefix(folder).ok()?.iter().next()?.to_str());
            inside.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
        }

        fn resolve(&self, path: &Path) -> Option<PathBuf> {
            self.links.get(path).cloned().or_else(|| self.files.contains_key(path).then(|| path.to_owned()))
        }

        fn ask_uv(&self) -> Option<String> {
            self.uv.clone()
        }
    }
}

//! Reading requirements files, and the files that they include.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::line::{Line, Said};
use super::{Origin, Wanted, WantedNote, WantedRequirement, What, decode, target};
use crate::base::redact::safe_url;
use crate::index::Surroundings;
use crate::index::requirements_syntax::{FileOption, expanded, logical_lines};
use crate::installer::requirement::RequirementError;
use crate::objects::ContentId;

/// The largest file that is read, in bytes.
const LARGEST: usize = 16 << 20;

/// The most files, with those that they include.
const MOST_FILES: usize = 100;

/// The most requirements and constraints of all files together.
const MOST_REQUIREMENTS: usize = 50_000;

/// The most notes of all files together; more would not be read.
const MOST_NOTES: usize = 100;

/// Where it is written what is wanted.
#[derive(Debug, Clone, Copy)]
pub struct WantedSources<'s> {
    /// Requirements files.
    pub requirements: &'s [PathBuf],
    /// Constraints files.
    pub constraints: &'s [PathBuf],
    /// Requirements as arguments: names, paths, URLs.
    pub arguments: &'s [String],
    /// Editables as arguments.
    pub editables: &'s [String],
    /// The folder from which relative paths lead, those of files included.
    pub folder: &'s Path,
}

impl Wanted {
    /// Reads everything that is wanted.
    ///
    /// # Errors
    /// [`RequirementError`], with file and line where it is about one.
    ///
    /// ```
    /// use std::path::Path;
    /// use stratheal_core::index::ThisProcess;
    /// use stratheal_core::installer::requirement::{Wanted, WantedSources};
    ///
    /// let arguments = ["requests>=2.31".to_owned(), "./libs/ours[fast]".to_owned()];
    /// let folder = Path::new("/srv/app");
    /// let sources =
    ///     WantedSources { requirements: &[], constraints: &[], arguments: &arguments, editables: &[], folder };
    /// let wanted = Wanted::read(&sources, &ThisProcess)?;
    /// assert_eq!(wanted.requirements[1].what.shown(), "/srv/app/libs/ours");
    /// # Ok::<(), stratheal_core::installer::requirement::RequirementError>(())
    /// ```
    pub fn read(sources: &WantedSources<'_>, surroundings: &dyn Surroundings) -> Result<Self, RequirementError> {
        let mut reader = Reader {
            wanted: Self::default(),
            folder: sources.folder,
            surroundings,
            open: Vec::new(),
            seen: HashSet::new(),
        };
        for (index, text) in sources.arguments.iter().enumerate() {
            reader.argument(text, &Origin::argument(index + 1))?;
        }
        for (index, text) in sources.editables.iter().enumerate() {
            reader.argument(&format!("-e {}", quoted(text)), &Origin::argument(sources.arguments.len() + index + 1))?;
        }
        for path in sources.requirements {
            reader.file(&sources.folder.join(path), false)?;
        }
        for path in sources.constraints {
            reader.file(&sources.folder.join(path), true)?;
        }
        Ok(reader.wanted)
    }
}

/// An argument is one word, whatever is in it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The path without `.` and `..`, as far as that can be told without a look at the disk.
pub(in crate::installer) fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            Component::ParentDir if plain.has_root() => {}
            other => plain.push(other),
        }
    }
    plain
}

struct Reader<'r> {
    wanted: Wanted,
    folder: &'r Path,
    surroundings: &'r dyn Surroundings,
    /// The files that are being read, each included by the one before it.
    open: Vec<PathBuf>,
    seen: HashSet<(PathBuf, bool)>,
}

impl Reader<'_> {
    fn argument(&mut self, text: &str, origin: &Origin) -> Result<(), RequirementError> {
        let line = Line { written: text, expanded: text, origin };
        match line.read(self.folder)? {
            Said::Requirement(wanted, ignored) if ignored.is_empty() => self.add(*wanted, false, &line),
            _ => Err(line.error("is an option, and a requirement is needed here")),
        }
    }

    fn file(&mut self, path: &Path, is_constraint: bool) -> Result<(), RequirementError> {
        let path = lexical(path);
        // What it says is known already.
        if !self.seen.insert((path.clone(), is_constraint)) {
            return Ok(());
        }
        if self.wanted.files.len() >= MOST_FILES {
            return Err(RequirementError::TooMany { what: "requirements files", most: MOST_FILES });
        }
        let bytes = self.surroundings.read(&path, LARGEST);
        let bytes = bytes.map_err(|source| RequirementError::Unreadable { path: path.clone(), source })?;
        self.wanted.files.push((path.clone(), ContentId::of(&bytes)));
        let text = decode::decoded(&bytes, &path)?;
        let file: Arc<Path> = path.as_path().into();
        self.open.push(path);
        for line in logical_lines(&text) {
            let origin = Origin { file: Some(file.clone()), line: line.number };
            let expanded = expanded(&line.text, self.surroundings);
            self.line(&Line { written: &line.text, expanded: &expanded, origin: &origin }, is_constraint)?;
        }
        self.open.pop();
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>, is_constraint: bool) -> Result<(), RequirementError> {
        match line.read(self.folder)? {
            Said::Requirement(wanted, ignored) => {
                for option in ignored {
                    self.note(line, format!("`{}` means nothing on the line of a requirement", option.name()));
                }
                self.add(*wanted, is_constraint, line)
            }
            Said::Options(given) => given.into_iter().try_for_each(|(option, value)| self.option(option, &value, line)),
        }
    }

    fn option(&mut self, option: FileOption, value: &str, line: &Line<'_>) -> Result<(), RequirementError> {
        if matches!(option, FileOption::Requirement | FileOption::Constraint) {
            return self.include(value, option == FileOption::Constraint, line);
        }
        let options = &mut self.wanted.options;
        let applied = options.apply(option, value, line.origin, self.folder, self.surroundings);
        if !applied.map_err(|problem| line.error(problem))? {
            self.note(line, format!("`{}` means nothing without a requirement", option.name()));
        }
        Ok(())
    }

    fn include(&mut self, value: &str, is_constraint: bool, line: &Line<'_>) -> Result<(), RequirementError> {
        let scheme = value.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        let path = match scheme.as_deref() {
            Some("file") => target::file_path(value).ok_or_else(|| line.error("names a file on another machine"))?,
            _ if value.contains("://") => {
                let url = safe_url(value);
                return Err(RequirementError::RemoteInclude { origin: line.origin.clone(), url });
            }
            _ => line.origin.folder().unwrap_or_default().join(value),
        };
        let path = lexical(&path);
        if self.open.contains(&path) {
            return Err(RequirementError::IncludesItself { origin: line.origin.clone(), path });
        }
        self.file(&path, is_constraint)
    }

    fn add(&mut self, wanted: WantedRequirement, is_constraint: bool, line: &Line<'_>) -> Result<(), RequirementError> {
        if self.wanted.requirements.len() + self.wanted.constraints.len() >= MOST_REQUIREMENTS {
            return Err(RequirementError::TooMany { what: "requirements", most: MOST_REQUIREMENTS });
        }
        if !is_constraint {
            self.wanted.requirements.push(wanted);
            return Ok(());
        }
        let problem = match &wanted.what {
            _ if wanted.is_editable => Some("is an editable, and a constraint cannot be one"),
            what if !what.extras().is_empty() => Some("has extras, and a constraint cannot have any"),
            What::Named(_) => None,
            what if what.name().is_none() => Some("has no name, and a constraint needs one: write `name @ URL`"),
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(line.error(problem));
        }
        self.wanted.constraints.push(wanted);
        Ok(())
    }

    fn note(&mut self, line: &Line<'_>, text: String) {
        if self.wanted.notes.len() < MOST_NOTES {
            self.wanted.notes.push(WantedNote { origin: line.origin.clone(), text });
        }
    }
}

#[cfg(test)]
mod tests;

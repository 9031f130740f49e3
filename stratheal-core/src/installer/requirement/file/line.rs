//! One line of a requirements file, strictly.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Origin, WantedHashes, WantedRequirement, target};
use crate::base::suggest;
use crate::index::requirements_syntax::{FileOption, Piece, divided, options};
use crate::installer::requirement::error::shown;
use crate::installer::requirement::{InvalidRequirement, RequirementError};

/// The most settings of one requirement.
const MOST_SETTINGS: usize = 1000;

/// What a line says.
#[derive(Debug)]
pub(super) enum Said {
    /// A requirement, and the options on its line that mean nothing there.
    Requirement(Box<WantedRequirement>, Vec<FileOption>),
    /// Options with their values; empty for those that have none.
    Options(Vec<(FileOption, String)>),
}

/// A line before and after its variables were replaced. Only what stands in the file is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'l> {
    pub(super) written: &'l str,
    pub(super) expanded: &'l str,
    pub(super) origin: &'l Origin,
}

impl Line<'_> {
    pub(super) fn error(&self, problem: impl Into<String>) -> RequirementError {
        // Options may have secrets as their values; a requirement says enough.
        let (requirement, options) = divided(self.written);
        let option = options.split([' ', '=']).next().unwrap_or_default();
        let line = if requirement.is_empty() { option } else { requirement };
        RequirementError::Line { origin: self.origin.clone(), line: shown(line), problem: problem.into() }
    }

    /// The place in a text whose variables were replaced helps nobody.
    pub(super) fn invalid(&self, error: &InvalidRequirement) -> RequirementError {
        let is_whole = self.written == self.expanded;
        let place = if is_whole { format!(", at character {}", error.at()) } else { String::new() };
        self.error(format!("{}{place}", error.reason()))
    }

    /// Reads the line. Relative paths lead from `folder`.
    pub(super) fn read(&self, folder: &Path) -> Result<Said, RequirementError> {
        let (requirement, rest) = divided(self.expanded);
        let mut given = Vec::new();
        let mut editable = None;
        let mut pieces = options(rest);
        if let Some(at) = pieces.iter().position(|piece| is(piece, FileOption::Editable))
            && requirement.is_empty()
        {
            let Piece::Option { value: Some(value), end, .. } = &pieces[at] else {
                return Err(self.error("needs a path or a repository"));
            };
            // pip drops a marker here without a word; this is what it says.
            let behind = rest[*end..].trim_start();
            let (value, marker) = match (value.trim().strip_suffix(';'), behind.strip_prefix(';')) {
                (Some(value), _) => (value, Some(behind)),
                (None, marker) => (value.trim(), marker),
            };
            let (value, marker) = (value.to_owned(), marker.map(divided));
            let mut what = target::parse_editable(&value, folder).map_err(|error| self.invalid(&error))?;
            pieces.remove(at);
            if let Some((marker, others)) = marker {
                what.set_marker(marker.parse().map_err(|error| self.invalid(&error))?);
                pieces.truncate(at);
                pieces.extend(options(others));
            }
            editable = Some(what);
        }
        for piece in pieces {
            given.push(self.option(piece)?);
        }
        let is_editable = editable.is_some();
        if is_editable && given.iter().any(|(option, _)| *option == FileOption::Editable) {
            return Err(self.error("has two editables on one line"));
        }
        let what = match editable {
            Some(what) => what,
            None if requirement.is_empty() => return Ok(Said::Options(given)),
            None => target::parse(requirement, folder).map_err(|error| self.invalid(&error))?,
        };
        let mut wanted = WantedRequirement {
            what,
            is_editable,
            hashes: WantedHashes::default(),
            config_settings: BTreeMap::new(),
            global_options: Vec::new(),
            origin: self.origin.clone(),
        };
        let mut ignored = Vec::new();
        for (option, value) in given {
            if !apply(&mut wanted, option, &value).map_err(|problem| self.error(problem))? {
                ignored.push(option);
            }
        }
        Ok(Said::Requirement(Box::new(wanted), ignored))
    }

    fn option(&self, piece: Piece) -> Result<(FileOption, String), RequirementError> {
        match piece {
            Piece::Option { option, value, .. } => match (option.takes_value(), value) {
                (true, Some(value)) if !value.is_empty() => Ok((option, value)),
                (true, _) => Err(self.error(format!("has no value for `{}`", option.name()))),
                (false, None) => Ok((option, String::new())),
                (false, Some(_)) => Err(self.error(format!("has a value for `{}`, which takes none", option.name()))),
            },
            Piece::Unknown(option) => {
                let nearest = suggest::nearest(&option, FileOption::names());
                Err(RequirementError::UnknownOption { origin: self.origin.clone(), option: shown(&option), nearest })
            }
            Piece::Word { .. } => Err(self.error("has a word among its options that belongs to none of them")),
            Piece::Unclosed => Err(self.error("has a quote that is not closed, or ends with a backslash")),
        }
    }
}

fn is(piece: &Piece, wanted: FileOption) -> bool {
    matches!(piece, Piece::Option { option, .. } if *option == wanted)
}

/// Takes in an option of a requirement; `Ok(false)` for others.
fn apply(wanted: &mut WantedRequirement, option: FileOption, value: &str) -> Result<bool, &'static str> {
    match option {
        FileOption::Hash => wanted.hashes.add(value)?,
        FileOption::ConfigSettings => {
            let (key, value) = value.split_once('=').ok_or("needs `--config-settings KEY=VALUE`")?;
            let values = wanted.config_settings.entry(key.to_owned()).or_default();
            values.push(value.to_owned());
            if wanted.config_settings.values().map(Vec::len).sum::<usize>() > MOST_SETTINGS {
                return Err("has too many settings");
            }
        }
        FileOption::GlobalOption if wanted.global_options.len() >= MOST_SETTINGS => return Err("has too many options"),
        FileOption::GlobalOption => wanted.global_options.push(value.to_owned()),
        _ => return Ok(false),
    }
    Ok(true)
}

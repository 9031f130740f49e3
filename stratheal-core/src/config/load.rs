//! Finding and reading the file.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::node::{Entry, Node, Table, Value};
use super::overlay::{environments, lay_over, take_environments};
use super::problem::{ConfigError, Problems};
use super::reader::Context;
use super::settings::{self, Config};
use crate::base::fs::read_text;
use crate::base::suggest::nearest;

/// The largest file that is read.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// The file's own name, and the one it may be part of.
const FILE: &str = "stratheal.toml";
const PROJECT_FILE: &str = "pyproject.toml";

/// Where references to the outside are looked up. Passed in, so that tests need not change the process's environment.
pub struct Lookup<'a> {
    /// The value of an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// A folder for small files that make a second measuring unnecessary, if there is one.
    pub cache: Option<PathBuf>,
}

impl fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// A file's name and text.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file; relative paths in it begin at its folder.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
}

/// Finds the configuration for a folder: `stratheal.toml`, or a `pyproject.toml` with `[tool.stratheal]`, there or in the nearest
/// folder above.
///
/// # Errors
/// [`ConfigError::Missing`] when there is none.
pub fn find(folder: &Path) -> Result<PathBuf, ConfigError> {
    let folder = folder.canonicalize().map_err(ConfigError::Read)?;
    for folder in folder.ancestors() {
        let own = folder.join(FILE);
        if own.is_file() {
            return Ok(own);
        }
        let project = folder.join(PROJECT_FILE);
        if project.is_file() && read_text(&project, MAX_FILE).is_ok_and(|text| has_section(&text)) {
            return Ok(project);
        }
    }
    Err(ConfigError::Missing)
}

pub(super) fn has_section(text: &str) -> bool {
    let (root, _) = DeTable::parse_recoverable(text);
    let tool = root.get_ref().get("tool").and_then(|tool| tool.get_ref().as_table());
    tool.is_some_and(|tool| tool.contains_key("stratheal"))
}

/// Reads and validates a file, with the overlay of an environment if one is named.
///
/// # Errors
/// [`ConfigError`], which for mistakes in the file lists all of them.
pub fn load(file: &Path, environment: Option<&str>, lookup: &Lookup<'_>) -> Result<Config, ConfigError> {
    let text = read_text(file, MAX_FILE).map_err(ConfigError::Read)?;
    parse(&Source { file: file.to_owned(), text }, environment, lookup)
}

/// Validates a text as [`load`] does.
///
/// # Errors
/// [`ConfigError::Invalid`] with all mistakes.
///
/// ```
/// use stratheal_core::config::{Lookup, Source, parse};
/// let text = "[checks.web]\nhttp = \"http://127.0.0.1:8080/\"\nintervall = \"5s\"\n".to_owned();
/// let lookup = Lookup { variable: &|_| None, cache: None };
/// let error = parse(&Source { file: "stratheal.toml".into(), text }, None, &lookup).unwrap_err();
/// assert_eq!(error.to_string(), "stratheal.toml:3:1: checks.web.intervall: unknown key: did you mean `interval`?");
/// ```
pub fn parse(source: &Source, environment: Option<&str>, lookup: &Lookup<'_>) -> Result<Config, ConfigError> {
    let mut problems = Problems::new(&source.text);
    let (document, mistakes) = DeTable::parse_recoverable(&source.text);
    for mistake in mistakes {
        problems.add(&mistake.span().unwrap_or_default(), "", mistake.message().replace('\n', ", "));
    }
    // What follows a mistake of syntax is read as something else than was meant, and every complaint about it is noise.
    let config = if problems.is_empty() {
        let root = Table::from_toml(document.get_ref());
        validate(root, source, environment, lookup, &mut problems)
    } else {
        None
    };
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(ConfigError::Invalid { file: source.file.clone(), problems: problems.finish() }),
    }
}

fn validate(
    root: Table,
    source: &Source,
    environment: Option<&str>,
    lookup: &Lookup<'_>,
    problems: &mut Problems<'_>,
) -> Option<Config> {
    let part_of_project = source.file.file_name().is_some_and(|name| name == PROJECT_FILE);
    let (path, mut root) = if part_of_project { ("tool.stratheal", section(&root)?) } else { ("", root) };
    let known = take_environments(&mut root);
    let overlays = known.as_ref().map(environments).unwrap_or_default();
    let parent = source.file.parent().filter(|parent| !parent.as_os_str().is_empty());
    // Absolute, because a command may start in another folder than this program.
    let relative = parent.unwrap_or_else(|| Path::new("."));
    let absolute = std::path::absolute(relative);
    let folder = absolute.as_deref().unwrap_or(relative);
    if let Some(wanted) = environment {
        let found = overlays.iter().find(|entry| entry.key == wanted).map(|entry| &entry.node);
        match found.map(|node| (node, &node.value)) {
            Some((_, Value::Table(overlay))) => lay_over(&mut root, overlay),
            Some((node, _)) => problems.add(&node.span, format!("environments.{wanted}"), "must be a table"),
            None => {
                let span = known.as_ref().map_or(0..0, |entry| entry.span.clone());
                problems.add(&span, "environments", no_such_environment(wanted, overlays));
            }
        }
    } else {
        // An overlay that is not in use must be sound all the same: it is read when it matters most.
        for entry in overlays {
            if let Value::Table(overlay) = &entry.node.value {
                let mut combined = root.clone();
                lay_over(&mut combined, overlay);
                let mut context = Context {
                    problems: &mut *problems,
                    lookup,
                    folder,
                    secrets: false,
                    digest: 0,
                    check: String::new(),
                };
                settings::read(&mut context, path, &combined, &source.file);
            }
        }
    }
    let mut context = Context { problems, lookup, folder, secrets: true, digest: 0, check: String::new() };
    Some(settings::read(&mut context, path, &root, &source.file))
}

fn no_such_environment(wanted: &str, overlays: &[Entry]) -> String {
    let known: Vec<_> = overlays.iter().map(|entry| entry.key.as_str()).collect();
    let advice = match nearest(wanted, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "the file has no [environments]".to_owned(),
        None => format!("there are {}", known.join(", ")),
    };
    format!("there is no environment `{wanted}`: {advice}")
}

/// `[tool.stratheal]`.
fn section(root: &Table) -> Option<Table> {
    let table = |node: &Node| match &node.value {
        Value::Table(table) => Some(table.clone()),
        _ => None,
    };
    let tool = table(&root.get("tool")?.node)?;
    table(&tool.get("stratheal")?.node)
}

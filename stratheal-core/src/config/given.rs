//! What a program gives instead of a file: with the keys, the messages and the defaults of the file.

use std::path::Path;

use serde_json::{Map, Value};
use toml::de::DeTable;

use super::checks;
use super::heal::{self, HealSettings};
use super::load::{Lookup, Source, parse};
use super::node::{Entry, Table, Value as Node};
use super::problem::{ConfigError, Problem, Problems};
use super::reader::Context;
use super::settings::Config;
use crate::checks::Conditions;
use crate::engine::Registration;
use crate::model::{CheckId, CheckSpec};

/// When a check runs, and what its results mean.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// Its name.
    pub id: CheckId,
    /// When it runs.
    pub spec: CheckSpec,
    /// What makes its metrics a Warning or a Critical.
    pub conditions: Conditions,
}

/// Reads the keys that all checks have, such as `interval`, `fail_after` or `warn_if`, from what a program was given.
///
/// # Errors
/// [`ConfigError::Invalid`] with all mistakes.
///
/// ```
/// use serde_json::json;
/// use stratheal_core::config::check_settings;
/// let options = json!({ "interval": "10s", "warn_if": "depth > 100" });
/// let settings = check_settings("queue", options.as_object().unwrap())?;
/// assert_eq!((settings.spec.interval.as_secs(), settings.conditions.warn.len()), (10, 1));
/// let mistaken = json!({ "intervall": "10s" });
/// let error = check_settings("queue", mistaken.as_object().unwrap()).unwrap_err();
/// assert!(error.to_string().contains("did you mean `interval`?"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_settings(name: &str, options: &Map<String, Value>) -> Result<CheckSettings, ConfigError> {
    let lookup = Lookup { variable: &|_| None, cache: None };
    read(name, options, Path::new("."), &lookup, |context, entry| {
        let (id, spec, conditions) = checks::read_common(context, entry)?;
        Some(CheckSettings { id, spec, conditions })
    })
}

/// Reads a whole check, as it stands in `[checks.NAME]`. Relative paths begin at `folder`. Whether the checks that it depends on are there
/// is asked when the engine is built.
///
/// # Errors
/// [`ConfigError::Invalid`] with all mistakes.
///
/// ```
/// use serde_json::json;
/// use stratheal_core::config::{Lookup, given_check};
/// let options = json!({ "tcp": "127.0.0.1:5432", "interval": "10s" });
/// let lookup = Lookup { variable: &|_| None, cache: None };
/// let registration = given_check("db", options.as_object().unwrap(), std::path::Path::new("."), &lookup)?;
/// assert_eq!(registration.check.id().as_str(), "db");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn given_check(
    name: &str,
    options: &Map<String, Value>,
    folder: &Path,
    lookup: &Lookup<'_>,
) -> Result<Registration, ConfigError> {
    read(name, options, folder, lookup, |context, entry| checks::read(context, "", entry))
}

/// Reads a whole configuration that is given instead of written in a file. Relative paths begin in `folder`.
///
/// # Errors
/// [`ConfigError::Invalid`] with all mistakes.
///
/// ```
/// use serde_json::json;
/// use stratheal_core::config::{Lookup, given};
/// let document = json!({ "checks": { "db": { "tcp": "127.0.0.1:5432" } } });
/// let lookup = Lookup { variable: &|_| None, cache: None };
/// let config = given(document.as_object().unwrap(), std::path::Path::new("."), None, &lookup)?;
/// assert_eq!(config.checks[0].check.id().as_str(), "db");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn given(
    document: &Map<String, Value>,
    folder: &Path,
    environment: Option<&str>,
    lookup: &Lookup<'_>,
) -> Result<Config, ConfigError> {
    let file = folder.join("given");
    let text = toml::to_string(document).map_err(|error| {
        let problem =
            Problem { line: 0, column: 0, key: String::new(), message: format!("cannot be written down: {error}") };
        ConfigError::Invalid { file: file.clone(), problems: vec![problem], state: None }
    })?;
    parse(&Source { file, text }, environment, lookup)
}

/// Reads what is tried when a check fails, as it stands in `[heal.CHECK]`.
///
/// # Errors
/// [`ConfigError::Invalid`] with all mistakes.
pub fn given_policy(check: &str, options: &Map<String, Value>) -> Result<HealSettings, ConfigError> {
    let lookup = Lookup { variable: &|_| None, cache: None };
    read(check, options, Path::new("."), &lookup, |context, entry| heal::read(context, "", entry))
}

fn read<T>(
    name: &str,
    options: &Map<String, Value>,
    folder: &Path,
    lookup: &Lookup<'_>,
    read: impl FnOnce(&mut Context<'_, '_>, &Entry) -> Option<T>,
) -> Result<T, ConfigError> {
    let given = Map::from_iter([(name.to_owned(), Value::Object(options.clone()))]);
    // What a file cannot say, such as null, makes it an empty one, in which the check is missed.
    let text = toml::to_string(&given).unwrap_or_default();
    let mut problems = Problems::new(&text);
    let (document, mistakes) = DeTable::parse_recoverable(&text);
    for mistake in mistakes {
        problems.add(&mistake.span().unwrap_or_default(), "", mistake.message());
    }
    let root = Table::from_toml(document.get_ref());
    let check = name.to_owned();
    let mut context = Context { problems: &mut problems, lookup, folder, secrets: true, digest: 0, check };
    let entry = root.get(name).filter(|entry| matches!(entry.node.value, Node::Table(_)));
    if entry.is_none() {
        context.problems.add(&(0..0), name, "its options cannot be written down: is one of them null?");
    }
    match entry.and_then(|entry| read(&mut context, entry)) {
        Some(found) if problems.is_empty() => Ok(found),
        _ => Err(ConfigError::Invalid { file: "given".into(), problems: problems.finish(), state: None }),
    }
}

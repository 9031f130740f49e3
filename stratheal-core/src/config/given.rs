//! What a program gives instead of a file: with the keys, the messages and the defaults of the file.

use std::path::Path;

use serde_json::{Map, Value};
use toml::de::DeTable;

use super::checks;
use super::load::{Lookup, Source, parse};
use super::node::{Table, Value as Node};
use super::problem::{ConfigError, Problems};
use super::reader::Context;
use super::settings::Config;
use crate::checks::Conditions;
use crate::model::{CheckId, CheckSpec};

/// Reads what would stand in a file, `{"checks": {"web": {"http": "http://..."}}}`.
///
/// Relative paths begin at `folder`.
///
/// # Errors
/// [`ConfigError::Invalid`] with all mistakes.
pub fn given(values: &Map<String, Value>, folder: &Path, lookup: &Lookup<'_>) -> Result<Config, ConfigError> {
    parse(&Source { file: folder.join("given"), text: written(values) }, None, lookup)
}

/// A document of these values. What a file cannot say, such as null, makes it an empty one, in which everything is missed.
fn written(values: &Map<String, Value>) -> String {
    toml::to_string(values).unwrap_or_default()
}

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
    let given = Map::from_iter([(name.to_owned(), Value::Object(options.clone()))]);
    let text = written(&given);
    let mut problems = Problems::new(&text);
    let (document, mistakes) = DeTable::parse_recoverable(&text);
    for mistake in mistakes {
        problems.add(&mistake.span().unwrap_or_default(), "", mistake.message());
    }
    let root = Table::from_toml(document.get_ref());
    let lookup = Lookup { variable: &|_| None, cache: None };
    let mut context = Context {
        problems: &mut problems,
        lookup: &lookup,
        folder: Path::new("."),
        secrets: false,
        digest: 0,
        check: name.to_owned(),
    };
    let entry = root.get(name).filter(|entry| matches!(entry.node.value, Node::Table(_)));
    if entry.is_none() {
        context.problems.add(&(0..0), name, "its options cannot be written down: is one of them null?");
    }
    let read = entry.and_then(|entry| checks::read_common(&mut context, entry));
    match read {
        Some((id, spec, conditions)) if problems.is_empty() => Ok(CheckSettings { id, spec, conditions }),
        _ => Err(ConfigError::Invalid { file: "given".into(), problems: problems.finish(), state: None }),
    }
}

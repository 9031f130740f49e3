//! The left side of a condition: which metric or fact it names.

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde_json::{Map, Value};

use crate::base::suggest::nearest;
use crate::checks::Measurement;

/// How many names are listed when one is not found.
const MAX_LISTED: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    /// The thing itself.
    Itself,
    /// `len(...)`: how many members or characters it has.
    Length,
    /// `has(...)`: whether it exists.
    Exists,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
    /// What stands in the brackets of a metric's name, as in `used[/var]`.
    Instance(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operand {
    pub(crate) function: Function,
    pub(crate) path: Vec<Step>,
    /// The name of the metric that this path would be.
    name: String,
}

impl Operand {
    pub(crate) fn new(function: Function, path: Vec<Step>) -> Self {
        let name = match path.as_slice() {
            [Step::Key(key)] => key.clone(),
            steps => show(steps),
        };
        Self { function, path, name }
    }

    /// Whether the metric of this name is meant: itself, or an instance of it.
    pub(crate) fn covers(&self, metric: &str) -> bool {
        metric.strip_prefix(self.name.as_str()).is_some_and(|rest| {
            rest.is_empty() || (self.path.len() == 1 && rest.starts_with('[') && rest.ends_with(']'))
        })
    }

    /// The fact that is meant.
    pub(crate) fn fact<'a>(&self, facts: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.path.split_first()?;
        let Step::Key(first) = first else { return None };
        rest.iter().try_fold(facts.get(first)?, member)
    }

    /// Whether it names this fact, or something inside it.
    pub(crate) fn is_within(&self, fact: &str) -> bool {
        matches!(self.path.first(), Some(Step::Key(first)) if first == fact)
    }

    /// A stable word made of the operand, in `kebab-case`.
    pub(crate) fn code(&self) -> String {
        let mut code = String::new();
        for character in self.name.chars().take(64) {
            if character.is_ascii_alphanumeric() {
                code.push(character.to_ascii_lowercase());
            } else if !code.is_empty() && !code.ends_with('-') {
                code.push('-');
            }
        }
        let code = code.trim_end_matches('-');
        if code.is_empty() { "condition".to_owned() } else { code.to_owned() }
    }

    /// Says that nothing has this name, and what has.
    pub(crate) fn not_found(&self, measurement: &Measurement) -> String {
        let mut at: Option<&Value> = None;
        for (depth, step) in self.path.iter().enumerate() {
            let next = match (at, step) {
                (None, Step::Key(key)) => measurement.facts.get(key),
                (None, _) => None,
                (Some(value), step) => member(value, step),
            };
            let Some(value) = next else {
                return at.map_or_else(
                    || self.unknown_name(measurement),
                    |parent| missing_member(&show(&self.path[..depth]), step, parent),
                );
            };
            at = Some(value);
        }
        self.unknown_name(measurement)
    }

    fn unknown_name(&self, measurement: &Measurement) -> String {
        let metrics = measurement.report.metrics.iter().map(|metric| metric.name.as_ref());
        let names: Vec<&str> = metrics.chain(measurement.facts.keys().map(String::as_str)).collect();
        format!("nothing measured is named `{self}`{}", known(&self.name, &names))
    }
}

/// Whether the operand names a metric or a fact.
pub(crate) fn found(operand: &Operand, measurement: &Measurement) -> bool {
    measurement.report.metrics.iter().any(|metric| operand.covers(&metric.name))
        || operand.fact(&measurement.facts).is_some()
}

fn member<'a>(value: &'a Value, step: &Step) -> Option<&'a Value> {
    match step {
        Step::Key(key) | Step::Instance(key) => value.as_object()?.get(key),
        Step::Index(index) => value.as_array()?.get(*index),
    }
}

fn missing_member(parent_name: &str, step: &Step, parent: &Value) -> String {
    match (parent, step) {
        (Value::Object(members), Step::Key(key) | Step::Instance(key)) => {
            let names: Vec<&str> = members.keys().map(String::as_str).collect();
            format!("`{parent_name}` has no `{}`{}", crate::model::report::cut(key, 64), known(key, &names))
        }
        (Value::Array(items), Step::Index(index)) => {
            format!("`{parent_name}` has {} items, so there is no [{index}]", items.len())
        }
        (parent, _) => format!("`{parent_name}` is {}, nothing is inside it by that name", describe(parent)),
    }
}

fn known(wanted: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return ": there is nothing at all".to_owned();
    }
    let mut text =
        nearest(wanted, names.iter().copied()).map(|name| format!(", did you mean `{name}`?")).unwrap_or_default();
    text.push_str(if text.is_empty() { ": there is " } else { " there is " });
    for (index, name) in names.iter().take(MAX_LISTED).enumerate() {
        text.push_str(if index > 0 { ", " } else { "" });
        text.push_str(&crate::model::report::cut(name, 64));
    }
    if names.len() > MAX_LISTED {
        // Writing into a String cannot fail.
        let _ = write!(text, " and {} more", names.len() - MAX_LISTED);
    }
    text
}

/// What a fact is, for an error about it.
pub(super) fn describe(value: &Value) -> Cow<'static, str> {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => format!("{value}").into(),
        Value::Number(number) => format!("the number {number}").into(),
        Value::String(text) => format!("the text {:?}", crate::model::report::cut(text, 64)).into(),
        Value::Array(items) => format!("a list of {} items", items.len()).into(),
        Value::Object(members) => format!("an object of {} members", members.len()).into(),
    }
}

/// Whether a key can be written without quotes.
pub(super) fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.chars().all(is_key_character)
}

pub(super) fn is_key_character(character: char) -> bool {
    !(character.is_whitespace() || character.is_control() || ".[]()\"<>=!~".contains(character))
}

pub(super) fn write_quoted(f: &mut impl Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(character)?;
    }
    f.write_char('"')
}

fn show(steps: &[Step]) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write_path(&mut text, steps);
    text
}

fn write_path(f: &mut impl Write, steps: &[Step]) -> fmt::Result {
    for (index, step) in steps.iter().enumerate() {
        match step {
            Step::Key(key) if index == 0 && is_bare(key) => f.write_str(key)?,
            Step::Key(key) if index == 0 => write_quoted(f, key)?,
            Step::Key(key) if is_bare(key) => write!(f, ".{key}")?,
            Step::Key(key) => {
                f.write_char('[')?;
                write_quoted(f, key)?;
                f.write_char(']')?;
            }
            Step::Index(item) => write!(f, "[{item}]")?,
            Step::Instance(instance) => write!(f, "[{instance}]")?,
        }
    }
    Ok(())
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.function {
            Function::Itself => return write_path(f, &self.path),
            Function::Length => f.write_str("len(")?,
            Function::Exists => f.write_str("has(")?,
        }
        write_path(f, &self.path)?;
        f.write_str(")")
    }
}

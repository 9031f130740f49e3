//! Reads one table by its fields and collects what is wrong with it.

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::field::{Field, Kind};
use super::load::Lookup;
use super::node::{Entry, Node, Table, Value};
use super::problem::Problems;
use crate::base::fs::read_text;
use crate::base::redact::Secret;
use crate::base::suggest::nearest;
use crate::model::Unit;
use crate::model::quantity;

/// As many keys as a person reads in a message.
const MOST_NAMED: usize = 12;

/// The largest secret file.
const MAX_SECRET: u64 = 64 * 1024;

/// What reading needs beside the table.
pub(super) struct Context<'a, 'text> {
    pub(super) problems: &'a mut Problems<'text>,
    pub(super) lookup: &'a Lookup<'a>,
    /// Relative paths begin here: the folder of the file.
    pub(super) folder: &'a Path,
    /// Whether secrets are looked up; in an overlay that is not in use they need not be there.
    pub(super) secrets: bool,
    /// Stands for everything that the current check was read from.
    pub(super) digest: u64,
    /// The id of the current check.
    pub(super) check: String,
}

impl Context<'_, '_> {
    /// Where the current check may leave a sample for its next one-shot run: a file of its own.
    pub(super) fn sample_file(&self) -> Option<PathBuf> {
        let mut hasher = std::hash::DefaultHasher::new();
        (self.folder, &self.check).hash(&mut hasher);
        Some(self.lookup.cache.as_ref()?.join("samples").join(format!("{:016x}.json", hasher.finish())))
    }
}

/// A table that is being read.
pub(super) struct Reader<'a, 'b, 'text> {
    pub(super) context: &'a mut Context<'b, 'text>,
    /// The dotted key of the table.
    pub(super) path: String,
    pub(super) span: Range<usize>,
    table: Table,
    fields: &'static [Field],
}

impl<'a, 'b, 'text> Reader<'a, 'b, 'text> {
    /// Begins to read a table; keys that are no fields are reported at once.
    pub(super) fn new(
        context: &'a mut Context<'b, 'text>,
        path: impl Into<String>,
        span: Range<usize>,
        table: &Table,
        fields: &'static [Field],
    ) -> Self {
        let path = path.into();
        for entry in &table.entries {
            if !fields.iter().any(|field| field.name == entry.key) {
                let names = fields.iter().map(|field| field.name);
                let advice = match nearest(&entry.key, names.clone()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if fields.len() > MOST_NAMED => "`stratheal config schema` lists the keys".to_owned(),
                    None => format!("known keys are {}", names.collect::<Vec<_>>().join(", ")),
                };
                let message = format!("unknown key: {advice}");
                context.problems.add(&entry.span, join(&path, &entry.key), message);
            }
        }
        Self { context, path, span, table: table.clone(), fields }
    }

    /// Reports a mistake with a key's value, or with the table when the key is not there.
    pub(super) fn problem(&mut self, key: &str, message: impl Into<String>) {
        let span = self.table.get(key).map_or(self.span.clone(), |entry| entry.node.span.clone());
        let path = if key.is_empty() { self.path.clone() } else { join(&self.path, key) };
        self.context.problems.add(&span, path, message);
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// Reports when a key is missing that must be there.
    pub(super) fn require(&mut self, key: &str) {
        if !self.has(key) {
            let about = self.fields.iter().find(|field| field.name == key).map_or("", |field| field.about);
            self.problem("", format!("`{key}` is missing: {about}"));
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<Entry> {
        debug_assert!(self.fields.iter().any(|field| field.name == key), "`{key}` is read but is no field");
        self.table.get(key).cloned()
    }

    /// What the value of a key is.
    pub(super) fn kind(&self, key: &str) -> Option<Kind> {
        self.fields.iter().find(|field| field.name == key).map(|field| field.kind)
    }

    pub(super) fn wrong(&mut self, key: &str, node: &Node, wanted: &str) {
        self.problem(key, format!("is {}, but must be {wanted}", node.kind()));
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let entry = self.entry(key)?;
        if let Value::Text(text) = entry.node.value {
            return Some(text);
        }
        self.wrong(key, &entry.node, "a text");
        None
    }

    pub(super) fn choice(&mut self, key: &str, words: &[&str]) -> Option<String> {
        let text = self.text(key)?;
        if words.contains(&text.as_str()) {
            return Some(text);
        }
        self.problem(key, format!("is `{text}`, but must be one of {}", words.join(", ")));
        None
    }

    pub(super) fn boolean(&mut self, key: &str) -> Option<bool> {
        let entry = self.entry(key)?;
        if let Value::Boolean(truth) = entry.node.value {
            return Some(truth);
        }
        self.wrong(key, &entry.node, "true or false");
        None
    }

    pub(super) fn integer(&mut self, key: &str) -> Option<i64> {
        let entry = self.entry(key)?;
        let field = self.fields.iter().find(|field| field.name == key)?;
        let (least, most) = match field.kind {
            Kind::Integer(least, most) => (least, most),
            _ => (i64::MIN, i64::MAX),
        };
        match entry.node.value {
            Value::Integer(Some(number)) if (least..=most).contains(&number) => Some(number),
            Value::Integer(_) => {
                self.problem(key, format!("must be from {least} to {most}"));
                None
            }
            _ => {
                self.wrong(key, &entry.node, "a whole number");
                None
            }
        }
    }

    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        let entry = self.entry(key)?;
        match &entry.node.value {
            Value::Text(text) => {
                quantity::parse_duration(text).map_err(|error| self.problem(key, error.to_string())).ok()
            }
            Value::Integer(Some(number)) => {
                self.problem(key, format!("has no unit: write \"{number}s\" for seconds"));
                None
            }
            _ => {
                self.wrong(key, &entry.node, "a duration such as \"10s\"");
                None
            }
        }
    }

    pub(super) fn size(&mut self, key: &str) -> Option<u64> {
        let text = self.text(key)?;
        match quantity::parse(&text) {
            Ok(size) if matches!(size.unit, Unit::Bytes | Unit::Number) && size.value >= 0.0 => Some(size.value as u64),
            _ => {
                self.problem(key, format!("`{text}` is not a size: write for example 512KiB, 256MiB or 1GB"));
                None
            }
        }
    }

    /// A text counts as a list of one.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let entry = self.entry(key)?;
        if let Value::Text(text) = entry.node.value {
            return Some(vec![text]);
        }
        self.list(key, &entry.node)
    }

    /// Texts that have a meaning of their own; each that has none is reported.
    pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, key: &str) -> Vec<T> {
        let mut found = Vec::new();
        for text in self.texts(key).unwrap_or_default() {
            match text.parse() {
                Ok(value) => found.push(value),
                Err(error) => self.problem(key, format!("{error}")),
            }
        }
        found
    }

    pub(super) fn choices(&mut self, key: &str, words: &[&str]) -> Option<Vec<String>> {
        let texts = self.texts(key)?;
        let unknown: Vec<_> = texts.iter().filter(|text| !words.contains(&text.as_str())).collect();
        if unknown.is_empty() {
            return Some(texts);
        }
        self.problem(key, format!("has `{}`, but knows only {}", unknown[0], words.join(", ")));
        None
    }

    /// A command: a list that is not empty.
    pub(super) fn command(&mut self, key: &str) -> Option<Vec<String>> {
        let entry = self.entry(key)?;
        if let Value::Text(text) = &entry.node.value {
            self.no_shell(key, text);
            return None;
        }
        let argv = self.list(key, &entry.node)?;
        if argv.first().is_none_or(String::is_empty) {
            self.problem(key, "names no program: write [\"program\", \"argument\", ...]");
            return None;
        }
        Some(argv)
    }

    fn no_shell(&mut self, key: &str, text: &str) {
        let words: Vec<_> = text.split_whitespace().map(|word| format!("{word:?}")).collect();
        self.problem(key, format!("must be a list, as no shell takes a text apart: [{}]", words.join(", ")));
    }

    /// A word or a number, or a list of these, as text.
    pub(super) fn codes(&mut self, key: &str) -> Option<Vec<String>> {
        let entry = self.entry(key)?;
        let text = |node: &Node| match &node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(Some(number)) => Some(number.to_string()),
            _ => None,
        };
        let codes = match &entry.node.value {
            Value::Array(items) => items.iter().map(text).collect(),
            _ => text(&entry.node).map(|code| vec![code]),
        };
        if codes.is_none() {
            self.wrong(key, &entry.node, "a status such as 200 or \"2xx\", or a list of them");
        }
        codes
    }

    fn list(&mut self, key: &str, node: &Node) -> Option<Vec<String>> {
        let Value::Array(items) = &node.value else {
            self.wrong(key, node, "a list of texts");
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        let mut sound = true;
        for item in items {
            if let Value::Text(text) = &item.value {
                texts.push(text.clone());
            } else {
                sound = false;
                let message = format!("holds {}, but must be a list of texts", item.kind());
                self.context.problems.add(&item.span, join(&self.path, key), message);
            }
        }
        sound.then_some(texts)
    }

    /// A secret by reference.
    pub(super) fn secret(&mut self, key: &str) -> Option<Secret<String>> {
        let entry = self.entry(key)?;
        let path = join(&self.path, key);
        self.secret_at(&path, &entry.node)
    }

    /// A table of texts or secrets.
    pub(super) fn texts_by_name(&mut self, key: &str) -> Option<Vec<(String, Secret<String>)>> {
        let entry = self.entry(key)?;
        let Value::Table(table) = &entry.node.value else {
            self.wrong(key, &entry.node, "a table of texts");
            return None;
        };
        let path = join(&self.path, key);
        let read = |reader: &mut Self, entry: &Entry| match &entry.node.value {
            Value::Text(text) => Some((entry.key.clone(), Secret::new(text.clone()))),
            _ => Some((entry.key.clone(), reader.secret_at(&join(&path, &entry.key), &entry.node)?)),
        };
        table.entries.iter().map(|entry| read(self, entry)).collect::<Vec<_>>().into_iter().collect()
    }

    fn secret_at(&mut self, path: &str, node: &Node) -> Option<Secret<String>> {
        const HOW: &str = "write { env = \"NAME\" } or { file = \"path\" }";
        let reference = match &node.value {
            Value::Table(table) => match table.entries.as_slice() {
                [Entry { key, node: Node { value: Value::Text(text), .. }, .. }] => Some((key.as_str(), text)),
                _ => None,
            },
            _ => None,
        };
        let read = match reference {
            Some(("env" | "file", _)) if !self.context.secrets => Ok(String::new()),
            Some(("env", name)) => (self.context.lookup.variable)(name)
                .ok_or_else(|| format!("the environment variable `{name}` is not set")),
            Some(("file", file)) => read_text(&self.context.folder.join(file), MAX_SECRET)
                .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .map_err(|error| format!("cannot read the secret: {error}")),
            _ => Err(format!("a secret never stands in the configuration itself: {HOW}")),
        };
        match read {
            Ok(text) => {
                let mut hasher = std::hash::DefaultHasher::new();
                (self.context.digest, &text).hash(&mut hasher);
                self.context.digest = hasher.finish().max(1);
                Some(Secret::new(text))
            }
            Err(message) => {
                self.context.problems.add(&node.span, path, message);
                None
            }
        }
    }

    /// A path, relative ones from the folder of the file.
    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        let text = self.text(key)?;
        Some(self.context.folder.join(text))
    }

    /// Reads a table below this one. A text or a list stands for the first field where the kind says so.
    pub(super) fn section<T>(&mut self, key: &str, read: impl FnOnce(&mut Reader<'_, 'b, 'text>) -> T) -> Option<T> {
        let entry = self.entry(key)?;
        let kind = self.kind(key)?;
        let (table, fields) = match (kind, &entry.node.value) {
            (
                Kind::Table(fields) | Kind::TextOr(fields) | Kind::CommandOr(fields) | Kind::SwitchOr(fields),
                Value::Table(table),
            ) => (table.clone(), fields),
            (Kind::TextOr(fields), Value::Text(_)) | (Kind::CommandOr(fields), Value::Array(_)) => {
                (short(fields, &entry.node), fields)
            }
            (Kind::SwitchOr(fields), Value::Boolean(true)) => (Table::default(), fields),
            (Kind::TextOr(_), _) => {
                self.wrong(key, &entry.node, "a text or a table");
                return None;
            }
            (Kind::CommandOr(_), Value::Text(text)) => {
                self.no_shell(key, text);
                return None;
            }
            (Kind::SwitchOr(_), Value::Boolean(false)) => {
                self.problem(key, "is false: leave this check out instead");
                return None;
            }
            (Kind::CommandOr(_), _) => {
                self.wrong(key, &entry.node, "a list such as [\"program\", \"argument\"], or a table");
                return None;
            }
            (Kind::SwitchOr(_), _) => {
                self.wrong(key, &entry.node, "true, or a table such as {}");
                return None;
            }
            _ => {
                self.wrong(key, &entry.node, "a table");
                return None;
            }
        };
        let path = join(&self.path, key);
        let mut reader = Reader::new(&mut *self.context, path, entry.node.span.clone(), &table, fields);
        Some(read(&mut reader))
    }
    /// Reads each table of a table of tables, with its name.
    pub(super) fn sections<T>(
        &mut self,
        key: &str,
        mut read: impl FnMut(&str, &mut Reader<'_, 'b, 'text>) -> T,
    ) -> Vec<T> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let Some(Kind::Tables(fields)) = self.kind(key) else { return Vec::new() };
        let path = join(&self.path, key);
        let Value::Table(tables) = &entry.node.value else {
            self.problem(key, format!("is {}, but must hold tables: [{path}.NAME]", entry.node.kind()));
            return Vec::new();
        };
        let mut found = Vec::with_capacity(tables.entries.len());
        for entry in &tables.entries {
            let path = join(&path, &entry.key);
            if let Value::Table(table) = &entry.node.value {
                let mut reader = Reader::new(&mut *self.context, path, entry.node.span.clone(), table, fields);
                found.push(read(&entry.key, &mut reader));
            } else {
                let message = format!("is {}, but must be a table", entry.node.kind());
                self.context.problems.add(&entry.node.span, path, message);
            }
        }
        found
    }
}

/// Begins to read a table whose name is the user's, and means something.
pub(super) fn begin<'a, 'b, 'text, I: std::str::FromStr<Err: std::fmt::Display>>(
    context: &'a mut Context<'b, 'text>,
    path: &str,
    entry: &Entry,
    fields: &'static [Field],
) -> Option<(Reader<'a, 'b, 'text>, I)> {
    let path = join(path, &entry.key);
    let Value::Table(table) = &entry.node.value else {
        let message = format!("is {}, but must be a table", entry.node.kind());
        context.problems.add(&entry.node.span, path, message);
        return None;
    };
    match entry.key.parse() {
        Ok(id) => Some((Reader::new(context, path, entry.span.clone(), table, fields), id)),
        Err(error) => {
            context.problems.add(&entry.span, path, format!("{error}"));
            None
        }
    }
}

/// A table whose first field has the value of a short form.
pub(super) fn short(fields: &'static [Field], node: &Node) -> Table {
    let key = fields.first().map_or("", |field| field.name).to_owned();
    Table { entries: vec![Entry { key, span: node.span.clone(), node: node.clone() }] }
}

/// A dotted key, quoted where it must be.
pub(super) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

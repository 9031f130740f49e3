//! The file as a tree of values that know where they stand.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How deep tables may be nested.
const MAX_DEPTH: usize = 32;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(Option<i64>),
    Float,
    Boolean(bool),
    Moment,
    Array(Vec<Node>),
    Table(Table),
}

/// Keys and values in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
}

/// A key, where it stands, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) span: Range<usize>,
    pub(super) node: Node,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(super) fn from_toml(table: &DeTable<'_>) -> Self {
        Self::convert(table, 0)
    }

    fn convert(table: &DeTable<'_>, depth: usize) -> Self {
        let mut entries: Vec<Entry> = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref().to_string(),
                span: key.span(),
                node: Node::convert(value, depth + 1),
            })
            .collect();
        entries.sort_by_key(|entry| entry.span.start);
        Self { entries }
    }
}

impl Node {
    fn convert(value: &Spanned<DeValue<'_>>, depth: usize) -> Self {
        let converted = match value.get_ref() {
            // Nothing in the configuration is that deep, so what stands there is an unknown key in any case.
            _ if depth > MAX_DEPTH => Value::Moment,
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
            DeValue::Float(_) => Value::Float,
            DeValue::Boolean(truth) => Value::Boolean(*truth),
            DeValue::Datetime(_) => Value::Moment,
            DeValue::Array(array) => Value::Array(array.iter().map(|item| Self::convert(item, depth + 1)).collect()),
            DeValue::Table(table) => Value::Table(Table::convert(table, depth)),
        };
        Self { span: value.span(), value: converted }
    }

    /// The word for messages.
    pub(super) const fn kind(&self) -> &'static str {
        match &self.value {
            Value::Text(_) => "a text",
            Value::Integer(_) => "a whole number",
            Value::Float => "a number with a fraction",
            Value::Boolean(_) => "true or false",
            Value::Moment => "a date or time",
            Value::Array(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

impl Node {
    /// A number that stands for the content, wherever in the file it stands.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        self.hash_into(&mut hasher);
        // Zero means that nothing is known.
        std::hash::Hasher::finish(&hasher).max(1)
    }

    fn hash_into(&self, hasher: &mut std::hash::DefaultHasher) {
        use std::hash::Hash;
        std::mem::discriminant(&self.value).hash(hasher);
        match &self.value {
            Value::Text(text) => text.hash(hasher),
            Value::Integer(number) => number.hash(hasher),
            Value::Boolean(truth) => truth.hash(hasher),
            Value::Float | Value::Moment => {}
            Value::Array(items) => items.iter().for_each(|item| item.hash_into(hasher)),
            Value::Table(table) => table.entries.iter().for_each(|entry| {
                entry.key.hash(hasher);
                entry.node.hash_into(hasher);
            }),
        }
    }
}

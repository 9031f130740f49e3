//! The keys of a table, taken out one by one, so that those that nobody knows are left over.

use std::str::FromStr;

use toml::value::Datetime;
use toml::{Table, Value};

use super::LockError;

/// A table, and where it stands.
#[derive(Debug)]
pub(super) struct Fields {
    table: Table,
    /// The package; empty at the top.
    owner: String,
    /// The keys that lead here from there, with a dot behind; empty for the owner itself.
    keys: String,
}

impl Fields {
    pub(super) fn new(table: Table) -> Self {
        Self { table, owner: String::new(), keys: String::new() }
    }

    /// From here on errors name this owner.
    pub(super) fn owned_by(&mut self, owner: String) {
        (self.owner, self.keys) = (owner, String::new());
    }

    pub(super) fn error(&self, key: &str, problem: impl Into<String>) -> LockError {
        let keys = format!("{}{key}", self.keys);
        let at = match (self.owner.is_empty(), keys.trim_end_matches('.')) {
            (true, keys) => format!("`{keys}`"),
            (false, "") => self.owner.clone(),
            (false, keys) => format!("{}, `{keys}`", self.owner),
        };
        LockError::Damaged { at, problem: problem.into() }
    }

    /// The error for a key that must be there.
    pub(super) fn missing(&self, key: &str) -> LockError {
        self.error(key, "must be there")
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, LockError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(key, "must be a text")),
        }
    }

    /// A text that is read as something.
    pub(super) fn read<T: FromStr>(&mut self, key: &str) -> Result<Option<T>, LockError>
    where
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.text(key)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| self.error(key, one_line(error)))
    }

    /// A list of texts that are read as something.
    pub(super) fn list<T: FromStr>(&mut self, key: &str) -> Result<Option<Vec<T>>, LockError>
    where
        T::Err: std::fmt::Display,
    {
        let Some(values) = self.array(key)? else { return Ok(None) };
        let read = |(index, value): (usize, Value)| {
            let key = format!("{key}[{index}]");
            let Value::String(text) = value else { return Err(self.error(&key, "must be a text")) };
            text.parse().map_err(|error| self.error(&key, one_line(error)))
        };
        values.into_iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn whole_number(&mut self, key: &str) -> Result<Option<u64>, LockError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Integer(number)) if number >= 0 => Ok(Some(number.unsigned_abs())),
            Some(_) => Err(self.error(key, "must be a whole number, not below zero")),
        }
    }

    pub(super) fn boolean(&mut self, key: &str) -> Result<Option<bool>, LockError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Boolean(value)) => Ok(Some(value)),
            Some(_) => Err(self.error(key, "must be true or false")),
        }
    }

    pub(super) fn time(&mut self, key: &str) -> Result<Option<Datetime>, LockError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Datetime(time)) => Ok(Some(time)),
            Some(_) => Err(self.error(key, "must be a date and time, without quotes")),
        }
    }

    pub(super) fn table(&mut self, key: &str) -> Result<Option<Table>, LockError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(table)),
            Some(_) => Err(self.error(key, "must be a table")),
        }
    }

    pub(super) fn inner(&mut self, key: &str) -> Result<Option<Self>, LockError> {
        let table = self.table(key)?;
        Ok(table.map(|table| self.below(key, table)))
    }

    pub(super) fn tables(&mut self, key: &str) -> Result<Option<Vec<Table>>, LockError> {
        let Some(values) = self.array(key)? else { return Ok(None) };
        let table = |(index, value): (usize, Value)| match value {
            Value::Table(table) => Ok(table),
            _ => Err(self.error(&format!("{key}[{index}]"), "must be a table")),
        };
        values.into_iter().enumerate().map(table).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn several(&mut self, key: &str) -> Result<Option<Vec<Self>>, LockError> {
        let tables = self.tables(key)?;
        let below = |(index, table)| self.below(&format!("{key}[{index}]"), table);
        Ok(tables.map(|tables| tables.into_iter().enumerate().map(below).collect()))
    }

    /// Everything that is left, as texts.
    pub(super) fn texts(mut self) -> Result<Vec<(String, String)>, LockError> {
        let keys: Vec<String> = self.table.keys().cloned().collect();
        let mut texts = Vec::with_capacity(keys.len());
        for key in keys {
            texts.extend(self.text(&key)?.map(|text| (key, text)));
        }
        Ok(texts)
    }

    /// The keys that nobody asked for, and where they stand.
    pub(super) fn unknown(&self) -> impl Iterator<Item = String> {
        let place = if self.owner.is_empty() { String::new() } else { format!("{}: ", self.owner) };
        self.table.keys().map(move |key| format!("{place}{}{}", self.keys, key.escape_debug()))
    }

    fn array(&mut self, key: &str) -> Result<Option<Vec<Value>>, LockError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Array(values)) => Ok(Some(values)),
            Some(_) => Err(self.error(key, "must be a list")),
        }
    }

    fn below(&self, key: &str, table: Table) -> Self {
        Self { table, owner: self.owner.clone(), keys: format!("{}{key}.", self.keys) }
    }
}

/// Some errors of other crates draw arrows below what they complain about.
fn one_line(error: impl std::fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().chars().take(200).collect()
}

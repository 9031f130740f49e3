//! What may stand in the file: the one description that reading, suggestions, schema and docs share.

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// One sentence for people, with the default where there is one.
    pub about: &'static str,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A time such as `300ms` or `1h30m`.
    Duration,
    /// A size such as `256MiB`.
    Size,
    /// `true` or `false`.
    Boolean,
    /// A whole number in these bounds.
    Integer(i64, i64),
    /// A text, or a list of texts.
    Texts,
    /// A status or a range of them, or a list: `200`, `"2xx"`, `["200-299", 404]`.
    Codes,
    /// A list of these words.
    Choices(&'static [&'static str]),
    /// A command: a list of texts, the program first. Never one text, because no shell takes it apart.
    Command,
    /// `{ env = "NAME" }` or `{ file = "path" }`.
    Secret,
    /// A table of texts, or of secrets by reference.
    TextsByName,
    /// A list whose items are tables with these keys, or texts that stand for the first of them. One text counts as a list of one.
    TextsOr(&'static [Field]),
    /// A table of tables with these keys; their names are the user's.
    Tables(&'static [Field]),
    /// A table with these keys.
    Table(&'static [Field]),
    /// A table with these keys, or a text that stands for the first of them.
    TextOr(&'static [Field]),
    /// A table with these keys, or a list of texts that stands for the first of them.
    CommandOr(&'static [Field]),
    /// `true`, or a table with these keys.
    SwitchOr(&'static [Field]),
}

impl Field {
    /// A key.
    pub(super) const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, about }
    }
}

//! TOML values in one line, always in the same way.

use toml::{Table, Value};

/// A value as it stands behind `=`.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(values) => format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => inline_table(table),
        other => other.to_string(),
    }
}

/// A table in braces, its keys sorted.
pub(super) fn inline_table(table: &Table) -> String {
    let mut entries: Vec<_> = table.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value))).collect();
    entries.sort_unstable();
    braces(&entries)
}

pub(super) fn braces(entries: &[String]) -> String {
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
}

/// A key, bare where it can be.
pub(super) fn key(text: &str) -> String {
    let is_bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare { text.to_owned() } else { quoted(text) }
}

/// A text in quotes, in one line.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => quoted.extend([format!("\\u{:04X}", u32::from(control))]),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_come_back(text in "\\PC{0,20}|[\\x00-\\x7f\u{80}-\u{9f}\"\\\\]{0,20}", name in "\\PC{0,8}|[a-z\"\\\\\n.-]{0,8}") {
            let read: Table = format!("{} = {}", key(&name), quoted(&text)).parse().unwrap();
            prop_assert_eq!(read.get(&name).and_then(Value::as_str), Some(text.as_str()));
        }
    }

    #[test]
    fn values() {
        let text = "a.b = [1, 2.5, { c = \"x\\ny\" }]\n\"d e\" = 2025-01-02T03:04:05Z\nf = {}\ng = inf";
        let table: Table = text.parse().unwrap();
        let written = inline_table(&table);
        assert_eq!(
            written,
            "{ \"d e\" = 2025-01-02T03:04:05Z, a = { b = [1, 2.5, { c = \"x\\ny\" }] }, f = {}, g = inf }"
        );
        assert_eq!(format!("x = {written}").parse::<Table>().unwrap()["x"], Value::Table(table));
    }
}

//! The small grammar most kernel files share: numbers between blanks, and lines of `key value`.

use std::str::FromStr;

use super::Malformed;

/// Reads a number; `name` says which one it is.
pub(crate) fn number<T: FromStr>(text: &str, name: &str) -> Result<T, Malformed> {
    let text = text.trim();
    text.parse().map_err(|_| Malformed::new(&format!("{name} is no number"), text))
}

/// Reads the next field as a number.
pub(crate) fn next<'a, T: FromStr>(fields: &mut impl Iterator<Item = &'a str>, name: &str) -> Result<T, Malformed> {
    number(fields.next().ok_or_else(|| Malformed::missing(name))?, name)
}

/// The number after `key` in lines of `key number` or `key: number`; `None` when no line has the key.
pub(crate) fn value<T: FromStr>(text: &str, key: &str) -> Result<Option<T>, Malformed> {
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace();
        if fields.next().is_some_and(|first| first.strip_suffix(':').unwrap_or(first) == key) {
            return next(&mut fields, key).map(Some);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_by_key() {
        let text = "low 0\noom_kill 3\nbad x\nMemTotal:  12 kB\nempty\n";
        assert_eq!(value(text, "oom_kill"), Ok(Some(3_u64)));
        assert_eq!(value(text, "MemTotal"), Ok(Some(12_u64)));
        assert_eq!(value::<u64>(text, "oom"), Ok(None));
        assert_eq!(value::<u64>(text, "bad").unwrap_err().to_string(), "bad is no number: `x`");
        assert_eq!(value::<u64>(text, "empty").unwrap_err().to_string(), "empty is missing");
    }

    proptest! {
        #[test]
        fn never_panics(text in "(oom_kill:?|[0-9a-z \n-]){0,20}") {
            let _ = (value::<u64>(&text, "oom_kill"), number::<i32>(&text, "it"), value::<f64>(&text, ""));
        }
    }
}

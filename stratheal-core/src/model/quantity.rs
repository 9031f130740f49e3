//! Numbers with units as people write them: `300ms`, `5GiB`, `85%`.

use super::Unit;

/// A number in the base unit of its kind: seconds, bytes, percent, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// The number, in the base unit.
    pub value: f64,
    /// [`Unit::Seconds`], [`Unit::Bytes`], [`Unit::Percent`] or [`Unit::Number`].
    pub unit: Unit,
}

/// A text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quantity: write a number with an optional unit, such as 300ms, 5GiB, 85% or 12")]
pub struct InvalidQuantity(String);

/// A text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write for example 300ms, 10s, 5m or 1h30m")]
pub struct InvalidDuration(String);

const UNITS: &[(&str, Unit, f64)] = &[
    ("", Unit::Number, 1.0),
    ("%", Unit::Percent, 1.0),
    ("ns", Unit::Seconds, 1e-9),
    ("us", Unit::Seconds, 1e-6),
    ("µs", Unit::Seconds, 1e-6),
    ("ms", Unit::Seconds, 1e-3),
    ("s", Unit::Seconds, 1.0),
    ("m", Unit::Seconds, 60.0),
    ("min", Unit::Seconds, 60.0),
    ("h", Unit::Seconds, 3600.0),
    ("d", Unit::Seconds, 86400.0),
    ("w", Unit::Seconds, 604_800.0),
    ("B", Unit::Bytes, 1.0),
    ("kB", Unit::Bytes, 1e3),
    ("KB", Unit::Bytes, 1e3),
    ("MB", Unit::Bytes, 1e6),
    ("GB", Unit::Bytes, 1e9),
    ("TB", Unit::Bytes, 1e12),
    ("KiB", Unit::Bytes, 1024.0),
    ("MiB", Unit::Bytes, 1_048_576.0),
    ("GiB", Unit::Bytes, 1_073_741_824.0),
    ("TiB", Unit::Bytes, 1_099_511_627_776.0),
];

/// Reads a quantity. Several parts of the same kind add up: `1h30m`.
///
/// # Errors
/// [`InvalidQuantity`] for anything that is not a finite number with a known unit, or parts of different kinds.
///
/// ```
/// use stratheal_core::model::{Unit, quantity::parse};
/// assert_eq!(parse("300ms").unwrap().value, 0.3);
/// assert_eq!(parse("1h30m").unwrap().value, 5400.0);
/// assert_eq!(parse("5GiB").unwrap().unit, Unit::Bytes);
/// assert!(parse("5 apples").is_err());
/// ```
pub fn parse(text: &str) -> Result<Quantity, InvalidQuantity> {
    let invalid = || InvalidQuantity(text.chars().take(64).collect());
    let mut rest = text.trim();
    let mut total: Option<Quantity> = None;
    loop {
        let (number, after) = split_number(rest).ok_or_else(invalid)?;
        let after = after.trim_start();
        let end = after.find(|c: char| c.is_ascii_digit() || c == '-' || c.is_whitespace()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let &(_, ref kind, factor) = UNITS.iter().find(|(name, ..)| *name == unit).ok_or_else(invalid)?;
        let value = number * factor;
        total = Some(match total {
            None => Quantity { value, unit: kind.clone() },
            // `5 3` is a typing mistake, `1h30m` is a sum.
            Some(sum) if sum.unit == *kind && *kind != Unit::Number && value >= 0.0 => {
                Quantity { value: sum.value + value, unit: sum.unit }
            }
            Some(_) => return Err(invalid()),
        });
        rest = after.trim_start();
        if rest.is_empty() {
            return total.filter(|quantity| quantity.value.is_finite()).ok_or_else(invalid);
        }
    }
}

/// Splits a decimal number off the front of a text.
fn split_number(text: &str) -> Option<(f64, &str)> {
    let bytes = text.as_bytes();
    let mut end = usize::from(bytes.first().is_some_and(|sign| *sign == b'-' || *sign == b'+'));
    let digits = end;
    while bytes.get(end).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') {
        end += 1;
    }
    if end == digits {
        return None;
    }
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// Reads a duration such as `10s` or `1h30m`.
///
/// # Errors
/// [`InvalidDuration`] when the text is no time, negative, or beyond what a program can wait for (a century).
pub fn parse_duration(text: &str) -> Result<std::time::Duration, InvalidDuration> {
    const CENTURY: f64 = 3_155_760_000.0;
    parse(text)
        .ok()
        .filter(|quantity| quantity.unit == Unit::Seconds && (0.0..=CENTURY).contains(&quantity.value))
        .map(|quantity| std::time::Duration::from_secs_f64(quantity.value))
        .ok_or_else(|| InvalidDuration(text.chars().take(64).collect()))
}

/// Writes seconds as people read them: `1.2ms`, `3.4s`, `2h 5m`.
#[must_use]
pub fn show_seconds(seconds: f64) -> String {
    let size = seconds.abs();
    if size < 1e-3 {
        format!("{:.0}us", seconds * 1e6)
    } else if size < 1.0 {
        format!("{:.1}ms", seconds * 1e3)
    } else if size < 120.0 {
        format!("{seconds:.1}s")
    } else if size < 7200.0 {
        format!("{}m {}s", (seconds / 60.0) as i64, (size % 60.0) as i64)
    } else if size < 172_800.0 {
        format!("{}h {}m", (seconds / 3600.0) as i64, (size % 3600.0 / 60.0) as i64)
    } else {
        format!("{}d {}h", (seconds / 86400.0) as i64, (size % 86400.0 / 3600.0) as i64)
    }
}

/// Writes bytes as people read them: `512B`, `1.5GiB`.
#[must_use]
pub fn show_bytes(bytes: f64) -> String {
    const STEPS: [(&str, f64); 4] =
        [("TiB", 1_099_511_627_776.0), ("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1024.0)];
    match STEPS.iter().find(|(_, size)| bytes.abs() >= *size) {
        Some((name, size)) => format!("{:.1}{name}", bytes / size),
        None => format!("{bytes:.0}B"),
    }
}

/// Writes how many there are of something that has a regular plural: `1 file`, `2 files`.
#[must_use]
pub fn show_count(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_have_their_grammar() {
        for (count, shown) in [(0, "0 files"), (1, "1 file"), (2, "2 files")] {
            assert_eq!(show_count(count, "file"), shown);
        }
    }

    #[test]
    fn refuses_what_is_no_quantity() {
        for text in ["", "s", "5 apples", "1.2.3", "5 3", "1h5GiB", "--5", "1e400", "NaN", "inf", "5%%"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        for text in ["-5s", "5GiB", "5", "9999999w"] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,24}") {
            let _ = (parse(&text), parse_duration(&text));
        }

        #[test]
        fn never_panics_on_odd_numbers(text in "-?[0-9]{0,24}(\\.[0-9]{0,24})?(e[0-9]{0,4})?(ms|us|s|m|h|d|%|KiB|TiB|GB)?") {
            let _ = (parse(&text), parse_duration(&text));
        }

        #[test]
        fn milliseconds_round_trip(ms in 0_u32..10_000_000) {
            let read = parse_duration(&format!("{ms}ms")).unwrap();
            prop_assert_eq!(read.as_millis(), u128::from(ms));
        }
    }
}

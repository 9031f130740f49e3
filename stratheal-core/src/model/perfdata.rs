//! Performance data of the Nagios plugin protocol, in and out.
//!
//! Source: Monitoring Plugins Development Guidelines, "Performance data":
//! `'label'=value[UOM];[warn];[crit];[min];[max]`, separated by spaces. A label with spaces or `=` stands in single
//! quotes, a quote inside is doubled. A value of `U` means it could not be determined.

use std::fmt::Write;

use super::{Metric, Range, Unit};

/// The most metrics read from one output; a plugin that prints more is cut there.
pub const MAX_METRICS: usize = 256;

/// Reads performance data. What cannot be read is skipped and returned as text beside the metrics, so that one bad
/// entry does not hide the others.
///
/// ```
/// use stratheal_core::model::perfdata;
/// let (metrics, bad) = perfdata::parse("'a b'=300ms;500;1000;0; load=0.5 nonsense");
/// assert_eq!((metrics[0].name.as_ref(), metrics[0].value), ("a b", 0.3));
/// assert_eq!(metrics[1].value, 0.5);
/// assert_eq!(bad, ["nonsense"]);
/// ```
#[must_use]
pub fn parse(text: &str) -> (Vec<Metric>, Vec<String>) {
    let mut metrics = Vec::new();
    let mut bad = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && metrics.len() + bad.len() < MAX_METRICS {
        let (entry, after) = split_entry(rest);
        match parse_entry(entry) {
            Entry::Value(metric) => metrics.push(metric),
            Entry::Undetermined => {}
            Entry::Malformed => bad.push(entry.chars().take(64).collect()),
        }
        rest = after.trim_start();
    }
    (metrics, bad)
}

/// Splits the first entry off, minding blanks inside a quoted label.
fn split_entry(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            character if character.is_whitespace() && !quoted => return text.split_at(at),
            _ => {}
        }
    }
    (text, "")
}

enum Entry {
    Value(Metric),
    /// The plugin says that it could not tell.
    Undetermined,
    Malformed,
}

fn parse_entry(entry: &str) -> Entry {
    match split_label(entry) {
        Some((_, values)) if values.split(';').next() == Some("U") => Entry::Undetermined,
        Some((label, values)) => parse_values(label, values).map_or(Entry::Malformed, Entry::Value),
        None => Entry::Malformed,
    }
}

fn parse_values(label: String, values: &str) -> Option<Metric> {
    let mut fields = values.split(';');
    let measured = fields.next()?;
    let digits = measured.find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c))).unwrap_or(measured.len());
    // `1e5` is a number, `1s` is not.
    let digits = match measured[digits..].strip_prefix(['e', 'E']) {
        Some(exponent) if exponent.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)) => {
            let signed = exponent.trim_start_matches(['+', '-']);
            let end = signed.find(|c: char| !c.is_ascii_digit()).unwrap_or(signed.len());
            digits + 1 + (exponent.len() - signed.len()) + end
        }
        _ => digits,
    };
    let (number, uom) = measured.split_at(digits);
    let value: f64 = number.parse().ok().filter(|n: &f64| n.is_finite())?;
    let (unit, factor) = unit_of(uom);
    let scaled = |field: Option<&str>| field.and_then(|text| text.parse::<f64>().ok()).map(|n| n * factor);
    let range = |field: Option<&str>| {
        field.filter(|text| !text.is_empty()).and_then(|text| text.parse::<Range>().ok()).map(|range| Range {
            start: range.start * factor,
            end: range.end * factor,
            inside: range.inside,
        })
    };
    let warn = range(fields.next());
    let crit = range(fields.next());
    let min = scaled(fields.next());
    let max = scaled(fields.next());
    Some(Metric { name: label.into(), value: value * factor, unit, warn, crit, min, max })
}

fn split_label(entry: &str) -> Option<(String, &str)> {
    let Some(quoted) = entry.strip_prefix('\'') else {
        let (label, values) = entry.split_once('=')?;
        return (!label.is_empty()).then(|| (label.to_owned(), values));
    };
    let mut label = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character != '\'' {
            label.push(character);
        } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
            label.push('\'');
        } else {
            let values = quoted[at + 1..].strip_prefix('=')?;
            return (!label.is_empty()).then_some((label, values));
        }
    }
    None
}

fn unit_of(uom: &str) -> (Unit, f64) {
    match uom {
        "" => (Unit::Number, 1.0),
        "s" => (Unit::Seconds, 1.0),
        "ms" => (Unit::Seconds, 1e-3),
        "us" => (Unit::Seconds, 1e-6),
        "ns" => (Unit::Seconds, 1e-9),
        "%" => (Unit::Percent, 1.0),
        "c" => (Unit::Counter, 1.0),
        "B" => (Unit::Bytes, 1.0),
        "KB" => (Unit::Bytes, 1024.0),
        "MB" => (Unit::Bytes, 1_048_576.0),
        "GB" => (Unit::Bytes, 1_073_741_824.0),
        "TB" => (Unit::Bytes, 1_099_511_627_776.0),
        other => (Unit::Other(other.chars().take(16).collect()), 1.0),
    }
}

/// Writes metrics as performance data.
///
/// ```
/// use stratheal_core::model::{Metric, Range, Unit, perfdata};
/// let metric = Metric::new("used", 91.0, Unit::Percent).warn(Range::above(85.0)).min(0.0).max(100.0);
/// assert_eq!(perfdata::write(&[metric]), "'used'=91%;~:85;;0;100");
/// ```
#[must_use]
pub fn write(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics.iter().filter(|metric| metric.value.is_finite()) {
        if !text.is_empty() {
            text.push(' ');
        }
        // A line break would end the status line, a bar would begin new performance data.
        let label = metric.name.replace('\'', "''").replace(['\n', '\r', '|'], "_");
        let uom = match &metric.unit {
            Unit::Number => "",
            Unit::Seconds => "s",
            Unit::Percent => "%",
            Unit::Bytes => "B",
            Unit::Counter => "c",
            Unit::Other(unit) => unit,
        };
        let optional = |number: Option<f64>| number.map(|n| n.to_string()).unwrap_or_default();
        let range = |range: Option<Range>| range.map(|range| range.to_string()).unwrap_or_default();
        let fields = [range(metric.warn), range(metric.crit), optional(metric.min), optional(metric.max)].join(";");
        // Writing into a String cannot fail.
        let _ = write!(text, "'{label}'={}{uom}", metric.value);
        let fields = fields.trim_end_matches(';');
        if !fields.is_empty() {
            let _ = write!(text, ";{fields}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_plugins_print() {
        let (metrics, bad) = parse("time=0.002s;1.000;2.000;0.000;10 size=512B;;;0 'it''s'=5% c=7c x=U t=5KB 'q=1 ==3");
        let named: Vec<_> = metrics.iter().map(|m| (m.name.as_ref(), m.value, m.unit.clone())).collect();
        assert_eq!(
            named,
            [
                ("time", 0.002, Unit::Seconds),
                ("size", 512.0, Unit::Bytes),
                ("it's", 5.0, Unit::Percent),
                ("c", 7.0, Unit::Counter),
                ("t", 5120.0, Unit::Bytes),
            ]
        );
        assert_eq!(metrics[0].warn.map(|range| range.end), Some(1.0));
        assert_eq!(bad, ["'q=1 ==3"]);
    }

    #[test]
    fn a_flood_is_cut() {
        let (metrics, _) = parse(&"a=1 ".repeat(10_000));
        assert_eq!(metrics.len(), MAX_METRICS);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_written_is_read_again(name in "[a-z' =]{1,12}", value in -1e9..1e9_f64, warn in 0.0..1e6_f64) {
            let metric = Metric::new(name, value, Unit::Seconds).warn(Range::above(warn)).min(0.0);
            let (read, bad) = parse(&write(std::slice::from_ref(&metric)));
            prop_assert!(bad.is_empty());
            prop_assert_eq!(read, vec![metric]);
        }
    }
}

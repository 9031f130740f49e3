//! What a plugin of the Nagios family prints.
//!
//! Source: Monitoring Plugins Development Guidelines, "Plugin Output for Nagios", and the Nagios Core documentation, "Plugin API": the
//! first line is text and, after a bar, performance data; then long text; after the next bar, performance data to the end.

use crate::model::{Metric, perfdata};

/// The output of a plugin, taken apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct PluginOutput {
    /// The text of the first line.
    pub(super) summary: String,
    /// The lines behind it.
    pub(super) long: String,
    /// All performance data.
    pub(super) metrics: Vec<Metric>,
    /// Performance data that cannot be understood.
    pub(super) malformed: Vec<String>,
}

/// Takes the output of a plugin apart. It never fails: what is no performance data is listed as malformed.
pub(super) fn parse(output: &str) -> PluginOutput {
    let (first, rest) = output.split_once('\n').unwrap_or((output, ""));
    let (summary, data) = first.split_once('|').unwrap_or((first, ""));
    let (long, more) = rest.split_once('|').unwrap_or((rest, ""));
    let (mut metrics, mut malformed) = perfdata::parse(data);
    for line in more.lines() {
        let (some, bad) = perfdata::parse(line);
        metrics.extend(some);
        malformed.extend(bad);
    }
    metrics.truncate(perfdata::MAX_METRICS);
    malformed.truncate(perfdata::MAX_METRICS);
    PluginOutput { summary: summary.trim().to_owned(), long: long.trim_end().to_owned(), metrics, malformed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_documentation() {
        let output = "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n\
                      / 15272 MB (77%);\n/boot 68 MB (69%);\n/home 69357 MB (27%);\n\
                      /var/log 819 MB (84%); | /boot=68MB;88;93;0;98\n/home=69357MB;253404;253409;0;253414\n\
                      /var/log=818MB;970;975;0;980\n";
        let plugin = parse(output);
        assert_eq!(plugin.summary, "DISK OK - free space: / 3326 MB (56%);");
        assert!(plugin.long.starts_with("/ 15272 MB") && plugin.long.ends_with("/var/log 819 MB (84%);"));
        assert_eq!(
            plugin.metrics.iter().map(|m| m.name.as_ref()).collect::<Vec<_>>(),
            ["/", "/boot", "/home", "/var/log"]
        );
        assert!(plugin.malformed.is_empty());
    }

    #[test]
    fn odd_outputs() {
        assert_eq!(parse(""), PluginOutput::default());
        assert_eq!(parse("just text").summary, "just text");
        assert_eq!(parse("a | b").malformed, ["b"]);
        assert_eq!(parse("a\r\nb").summary, "a");
        assert_eq!(parse("|x=1").metrics[0].name, "x");
        assert_eq!(parse("a\nlong\n|x=1 y=2\nz=3").metrics.len(), 3);
        let many = format!("a|{}", "x=1 ".repeat(1000));
        assert_eq!(parse(&many).metrics.len(), perfdata::MAX_METRICS);
    }

    proptest! {
        #[test]
        fn never_panics(output in "[a-z|'=;\n 0-9%]{0,200}") {
            let plugin = parse(&output);
            prop_assert!(!plugin.summary.contains(['\n', '|']));
        }
    }
}

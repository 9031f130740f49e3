//! `process`.

use super::{Build, CheckType, judged, pattern};
use crate::checks::process::{DEFAULT_CRIT, DEFAULT_WARN, Process, ProcessOptions};
use crate::config::field::{Field, Kind};
use crate::config::reader::Reader;
use crate::model::Unit;
use crate::sys::SysRoot;
use crate::sys::process::ProcessSelector;

pub(in crate::config) const FIELD: Field = Field::new("process", Kind::TextOr(FIELDS), "A process must be there.");

pub(super) const TYPE: CheckType = CheckType {
    name: FIELD.name,
    warn: DEFAULT_WARN,
    crit: DEFAULT_CRIT,
    metrics: Some(&[
        ("count", Unit::Number),
        ("zombies", Unit::Number),
        ("uninterruptible", Unit::Number),
        ("rss", Unit::Bytes),
        ("age", Unit::Seconds),
        ("oldest", Unit::Seconds),
        ("cpu", Unit::Percent),
        ("open_files", Unit::Number),
        ("open_files_used", Unit::Percent),
    ]),
    facts: &["pids"],
    build,
};

const FIELDS: &[Field] = &[
    Field::new("name", Kind::Text, "The name of the process, or the file name of what it runs."),
    Field::new("executable", Kind::Text, "The path of the program file it runs."),
    Field::new("pattern", Kind::Text, "A pattern that must match somewhere in its command line."),
    Field::new("pid_file", Kind::Text, "A file with the number of the process."),
    Field::new("min", Kind::Integer(0, 1_000_000), "The least there have to be; default 1."),
    Field::new("max", Kind::Integer(0, 1_000_000), "The most there may be."),
];

fn build(reader: &mut Reader<'_, '_, '_>) -> Option<Build> {
    reader.section(FIELD.name, |reader| {
        let count = |number: i64| u64::try_from(number).ok();
        let options = ProcessOptions {
            selector: ProcessSelector {
                name: reader.text("name"),
                executable: reader.path("executable"),
                pattern: pattern(reader, "pattern"),
            },
            pid_file: reader.path("pid_file"),
            min: reader.integer("min").and_then(count),
            max: reader.integer("max").and_then(count),
            cpu: false,
        };
        if options.selector.is_empty() && options.pid_file.is_none() && !reader.has("pattern") {
            reader.problem("", "says not which process: add `name`, `executable`, `pattern` or `pid_file`");
        }
        if let (Some(min), Some(max)) = (options.min, options.max)
            && min > max
        {
            reader.problem("min", format!("is more than `max`, which is {max}"));
        }
        // A first sample of processor time costs 200 ms, so it is taken only when somebody wants to know.
        let build: Build = Box::new(move |id, conditions| {
            let options = ProcessOptions { cpu: conditions.name("cpu"), ..options };
            judged(Process::new(options, SysRoot::default()))(id, conditions)
        });
        build
    })
}

//! `open_files`.

use super::{Build, CheckType, judged};
use crate::checks::open_files::{DEFAULT_CRIT, DEFAULT_WARN, OpenFiles, OpenFilesOf, OpenFilesOptions};
use crate::config::field::{Field, Kind};
use crate::config::reader::Reader;
use crate::model::Unit;
use crate::sys::SysRoot;

pub(in crate::config) const FIELD: Field =
    Field::new("open_files", Kind::SwitchOr(FIELDS), "How many files are open, of how many may be.");

pub(super) const TYPE: CheckType = CheckType {
    name: FIELD.name,
    warn: DEFAULT_WARN,
    crit: DEFAULT_CRIT,
    metrics: Some(&[("used", Unit::Percent), ("open", Unit::Number)]),
    facts: &[],
    build,
};

const FIELDS: &[Field] = &[
    Field::new("host", Kind::Boolean, "Of all processes together; default true when nothing else is named."),
    Field::new("own", Kind::Boolean, "Of this program; default true when nothing else is named."),
    Field::new("pid", Kind::Integer(1, 4_194_304), "Of the process with this number."),
    Field::new("pid_file", Kind::Text, "Of the process whose number stands in this file."),
];

fn build(reader: &mut Reader<'_, '_, '_>) -> Option<Build> {
    reader.section(FIELD.name, |reader| {
        let mut of = Vec::new();
        of.extend(reader.boolean("host").unwrap_or_default().then_some(OpenFilesOf::Host));
        of.extend(reader.boolean("own").unwrap_or_default().then_some(OpenFilesOf::Own));
        of.extend(reader.integer("pid").and_then(|pid| u32::try_from(pid).ok()).map(OpenFilesOf::Process));
        of.extend(reader.path("pid_file").map(OpenFilesOf::PidFile));
        judged(OpenFiles::new(OpenFilesOptions { of }, SysRoot::default()))
    })
}

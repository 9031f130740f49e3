//! `pressure`.

use super::{Build, CheckType, judged};
use crate::checks::pressure::{DEFAULT_CRIT, DEFAULT_WARN, Pressure, PressureOptions, PressureScope};
use crate::config::field::{Field, Kind};
use crate::config::reader::Reader;
use crate::model::Unit;
use crate::sys::SysRoot;

pub(in crate::config) const FIELD: Field =
    Field::new("pressure", Kind::SwitchOr(FIELDS), "How long tasks wait for processor, memory and disk (PSI).");

pub(super) const TYPE: CheckType = CheckType {
    name: FIELD.name,
    warn: DEFAULT_WARN,
    crit: DEFAULT_CRIT,
    metrics: Some(&[
        ("cpu_some_avg10", Unit::Percent),
        ("cpu_some_avg60", Unit::Percent),
        ("memory_full_avg10", Unit::Percent),
        ("memory_full_avg60", Unit::Percent),
        ("io_full_avg10", Unit::Percent),
        ("io_full_avg60", Unit::Percent),
    ]),
    facts: &["of"],
    build,
};

const SCOPES: &[&str] = &["automatic", "host", "group"];

const FIELDS: &[Field] = &[Field::new(
    "of",
    Kind::Choice(SCOPES),
    "Whose: \"host\", the control \"group\", or \"automatic\": the group inside a container, else the host.",
)];

fn build(reader: &mut Reader<'_, '_, '_>) -> Option<Build> {
    reader.section(FIELD.name, |reader| {
        let scope = match reader.choice("of", SCOPES).as_deref() {
            Some("host") => PressureScope::Host,
            Some("group") => PressureScope::Group,
            _ => PressureScope::Automatic,
        };
        judged(Pressure::new(PressureOptions { scope }, SysRoot::default()))
    })
}

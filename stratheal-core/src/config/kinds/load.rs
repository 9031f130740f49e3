//! `load`.

use super::{Build, CheckType, judged};
use crate::checks::load::{DEFAULT_CRIT, DEFAULT_WARN, Load};
use crate::config::field::{Field, Kind};
use crate::config::reader::Reader;
use crate::model::Unit;
use crate::sys::SysRoot;

pub(in crate::config) const FIELD: Field =
    Field::new("load", Kind::SwitchOr(FIELDS), "How many tasks run or wait, on average.");

pub(super) const TYPE: CheckType = CheckType {
    name: FIELD.name,
    warn: DEFAULT_WARN,
    crit: DEFAULT_CRIT,
    metrics: Some(&[
        ("load1", Unit::Number),
        ("load5", Unit::Number),
        ("load15", Unit::Number),
        ("load1_per_core", Unit::Number),
        ("load5_per_core", Unit::Number),
        ("load15_per_core", Unit::Number),
        ("cores", Unit::Number),
    ]),
    facts: &[],
    build,
};

const FIELDS: &[Field] = &[];

fn build(reader: &mut Reader<'_, '_, '_>) -> Option<Build> {
    reader.section(FIELD.name, |_| judged(Load::new(SysRoot::default())))
}

//! `memory`.

use super::{Build, CheckType, judged};
use crate::checks::memory::{DEFAULT_CRIT, DEFAULT_WARN, Memory};
use crate::config::field::{Field, Kind};
use crate::config::reader::Reader;
use crate::model::Unit;
use crate::sys::SysRoot;

pub(in crate::config) const FIELD: Field =
    Field::new("memory", Kind::SwitchOr(FIELDS), "How much of the memory that this process may use is in use.");

pub(super) const TYPE: CheckType = CheckType {
    name: FIELD.name,
    warn: DEFAULT_WARN,
    crit: DEFAULT_CRIT,
    metrics: Some(&[
        ("used", Unit::Percent),
        ("working_set", Unit::Bytes),
        ("limit", Unit::Bytes),
        ("available", Unit::Bytes),
        ("swap", Unit::Bytes),
        ("swap_used", Unit::Percent),
    ]),
    facts: &["limited_by"],
    build,
};

const FIELDS: &[Field] = &[];

fn build(reader: &mut Reader<'_, '_, '_>) -> Option<Build> {
    reader.section(FIELD.name, |_| judged(Memory::new(SysRoot::default())))
}

//! `cpu`.

use super::{Build, CheckType, judged};
use crate::checks::cpu::{Cpu, CpuOptions, DEFAULT_CRIT, DEFAULT_WARN};
use crate::config::field::{Field, Kind};
use crate::config::reader::Reader;
use crate::model::Unit;
use crate::sys::SysRoot;

pub(in crate::config) const FIELD: Field =
    Field::new("cpu", Kind::SwitchOr(FIELDS), "How busy the processors are that this process may use.");

pub(super) const TYPE: CheckType = CheckType {
    name: FIELD.name,
    warn: DEFAULT_WARN,
    crit: DEFAULT_CRIT,
    metrics: Some(&[
        ("used", Unit::Percent),
        ("throttled", Unit::Percent),
        ("iowait", Unit::Percent),
        ("steal", Unit::Percent),
        ("processors", Unit::Number),
    ]),
    facts: &["limited_by"],
    build,
};

const FIELDS: &[Field] = &[];

fn build(reader: &mut Reader<'_, '_, '_>) -> Option<Build> {
    let sample_file = reader.context.sample_file();
    reader.section(FIELD.name, |_| judged(Cpu::new(CpuOptions { sample_file }, SysRoot::default())))
}

//! `oom`.

use super::{Build, CheckType, judged};
use crate::checks::oom::{DEFAULT_CRIT, DEFAULT_WARN, Oom, OomOptions};
use crate::config::field::{Field, Kind};
use crate::config::reader::Reader;
use crate::model::Unit;
use crate::sys::SysRoot;

pub(in crate::config) const FIELD: Field =
    Field::new("oom", Kind::SwitchOr(FIELDS), "Whether processes were killed for lack of memory.");

pub(super) const TYPE: CheckType = CheckType {
    name: FIELD.name,
    warn: DEFAULT_WARN,
    crit: DEFAULT_CRIT,
    metrics: Some(&[("kills", Unit::Number), ("total", Unit::Counter)]),
    facts: &[],
    build,
};

const FIELDS: &[Field] = &[Field::new("hold", Kind::Duration, "For how long a kill counts as recent; default \"5m\".")];

fn build(reader: &mut Reader<'_, '_, '_>) -> Option<Build> {
    let sample_file = reader.context.sample_file();
    reader.section(FIELD.name, |reader| {
        let hold = reader.duration("hold").unwrap_or(OomOptions::default().hold);
        judged(Oom::new(OomOptions { hold, sample_file }, SysRoot::default()))
    })
}

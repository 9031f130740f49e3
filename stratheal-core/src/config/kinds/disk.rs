//! `disk`.

use super::{Build, CheckType, judged};
use crate::checks::disk::{DEFAULT_CRIT, DEFAULT_WARN, Disk, DiskOptions};
use crate::config::field::{Field, Kind};
use crate::config::reader::Reader;
use crate::model::Unit;
use crate::sys::SysRoot;

pub(in crate::config) const FIELD: Field =
    Field::new("disk", Kind::SwitchOr(FIELDS), "How full the mounted file systems are, in space and inodes.");

pub(super) const TYPE: CheckType = CheckType {
    name: FIELD.name,
    warn: DEFAULT_WARN,
    crit: DEFAULT_CRIT,
    metrics: Some(&[("used", Unit::Percent), ("inodes", Unit::Percent), ("available", Unit::Bytes)]),
    facts: &["mounts"],
    build,
};

const FIELDS: &[Field] = &[
    Field::new("paths", Kind::Texts, "Only the file systems of these paths; default every local mount."),
    Field::new("network", Kind::Boolean, "Whether network mounts are looked at, too; default false."),
    Field::new("exclude", Kind::Texts, "Mount points to be left out."),
];

fn build(reader: &mut Reader<'_, '_, '_>) -> Option<Build> {
    reader.section(FIELD.name, |reader| {
        let mut paths = |key| reader.texts(key).unwrap_or_default().into_iter().map(Into::into).collect();
        let options = DiskOptions { paths: paths("paths"), exclude: paths("exclude"), ..DiskOptions::default() };
        let network = reader.boolean("network").unwrap_or_default();
        judged(Disk::new(DiskOptions { network, ..options }, SysRoot::default()))
    })
}

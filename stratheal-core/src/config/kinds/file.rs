//! `file`.

use std::sync::Arc;

use super::{Build, CheckType, judged, pattern};
use crate::base::clock::SystemClock;
use crate::checks::file::{DEFAULT_CRIT, DEFAULT_WARN, Expected, File, FileOptions};
use crate::config::field::{Field, Kind};
use crate::config::reader::Reader;
use crate::model::Unit;

pub(in crate::config) const FIELD: Field = Field::new(
    "file",
    Kind::TextOr(FIELDS),
    "A file must be there, or not, and be as new, as large and as full of something as wanted.",
);

pub(super) const TYPE: CheckType = CheckType {
    name: FIELD.name,
    warn: DEFAULT_WARN,
    crit: DEFAULT_CRIT,
    metrics: Some(&[
        ("count", Unit::Number),
        ("size", Unit::Bytes),
        ("largest", Unit::Bytes),
        ("age", Unit::Seconds),
        ("oldest", Unit::Seconds),
        ("matches", Unit::Number),
    ]),
    facts: &[],
    build,
};

const FIELDS: &[Field] = &[
    Field::new("path", Kind::Text, "A file or folder; with `*` or `?` in its last part, all files whose names fit."),
    Field::new("names", Kind::Text, "All files of the folder `path` whose names fit this pattern."),
    Field::new("exists", Kind::Boolean, "Whether it must be there, or must not; default true for a single path."),
    Field::new("content", Kind::Text, "A pattern that is counted in the content, as `matches`."),
    Field::new("content_limit", Kind::Size, "How much of each file is searched, from its end; default \"1MiB\"."),
];

fn build(reader: &mut Reader<'_, '_, '_>) -> Option<Build> {
    reader.section(FIELD.name, |reader| {
        reader.require("path");
        let names = pattern(reader, "names");
        let content = pattern(reader, "content");
        let expected = match reader.boolean("exists") {
            Some(true) => Expected::Present,
            Some(false) => Expected::Absent,
            None => Expected::Automatic,
        };
        let content_limit = reader.size("content_limit");
        let path = reader.path("path")?;
        let options = FileOptions { path, names, expected, content, content_limit };
        Some(judged(File::new(options, Arc::new(SystemClock))))
    })?
}

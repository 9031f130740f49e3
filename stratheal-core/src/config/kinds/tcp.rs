//! `tcp`.

use super::http::{TLS, tls};
use super::{Build, CheckType, judged_or_report};
use crate::base::redact::Secret;
use crate::checks::tcp::{TcpExpect, TcpMeasure, TcpOptions};
use crate::config::field::{Field, Kind};
use crate::config::reader::Reader;
use crate::model::Unit;

pub(in crate::config) const FIELD: Field =
    Field::new("tcp", Kind::TextOr(FIELDS), "Somebody must listen at this address.");

pub(super) const TYPE: CheckType = CheckType {
    name: FIELD.name,
    warn: &[],
    crit: &[],
    metrics: Some(&[
        ("latency", Unit::Seconds),
        ("dns", Unit::Seconds),
        ("connect", Unit::Seconds),
        ("tls", Unit::Seconds),
        ("first_byte", Unit::Seconds),
        ("size", Unit::Bytes),
        ("certificate_days", Unit::Number),
    ]),
    facts: &["received", "address"],
    build,
};

const FIELDS: &[Field] = &[
    Field::new("address", Kind::Text, "Host and port, such as \"127.0.0.1:5432\"; IPv6 addresses in brackets."),
    Field::new("tls", Kind::SwitchOr(TLS), "TLS: true, or whom to trust; default none."),
    Field::new("send", Kind::Text, "What is sent once connected."),
    Field::new("expect", Kind::Text, "A text that must come back."),
    Field::new("expect_regex", Kind::Text, "A pattern that must match what comes back."),
];

fn build(reader: &mut Reader<'_, '_, '_>) -> Option<Build> {
    reader.section(FIELD.name, |reader| {
        reader.require("address");
        let default = TcpOptions::new(reader.text("address")?);
        if reader.has("expect") && reader.has("expect_regex") {
            reader.problem("expect_regex", "stands beside `expect`: use one of them");
        }
        let pattern = reader.text("expect_regex").map(TcpExpect::Regex);
        let options = TcpOptions {
            tls: reader.section("tls", tls),
            send: reader.text("send").map(|text| Secret::new(text.into_bytes())),
            expect: reader.text("expect").map(TcpExpect::Text).or(pattern),
            ..default
        };
        judged_or_report(reader, TcpMeasure::new(options))
    })?
}

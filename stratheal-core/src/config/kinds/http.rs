//! `http`.

use super::{Build, CheckType, judged_or_report};
use crate::checks::http::{HttpAuth, HttpMeasure, HttpOptions, StatusSet};
use crate::config::field::{Field, Kind};
use crate::config::reader::Reader;
use crate::model::Unit;
use crate::net::{TlsOptions, TlsVersion};

pub(in crate::config) const FIELD: Field =
    Field::new("http", Kind::TextOr(FIELDS), "A request to this URL must be answered as expected.");

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
    facts: &["status", "body", "headers", "redirects", "url"],
    build,
};

const FIELDS: &[Field] = &[
    Field::new("url", Kind::Text, "The URL, http or https."),
    Field::new("method", Kind::Text, "The method; default \"GET\"."),
    Field::new("headers", Kind::TextsByName, "Further headers; secrets as { env = \"NAME\" } or { file = \"path\" }."),
    Field::new("body", Kind::Text, "What is sent."),
    Field::new("status", Kind::Codes, "Statuses that are as expected: 200, \"2xx\", \"200-299\"; default 200 to 399."),
    Field::new("follow_redirects", Kind::Boolean, "Whether redirects are followed; default true."),
    Field::new("max_redirects", Kind::Integer(0, 20), "How many redirects at most; default 5."),
    Field::new("auth", Kind::Table(AUTH), "Credentials: { bearer = SECRET } or { user = \"me\", password = SECRET }."),
    Field::new("tls", Kind::Table(TLS), "Whom to trust."),
    Field::new("body_contains", Kind::Text, "A text the body must contain."),
    Field::new("body_regex", Kind::Text, "A pattern that must match somewhere in the body."),
    Field::new("max_body", Kind::Size, "How much of the body is read at most; default \"1MiB\"."),
    Field::new("unix", Kind::Text, "A Unix socket to connect to instead of the URL's host."),
];

const AUTH: &[Field] = &[
    Field::new("bearer", Kind::Secret, "The token."),
    Field::new("user", Kind::Text, "The user."),
    Field::new("password", Kind::Secret, "The password."),
];

pub(super) const TLS: &[Field] = &[
    Field::new("ca_file", Kind::Text, "A file of PEM certificates to trust instead of the system's."),
    Field::new("insecure_skip_verify", Kind::Boolean, "Whether any certificate is accepted; default false."),
    Field::new("server_name", Kind::Text, "The name to ask for and to expect instead of the host's."),
    Field::new("min_version", Kind::Choice(&["1.2", "1.3"]), "The oldest version to accept; default \"1.2\"."),
];

fn build(reader: &mut Reader<'_, '_, '_>) -> Option<Build> {
    reader.section(FIELD.name, |reader| {
        reader.require("url");
        let default = HttpOptions::new(reader.text("url")?);
        let options = HttpOptions {
            method: reader.text("method").unwrap_or(default.method),
            headers: reader.texts_by_name("headers").unwrap_or_default(),
            body: reader.text("body").map(crate::base::redact::Secret::new),
            status: status(reader).unwrap_or(default.status),
            follow_redirects: reader.boolean("follow_redirects").unwrap_or(default.follow_redirects),
            max_redirects: reader.integer("max_redirects").map_or(default.max_redirects, |count| count as usize),
            auth: reader.section("auth", auth).flatten(),
            tls: reader.section("tls", tls).unwrap_or_default(),
            body_contains: reader.text("body_contains"),
            body_regex: reader.text("body_regex"),
            max_body: reader.size("max_body").map_or(default.max_body, |bytes| bytes as usize),
            unix: reader.path("unix"),
            ..HttpOptions::new(default.url)
        };
        judged_or_report(reader, HttpMeasure::new(options))
    })?
}

fn status(reader: &mut Reader<'_, '_, '_>) -> Option<StatusSet> {
    let texts = reader.codes("status")?;
    match StatusSet::of(texts.iter().map(String::as_str)) {
        Ok(set) => Some(set),
        Err(error) => {
            reader.problem("status", error.to_string());
            None
        }
    }
}

fn auth(reader: &mut Reader<'_, '_, '_>) -> Option<HttpAuth> {
    match (reader.has("bearer"), reader.has("user"), reader.has("password")) {
        (true, false, false) => reader.secret("bearer").map(HttpAuth::Bearer),
        (false, true, true) => {
            let (user, password) = (reader.text("user"), reader.secret("password"));
            Some(HttpAuth::Basic { user: user?, password: password? })
        }
        _ => {
            reader.problem("", "needs either `bearer`, or `user` and `password`");
            None
        }
    }
}

pub(super) fn tls(reader: &mut Reader<'_, '_, '_>) -> TlsOptions {
    let ca_file = reader.path("ca_file");
    if let Some(file) = &ca_file
        && !file.is_file()
    {
        reader.problem("ca_file", format!("there is no file {}", file.display()));
    }
    TlsOptions {
        ca_file,
        insecure_skip_verify: reader.boolean("insecure_skip_verify").unwrap_or(false),
        server_name: reader.text("server_name"),
        min_version: match reader.choice("min_version", &["1.2", "1.3"]).as_deref() {
            Some("1.3") => TlsVersion::Tls13,
            _ => TlsVersion::Tls12,
        },
    }
}

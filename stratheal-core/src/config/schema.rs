//! The JSON schema of the file, for editors. Made of the same fields that are read.
//!
//! Source: JSON Schema, draft 2020-12.

use serde_json::{Map, Value, json};

use super::field::{Field, Kind};
use super::heal::HEAL;
use super::kinds::TYPES;
use super::notify::NOTIFIER;
use super::remedies::REMEDY;
use super::services::SERVICE;
use super::settings::{ROOT, check_fields};

/// The JSON schema of `stratheal.toml`.
///
/// ```
/// let schema = stratheal_core::config::schema();
/// assert_eq!(schema["properties"]["checks"]["additionalProperties"]["$ref"], "#/$defs/check");
/// ```
#[must_use]
pub fn schema() -> Value {
    let mut root = table(ROOT);
    root["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    root["title"] = "stratheal.toml".into();
    root["properties"]["checks"]["additionalProperties"] = json!({ "$ref": "#/$defs/check" });
    root["properties"]["environments"]["additionalProperties"] = json!({ "type": "object" });
    let mut check = table(check_fields());
    let one_of: Vec<Value> = TYPES.iter().map(|check_type| json!({ "required": [check_type.name] })).collect();
    check["oneOf"] = one_of.into();
    for (key, fields) in [("services", SERVICE), ("heal", HEAL), ("remedies", REMEDY), ("notify", NOTIFIER)] {
        root["properties"][key]["additionalProperties"] = table(fields);
    }
    root["$defs"] = json!({
        "check": check,
        "secret": {
            "oneOf": [
                table_of(&[("env", "The name of an environment variable.")]),
                table_of(&[("file", "The path of a file.")]),
            ],
        },
    });
    root
}

fn table(fields: &[Field]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), described(value(field.kind), field.about))).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn table_of(keys: &[(&str, &str)]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|(key, about)| ((*key).to_owned(), json!({ "type": "string", "description": about })))
        .collect();
    let required: Vec<_> = keys.iter().map(|(key, _)| *key).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

fn described(mut schema: Value, about: &str) -> Value {
    schema["description"] = about.into();
    schema
}

fn value(kind: Kind) -> Value {
    let text = json!({ "type": "string" });
    let list = |items: &Value| json!({ "type": "array", "items": items });
    match kind {
        Kind::Text => text,
        Kind::Duration => json!({ "type": "string", "pattern": "^([0-9.]+ ?(ns|us|ms|s|m|min|h|d|w) ?)+$" }),
        Kind::Size => json!({ "type": "string", "pattern": "^[0-9.]+ ?([kKMGT]?i?B)?$" }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Texts => json!({ "oneOf": [text, list(&text)] }),
        Kind::Codes => {
            let code = json!({ "type": ["integer", "string"] });
            json!({ "oneOf": [code, list(&code)] })
        }
        Kind::Choices(words) => {
            let word = json!({ "enum": words });
            json!({ "oneOf": [word, list(&word)] })
        }
        Kind::Command => json!({ "type": "array", "items": text, "minItems": 1 }),
        Kind::Secret => json!({ "$ref": "#/$defs/secret" }),
        Kind::TextsByName => {
            json!({ "type": "object", "additionalProperties": { "oneOf": [text, { "$ref": "#/$defs/secret" }] } })
        }
        // A table without fields of its own holds tables whose names are the user's.
        Kind::Table([]) => json!({ "type": "object" }),
        Kind::Table(fields) => table(fields),
        Kind::TextsOr(fields) => {
            let item = json!({ "oneOf": [text, table(fields)] });
            json!({ "oneOf": [text, list(&item)] })
        }
        Kind::Tables(fields) => json!({ "type": "object", "additionalProperties": table(fields) }),
        Kind::TextOr(fields) => json!({ "oneOf": [text, table(fields)] }),
        Kind::CommandOr(fields) => {
            json!({ "oneOf": [{ "type": "array", "items": text, "minItems": 1 }, table(fields)] })
        }
        Kind::SwitchOr(fields) => json!({ "oneOf": [{ "const": true }, table(fields)] }),
    }
}

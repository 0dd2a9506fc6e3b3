//! The schemas in `tests/schemas`.

use std::sync::LazyLock;

use jsonschema::Validator;
use rustus_events::Format;
use serde_json::Value;

static DEFAULT: LazyLock<Validator> =
    LazyLock::new(|| compiled(include_str!("../schemas/default.json")));
static V2: LazyLock<Validator> = LazyLock::new(|| compiled(include_str!("../schemas/v2.json")));
static TUSD: LazyLock<Validator> = LazyLock::new(|| compiled(include_str!("../schemas/tusd.json")));
static TUSD_V2: LazyLock<Validator> =
    LazyLock::new(|| compiled(include_str!("../schemas/tusd-v2.json")));
static CLOUDEVENTS: LazyLock<Validator> =
    LazyLock::new(|| compiled(include_str!("../schemas/cloudevents.json")));

fn compiled(schema: &str) -> Validator {
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

/// Reads a body and holds it against the schema of its format.
pub(crate) fn read(format: Format, body: &str) -> Result<Value, String> {
    let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    match format {
        Format::Default => check(&DEFAULT, &body)?,
        Format::V2 => check(&V2, &body)?,
        Format::Tusd => check(&TUSD, &body)?,
        Format::TusdV2 => check(&TUSD_V2, &body)?,
        Format::CloudEvents => {
            check(&CLOUDEVENTS, &body)?;
            check(&V2, &body["data"])?;
        }
    }
    Ok(body)
}

fn check(schema: &Validator, body: &Value) -> Result<(), String> {
    schema
        .validate(body)
        .map_err(|error| format!("{}: {error}", error.instance_path()))
}

#[test]
fn a_schema_refuses_what_is_not_of_its_format() {
    for (format, body) in [
        (Format::Default, r#"{"upload": {}, "request": {}}"#),
        (Format::V2, r#"{"request": {"uri": 1}}"#),
        (Format::Tusd, r#"{"Upload": {}, "HTTPRequest": {}}"#),
        (Format::TusdV2, r#"{"Type": "post-finish", "Event": {}}"#),
        (Format::CloudEvents, r#"{"specversion": "1.0"}"#),
    ] {
        assert!(read(format, body).is_err(), "{format}");
    }
}

//! From a guest's message to what goes over the wire.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldArray, FieldTable, ShortString};
use serde_json::{Map, Value};

use super::trouble::Trouble;
use crate::plugins::bindings::rustus::hooks::amqp::Message;
use crate::tracing_context;

/// Bytes of a message's headers, as JSON. All headers travel in one frame, of
/// which brokers take 128 KiB, and some less; a larger one would end the
/// connection for everybody.
const MOST_HEADERS: usize = 32 * 1024;

/// Survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// A message, ready to be sent.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) label: Label,
    pub(super) properties: BasicProperties,
    pub(super) body: Vec<u8>,
}

/// By what a message is known when it comes back: two with the same label have
/// the same way, so it does not matter which of them is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) message_id: Option<ShortString>,
}

impl Parcel {
    /// Checks a message, since the library takes what is wrong for a fault of
    /// its own.
    pub(super) fn new(message: Message) -> Result<Self, Trouble> {
        if message.headers.len() > MOST_HEADERS {
            return Err(Trouble::invalid(format!(
                "the headers have {} bytes, and may have {MOST_HEADERS}",
                message.headers.len()
            )));
        }
        let headers = match serde_json::from_str(&message.headers) {
            Ok(Value::Object(mut headers)) => {
                let trace = tracing_context::current().into_iter();
                headers.extend(trace.map(|(name, value)| (name, value.into())));
                table(headers)?
            }
            Ok(_) => return Err(Trouble::invalid("the headers are no JSON object")),
            Err(error) => {
                return Err(Trouble::invalid(format!(
                    "the headers are no JSON: {error}"
                )));
            }
        };
        let message_id = short("message-id", message.message_id)?;
        let mut properties = BasicProperties::default()
            .with_content_type(short("content-type", message.content_type)?)
            .with_content_encoding(short("content-encoding", message.content_encoding)?)
            .with_delivery_mode(PERSISTENT)
            .with_message_id(message_id.clone())
            .with_timestamp(message.timestamp)
            .with_headers(headers);
        if let Some(id) = message.correlation_id {
            properties = properties.with_correlation_id(short("correlation-id", id)?);
        }
        Ok(Self {
            label: Label {
                exchange: short("exchange", message.exchange)?,
                routing_key: short("routing-key", message.routing_key)?,
                message_id: Some(message_id),
            },
            properties,
            body: message.body,
        })
    }
}

/// A text of at most 255 bytes.
pub(super) fn short(what: &str, text: String) -> Result<ShortString, Trouble> {
    let length = text.len();
    ShortString::try_new(text)
        .map_err(|_| Trouble::invalid(format!("`{what}` has {length} bytes, and AMQP allows 255")))
}

fn table(object: Map<String, Value>) -> Result<FieldTable, Trouble> {
    let mut table = FieldTable::default();
    for (key, value) in object {
        table.insert(short("the name of a header", key)?, field(value)?);
    }
    Ok(table)
}

fn field(value: Value) -> Result<AMQPValue, Trouble> {
    Ok(match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(is) => AMQPValue::Boolean(is),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => AMQPValue::LongLongInt(whole),
            (None, Some(real)) => AMQPValue::Double(real),
            (None, None) => {
                return Err(Trouble::invalid(format!(
                    "a header has the number {number}, which AMQP has no room for"
                )));
            }
        },
        Value::String(text) => AMQPValue::LongString(text.into()),
        Value::Array(values) => {
            let fields: Result<Vec<_>, _> = values.into_iter().map(field).collect();
            AMQPValue::FieldArray(FieldArray::from(fields?))
        }
        Value::Object(object) => AMQPValue::FieldTable(table(object)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(headers: &str) -> Message {
        Message {
            exchange: "rustus".to_owned(),
            routing_key: "rustus.post-finish".to_owned(),
            content_type: "application/json".to_owned(),
            content_encoding: "utf-8".to_owned(),
            message_id: "0192".to_owned(),
            correlation_id: None,
            timestamp: 1_700_000_000,
            headers: headers.to_owned(),
            body: b"{}".to_vec(),
        }
    }

    #[test]
    fn every_message_is_persistent_and_keeps_what_the_guest_gave() {
        let parcel = Parcel::new(message("{}")).unwrap();
        let properties = &parcel.properties;
        assert_eq!(properties.delivery_mode(), &Some(2));
        assert_eq!(properties.message_id(), &parcel.label.message_id);
        assert_eq!(properties.timestamp(), &Some(1_700_000_000));
        assert_eq!(properties.correlation_id(), &None);
        assert_eq!(parcel.body, b"{}");
    }

    #[test]
    fn headers_have_the_types_that_the_contract_names() {
        let headers = r#"{"a":"x","b":-1,"c":null,"d":[1,null],"e":{"f":true},"g":1.5}"#;
        let parcel = Parcel::new(message(headers)).unwrap();
        let table = parcel.properties.headers().as_ref().unwrap().inner();
        assert_eq!(table["a"], AMQPValue::LongString("x".into()));
        assert_eq!(table["b"], AMQPValue::LongLongInt(-1));
        assert_eq!(table["c"], AMQPValue::Void);
        let list = vec![AMQPValue::LongLongInt(1), AMQPValue::Void];
        assert_eq!(table["d"], AMQPValue::FieldArray(list.into()));
        assert!(matches!(&table["e"], AMQPValue::FieldTable(_)));
        assert_eq!(table["g"], AMQPValue::Double(1.5));
    }

    #[test]
    fn what_amqp_has_no_room_for_is_refused_by_name() {
        let mut long = message("{}");
        long.routing_key = "k".repeat(256);
        let large = message(&format!("{{\"a\":\"{}\"}}", "x".repeat(MOST_HEADERS)));
        for (message, part) in [
            (long, "`routing-key` has 256 bytes"),
            (large, "the headers have"),
            (message("[]"), "no JSON object"),
            (message("{"), "no JSON"),
        ] {
            let trouble = Parcel::new(message).unwrap_err();
            assert!(trouble.to_string().contains(part), "{trouble}");
        }
    }
}

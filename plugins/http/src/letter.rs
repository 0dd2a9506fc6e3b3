//! What is posted: the same to everybody, and the same at each attempt but for
//! the time of its signature.

use rustus_events::Event;

use crate::settings::Settings;
use crate::signature::Key;
use crate::target::Target;
use crate::trace;

/// Header fields that are this plugin's or HTTP's own. Nothing of the client's
/// takes their place.
const OWN: [&str; 19] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "hook-name",
    "host",
    "http2-settings",
    "idempotency-key",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Fields that are for the server that the operator named, and for no other.
const FOR_ONE_SERVER: [&str; 2] = ["authorization", "cookie"];

/// An event on its way.
pub(crate) struct Letter {
    id: String,
    fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Letter {
    pub(crate) fn new(event: &Event, settings: &Settings, random: u64) -> Self {
        let body = settings.format.body(event);
        let own = [
            ("content-type", settings.format.content_type().to_owned()),
            ("content-length", body.len().to_string()),
            ("hook-name", event.kind.name().to_owned()),
            ("idempotency-key", event.id.clone()),
        ];
        let trace = trace::headers(&event.id, &event.request, random);
        let own = own.into_iter().chain(trace);
        let is_proxied = |name: &str| {
            let name = name.to_ascii_lowercase();
            settings.proxied.contains(&name)
                && !OWN.contains(&name.as_str())
                && !name.starts_with("webhook-")
        };
        let proxied = event
            .request
            .headers
            .iter()
            .filter(|(name, _)| is_proxied(name));
        Self {
            id: event.id.clone(),
            fields: own
                .map(|(name, value)| (name.to_owned(), value))
                .chain(proxied.cloned())
                .collect(),
            body,
        }
    }

    /// The header fields for one attempt. `elsewhere` is whether a redirect led
    /// to another server than the operator named. A key signs with the time, in
    /// seconds of the Unix epoch.
    pub(crate) fn fields(
        &self,
        target: &Target,
        elsewhere: bool,
        key: Option<(&Key, u64)>,
    ) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        if elsewhere {
            fields
                .retain(|(name, _)| !FOR_ONE_SERVER.contains(&name.to_ascii_lowercase().as_str()));
        }
        if let Some(authorization) = &target.authorization {
            fields.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
            fields.push(("authorization".to_owned(), authorization.clone()));
        }
        if let Some((key, now)) = key {
            let signed = key.headers(&self.id, now, &self.body);
            fields.extend(signed.map(|(name, value)| (name.to_owned(), value)));
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use rustus_hook::{EventKind, events_json::to_json_event, testing};

    use super::*;

    fn letter(table: &str, headers: &[(&str, &str)]) -> (Settings, Letter) {
        testing::config(&[]);
        let settings = Settings::parse(table).ok().unwrap();
        testing::headers(headers);
        let event = testing::event(&[]);
        let event = to_json_event(EventKind::PreCreate, event);
        let letter = Letter::new(&event, &settings, 1);
        (settings, letter)
    }

    fn values(fields: &[(String, String)], name: &str) -> Vec<String> {
        let named = fields.iter().filter(|(field, _)| field == name);
        named.map(|(_, value)| value.clone()).collect()
    }

    #[test]
    fn all_values_of_the_proxied_fields_go_with_it_and_none_in_the_place_of_our_own() {
        let (settings, letter) = letter(
            r#"{"urls": ["http://a"], "proxy-headers": ["X-Tag", "Authorization", "Content-Type", "Host", "Webhook-Id", "Hook-Name"]}"#,
            &[
                ("x-tag", "1"),
                ("content-type", "image/png"),
                ("authorization", "Bearer jwt"),
                ("x-tag", "2"),
                ("x-other", "3"),
                ("host", "files"),
                ("webhook-id", "mine"),
                ("hook-name", "mine"),
            ],
        );
        let fields = letter.fields(&settings.targets[0], false, None);
        assert_eq!(values(&fields, "x-tag"), ["1", "2"]);
        assert_eq!(values(&fields, "authorization"), ["Bearer jwt"]);
        assert_eq!(values(&fields, "content-type"), ["application/json"]);
        assert_eq!(values(&fields, "hook-name"), ["pre-create"]);
        for name in ["x-other", "host", "webhook-id"] {
            assert!(values(&fields, name).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_user_in_the_url_stands_in_place_of_the_clients_token() {
        let (settings, letter) = letter(
            r#"{"urls": ["http://u:p@a"], "proxy-headers": ["authorization"]}"#,
            &[("authorization", "Bearer jwt")],
        );
        let fields = letter.fields(&settings.targets[0], false, None);
        assert_eq!(values(&fields, "authorization"), ["Basic dTpw"]);
    }

    #[test]
    fn another_server_gets_no_token() {
        let (settings, letter) = letter(
            r#"{"urls": ["http://a"], "proxy-headers": ["authorization", "cookie", "x-tag"]}"#,
            &[
                ("authorization", "Bearer jwt"),
                ("cookie", "a=b"),
                ("x-tag", "1"),
            ],
        );
        let fields = letter.fields(&settings.targets[0], true, None);
        assert!(values(&fields, "authorization").is_empty());
        assert!(values(&fields, "cookie").is_empty());
        assert_eq!(values(&fields, "x-tag"), ["1"]);
    }
}

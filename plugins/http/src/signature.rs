//! Signatures of the Standard Webhooks specification, version 1: HMAC with
//! SHA-256 over id, time and body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// A secret that the receiver shares. Has no `Debug`, so that nothing shows it.
pub(crate) struct Key(Vec<u8>);

impl Key {
    /// Reads Base64, with `whsec_` before it or not.
    ///
    /// # Errors
    /// It is no Base64. The secret is not shown.
    pub(crate) fn parse(secret: &str) -> Result<Self, String> {
        let secret = secret.trim();
        let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
        match STANDARD.decode(encoded) {
            Ok(key) if !key.is_empty() => Ok(Self(key)),
            _ => Err("`secret` is not Base64, with `whsec_` before it or not".to_owned()),
        }
    }

    /// The three header fields of a message. `now` is in seconds since 1970.
    pub(crate) fn headers(&self, id: &str, now: u64, body: &str) -> [(&'static str, String); 3] {
        let now = now.to_string();
        [
            ("webhook-id", id.to_owned()),
            (
                "webhook-signature",
                format!("v1,{}", self.sign(id, &now, body)),
            ),
            ("webhook-timestamp", now),
        ]
    }

    fn sign(&self, id: &str, now: &str, body: &str) -> String {
        // A key may have any length (RFC 2104), so there is none to refuse.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return String::new();
        };
        for part in [id, ".", now, ".", body] {
            mac.update(part.as_bytes());
        }
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn a_message_is_signed_as_the_specification_has_it() {
        let key = Key::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .ok()
            .unwrap();
        let headers = key.headers(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(headers[0].1, "msg_p5jXN8AQM9LWM0D4loKWxJek");
        assert_eq!(
            headers[1].1,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(headers[2].1, "1614265330");
    }

    #[test]
    fn the_prefix_of_a_secret_is_no_part_of_it() {
        let with = Key::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .ok()
            .unwrap();
        let without = Key::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
            .ok()
            .unwrap();
        assert_eq!(with.headers("a", 1, "b"), without.headers("a", 1, "b"));
    }
}

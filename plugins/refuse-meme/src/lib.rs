//! Refuses an upload whose metadata says `meme = pepe`.
//!
//! ```toml
//! # refuse-meme.toml, beside refuse-meme.wasm. Every key may be left out.
//! [config]
//! status = 400
//! message = "Pepe is not welcome here."
//! ```

use rustus_hook::prelude::*;

rustus_hook::pre_create!(refuse_meme);
rustus_hook::config_schema!(include_str!("../config.schema.json"));

const STATUS: u16 = 400;
const MESSAGE: &str = "Pepe is not welcome here.";

fn refuse_meme(event: Event) -> Result<CreateDecision, HookError> {
    if event.upload.metadata("meme") != Some("pepe") {
        return Ok(CreateDecision::proceed());
    }
    let status = config::parse("status")?.unwrap_or(STATUS);
    let message = config::get("message").unwrap_or_else(|| MESSAGE.to_owned());
    Ok(CreateDecision::reject(Rejection::new(status, message)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustus_hook::testing;

    #[test]
    fn only_pepe_is_refused() {
        let refused = CreateDecision::reject(Rejection::new(400, MESSAGE));
        let cases: [(&[(&str, &str)], CreateDecision); 4] = [
            (&[("meme", "pepe")], refused),
            (&[("meme", "doge")], CreateDecision::proceed()),
            (&[("filename", "pepe")], CreateDecision::proceed()),
            (&[], CreateDecision::proceed()),
        ];
        for (metadata, expected) in cases {
            assert_eq!(
                refuse_meme(testing::event(metadata)),
                Ok(expected),
                "{metadata:?}"
            );
        }
    }

    #[test]
    fn the_operator_chooses_status_and_message() {
        testing::config(&[("status", "418"), ("message", "No.")]);
        let decision = refuse_meme(testing::event(&[("meme", "pepe")]));
        assert_eq!(
            decision,
            Ok(CreateDecision::reject(Rejection::new(418, "No.")))
        );
    }
}

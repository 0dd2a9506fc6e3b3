//! `rustus:hooks/secrets`: what the operator lists under `[secrets]`.

use crate::plugins::bindings::rustus::hooks::secrets::{Host, SecretError};
use crate::plugins::instance::CallState;
use crate::plugins::reached::Reached;
use crate::plugins::tally::Capability;

/// The longest part of a name that is repeated, in characters.
const QUOTED: usize = 64;

impl Host for CallState {
    fn get(&mut self, name: String) -> Result<String, SecretError> {
        let reaching = self.reaching(Capability::Secrets);
        if let Some(value) = self.lent().secrets.get(&name) {
            reaching.ended(Reached::Ok);
            return Ok(value.to_owned());
        }
        reaching.ended(Reached::Denied);
        let quoted: String = name.escape_debug().take(QUOTED).collect();
        let what = format!("the secret \"{quoted}\"");
        let write = format!("`{} = {{ env = \"NAME\" }}` under [secrets]", key(&quoted));
        Err(SecretError::Denied(self.deny(
            Capability::Secrets,
            &what,
            &write,
        )))
    }
}

/// The name as a key of TOML.
fn key(quoted: &str) -> String {
    let is_bare = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    if !quoted.is_empty() && quoted.chars().all(is_bare) {
        return quoted.to_owned();
    }
    format!("\"{quoted}\"")
}

//! The `[config]` table of the plugin's `NAME.toml`.
//!
//! Natively, in a unit test, it is what
//! [`testing::config`](crate::testing::config) set.
//!
//! ```
//! use rustus_hook::prelude::*;
//!
//! fn limit() -> Result<u64, HookError> {
//!     Ok(config::parse("limit")?.unwrap_or(1_000_000))
//! }
//! ```

use std::{fmt::Display, str::FromStr};

use crate::HookError;

#[cfg(target_arch = "wasm32")]
use crate::bindings::base::rustus::hooks::config as source;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::config_source as source;

/// The whole table as one JSON object; `{}` where there is none.
pub fn all() -> String {
    source::all()
}

/// One key: a string as it is, anything else as JSON. `None` if it is not there.
pub fn get(key: &str) -> Option<String> {
    source::get(key)
}

/// One key, read as a number or whatever else its text means.
///
/// # Errors
/// [`HookError::Permanent`], naming the key, if the text does not mean that.
pub fn parse<T>(key: &str) -> Result<Option<T>, HookError>
where
    T: FromStr,
    T::Err: Display,
{
    let bad = |text: &str, error| HookError::permanent(format!("config `{key} = {text}`: {error}"));
    get(key)
        .map(|text| text.parse().map_err(|error: T::Err| bad(&text, error)))
        .transpose()
}

#[cfg(test)]
mod tests {
    use crate::{HookError, config, testing};

    #[test]
    fn a_key_is_parsed_or_its_fault_is_named() {
        testing::config(&[("status", "403"), ("limit", "many")]);
        assert_eq!(config::parse::<u16>("status"), Ok(Some(403)));
        assert_eq!(config::parse::<u16>("not there"), Ok(None));
        let expected = "config `limit = many`: invalid digit found in string";
        assert_eq!(
            config::parse::<u16>("limit"),
            Err(HookError::Permanent(expected.into()))
        );
    }
}

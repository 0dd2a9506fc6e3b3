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

use std::cell::OnceCell;
use std::rc::Rc;
use std::thread::LocalKey;
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

/// What a plugin makes of its configuration, made once in an instance. An instance
/// has the same configuration for all of its calls: where it is another, the server
/// makes new instances.
///
/// ```
/// use rustus_hook::config::{self, Kept};
/// use rustus_hook::prelude::*;
///
/// struct Limits { largest: u64 }
///
/// thread_local! {
///     static LIMITS: Kept<Limits> = const { Kept::new() };
/// }
///
/// fn decide(event: Event) -> Result<CreateDecision, HookError> {
///     let limits = Kept::of(&LIMITS, || {
///         Ok(Limits { largest: config::parse("largest")?.unwrap_or(1_000_000) })
///     })?;
///     match event.upload.length {
///         Some(length) if length > limits.largest => {
///             Ok(CreateDecision::reject(Rejection::new(413, "Too large.")))
///         }
///         _ => Ok(CreateDecision::proceed()),
///     }
/// }
/// # assert!(decide(rustus_hook::testing::event(&[])).is_ok());
/// ```
pub struct Kept<T>(OnceCell<Rc<T>>);

impl<T> Kept<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(OnceCell::new())
    }

    /// What was made by the first call in this instance.
    ///
    /// # Errors
    /// What `make` says. It is called again next time then.
    pub fn of(
        key: &'static LocalKey<Self>,
        make: impl FnOnce() -> Result<T, HookError>,
    ) -> Result<Rc<T>, HookError> {
        if let Some(made) = key.with(|kept| kept.0.get().cloned()) {
            return Ok(made);
        }
        let made = Rc::new(make()?);
        Ok(key.with(|kept| Rc::clone(kept.0.get_or_init(|| made))))
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;
    use crate::{HookError, config, testing};

    #[test]
    fn what_is_made_of_the_configuration_is_made_once_unless_it_fails() {
        thread_local! {
            static KEPT: Kept<u8> = const { Kept::new() };
        }
        let fails = || Err(HookError::other("no"));
        assert_eq!(Kept::of(&KEPT, fails), Err(HookError::other("no")));
        assert_eq!(Kept::of(&KEPT, || Ok(1)).as_deref(), Ok(&1));
        assert_eq!(Kept::of(&KEPT, || Ok(2)).as_deref(), Ok(&1));
    }

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

//! The secrets that the operator lists under `[secrets]` in the plugin's
//! `NAME.toml`.
//!
//! Natively, in a unit test, they are what
//! [`testing::secrets`](crate::testing::secrets) set.
//!
//! ```
//! use rustus_hook::prelude::*;
//!
//! fn authorized(event: &Event) -> Result<bool, HookError> {
//!     let token = secrets::get("token")?;
//!     Ok(event.request.header("x-token") == Some(token))
//! }
//! ```

#[doc(inline)]
pub use crate::bindings::base::rustus::hooks::secrets::SecretError;

use crate::HookError;

#[cfg(target_arch = "wasm32")]
use crate::bindings::base::rustus::hooks::secrets as source;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::secrets_source as source;

/// The value behind a name.
///
/// # Errors
/// [`SecretError::Denied`] if the operator has not listed it. It becomes a
/// [`HookError::Permanent`] by `?`.
pub fn get(name: &str) -> Result<String, SecretError> {
    source::get(name)
}

impl From<SecretError> for HookError {
    fn from(error: SecretError) -> Self {
        let SecretError::Denied(text) = error;
        Self::Permanent(text)
    }
}

#[cfg(test)]
mod tests {
    use crate::{HookError, secrets, testing};

    #[test]
    fn a_secret_is_there_or_its_name_is_said() {
        testing::secrets(&[("token", "geheim")]);
        assert_eq!(secrets::get("token").as_deref(), Ok("geheim"));
        let error = HookError::from(secrets::get("other").unwrap_err());
        let expected = "the secret \"other\" is not set";
        assert_eq!(error, HookError::Permanent(expected.into()));
    }
}

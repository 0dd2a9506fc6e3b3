//! Who we are to a registry.

use std::fmt;

/// A name and a password, or a token in place of both. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user and a password.
    Password {
        /// The name.
        user: String,
        /// A secret.
        password: String,
    },
    /// A token that is exchanged for others. A secret.
    Identity(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// Credentials for one registry, given to us and not looked for.
#[derive(Debug, Clone)]
pub struct Account {
    /// The registry that they are for, and no other.
    pub host: String,
    /// What they are.
    pub credentials: Credentials,
}

#[path = "../../src/plugins/breaker.rs"]
mod breaker;
#[path = "../../src/plugins/events.rs"]
mod events;
#[path = "../../src/plugins/keys.rs"]
mod keys;
#[path = "../../src/plugins/limits.rs"]
mod limits;
#[path = "../../src/plugins/manifest.rs"]
mod manifest;
#[path = "../../src/plugins/numbers.rs"]
mod numbers;
#[path = "../../src/plugins/secrets.rs"]
mod secrets;

mod capability {
    /// `[allow]`, which is read with what speaks to brokers: any table here.
    #[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
    pub struct Grants(serde_json::Map<String, serde_json::Value>);

    impl Grants {
        pub(super) fn keys() -> super::keys::Keys {
            super::keys::Keys::any()
        }
    }
}

pub use events::{EventKind, EventSet, UnknownEvent};
pub use limits::Limits;
pub use manifest::*;

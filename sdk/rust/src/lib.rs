//! Write upload hooks for the `rustus` server.
//!
//! A hook is a function of a few lines. A macro says which event it answers;
//! the crate is built into a WebAssembly component that the server loads from
//! its directory of hooks:
//!
//! ```
//! use rustus_hook::prelude::*;
//!
//! rustus_hook::pre_create!(refuse_memes);
//!
//! fn refuse_memes(event: Event) -> Result<CreateDecision, HookError> {
//!     if event.upload.metadata("meme") == Some("pepe") {
//!         return Ok(CreateDecision::reject(Rejection::new(403, "No pepe here.")));
//!     }
//!     Ok(CreateDecision::proceed())
//! }
//! # fn main() {}
//! ```
//!
//! | event | macro | the function returns |
//! |---|---|---|
//! | an upload is about to be created | [`pre_create!`] | [`CreateDecision`] |
//! | all bytes of an upload are stored | [`pre_finish!`] | [`FinishDecision`] |
//! | an upload is about to be read | [`pre_get!`] | [`GetDecision`] |
//! | an upload is about to be removed | [`pre_terminate!`] | [`TerminateDecision`] |
//! | something happened ([`Notification`]) | [`notifications!`] | nothing, or a [`Reaction`] |
//! | anything of the above, to pass it on ([`EventKind`]) | [`sink!`] | nothing |
//!
//! One crate may use several of the macros, each once; it then is one component
//! that answers several events. An event without its macro never reaches it.
//!
//! A function may also return [`HookError`]: it could not decide. The server
//! then refuses the request with 503, unless its operator chose otherwise.
//!
//! Build with `crate-type = ["cdylib"]` for the target `wasm32-wasip2`. The same
//! crate builds natively too, which is how its functions are tested: see
//! [`testing`].
#![deny(missing_docs)]

// The generated code and our macros name this crate by its public name.
extern crate self as rustus_hook;

#[doc(hidden)]
#[allow(missing_docs, unsafe_code, unreachable_pub, unused_qualifications)]
#[allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#[allow(clippy::indexing_slicing)]
pub mod bindings;

pub mod config;
mod decision;
mod error;
mod event;
#[cfg(feature = "events")]
pub mod events_json;
mod export;
pub mod http;
pub mod log;
mod metadata;
pub mod prelude;
mod rejection;
mod schema;
pub mod secrets;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

#[doc(inline)]
pub use bindings::{
    base::rustus::hooks::types::{
        Event, Header, HookError, MetadataEntry, Rejection, Request, Timestamp, Upload, UploadKind,
    },
    notifications::exports::rustus::hooks::notifications::{Notification, Reaction},
    pre_create::exports::rustus::hooks::pre_create::{CreateChanges, CreateDecision},
    pre_finish::exports::rustus::hooks::pre_finish::{FinishChanges, FinishDecision},
    pre_get::exports::rustus::hooks::pre_get::GetDecision,
    pre_terminate::exports::rustus::hooks::pre_terminate::TerminateDecision,
    sink::exports::rustus::hooks::sink::EventKind,
};
pub use metadata::Metadata;

#[doc(inline)]
pub use bindings::capabilities::rustus::hooks::{amqp, grpc, kafka};

/// The examples of the guide for plugin authors, which `cargo test` runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/plugins.md")]
#[doc = include_str!("../../../docs/capabilities.md")]
struct Guide;

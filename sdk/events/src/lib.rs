//! The events of the `rustus` upload server, and the JSON in which they leave it.
//!
//! The server and the sinks inside its plugins make their JSON here, so that an
//! event looks the same on every way out. Nothing here knows of a network, a
//! clock or an operating system; the crate builds for `wasm32-wasip2`.
//!
//! What it guarantees:
//!
//! - [`Format::body`] cannot fail: any [`Event`] gives one JSON object, always
//!   the same one, with its keys in alphabetical order and no space between.
//! - The names, types and nulls of a [`Format`] stay as they are. `default`,
//!   `v2` and `tusd` are those of rustus 1; `tusd-v2` is the hook request of
//!   tusd 2; `cloudevents` is CloudEvents 1.0.
//! - An [`Event`] that is written with serde is read again as the same event,
//!   byte for byte, by this version and by later ones ([`Event`], "Keeping
//!   events").
//! - A repeated delivery has the same id in every form: [`Event::id`], the `id`
//!   of CloudEvents, the task's id of [`celery`].
//!
//! What a format cannot carry is lost in it and nowhere else: bytes of metadata
//! that are not UTF-8 become U+FFFD, and all formats but `cloudevents` have
//! neither the event's id nor its time.

pub mod celery;
mod event;
mod format;
mod hook_response;
mod kept;
mod kind;
mod moment;
mod ruling;

pub use event::{Event, MetadataEntry, RequestState, UploadKind, UploadState};
pub use format::{Format, UnknownFormat};
pub use hook_response::{ChangeFileInfo, HookResponse, HttpResponse, InvalidHookResponse};
pub use kind::{EventKind, UnknownEvent};
pub use ruling::{Creation, Refusal, Ruling, UnfitForCreation};

//! The WASM host: loads plugins and command hooks, holds them to their limits,
//! calls them, replaces them while the server runs.
//!
//! By default every call gets a fresh instance: nothing that one call did is
//! seen by the next, and nothing a guest breaks outlives its call.
//! `instances = "reuse"` keeps instances warm; one that trapped, timed out or
//! was cancelled is dropped all the same.
//!
//! A guest has no files, no environment, and no network but what its operator
//! grants it: each such capability is lent by the host, and checked there. Its memory, CPU time, wall
//! clock, output, concurrency and the host memory it can cause are bounded by
//! [`Limits`], all of them on by default.

mod anatomy;
mod bindings;
mod breaker;
mod built_in;
mod cache;
mod capability;
mod collection;
mod command;
mod contract;
mod control;
mod directory;
mod engine;
mod events;
mod failure;
mod generation;
mod ingredients;
mod instance;
mod keys;
mod limits;
mod loader;
mod lookout;
mod manifest;
mod mask;
mod meter;
mod module;
mod needs;
mod numbers;
mod output;
mod reached;
mod registry;
mod remote;
mod schema;
mod secrets;
mod sections;
mod standing;
mod subscription;
mod tally;
mod trial;
mod watch;
mod workbench;

pub use anatomy::Anatomy;
pub use bindings::exports::rustus::hooks::notifications::Reaction;
pub use bindings::exports::rustus::hooks::pre_create::{CreateChanges, CreateDecision};
pub use bindings::exports::rustus::hooks::pre_finish::{FinishChanges, FinishDecision};
pub use bindings::exports::rustus::hooks::pre_get::GetDecision;
pub use bindings::exports::rustus::hooks::pre_terminate::TerminateDecision;
pub use bindings::rustus::hooks::types;
pub use breaker::{BreakerSettings, BreakerState};
pub use built_in::{BuiltIn, Sink};
pub use capability::{AmqpGrant, Grants, GrpcGrant, HttpGrant, KafkaGrant};
pub use control::{Control, Order, OrderError};
pub use events::{EventKind, EventSet, UnknownEvent};
pub use failure::Failure;
pub use generation::Generation;
pub use limits::Limits;
pub use loader::{Calling, LoadError};
pub use manifest::{Instances, Manifest, OnError};
pub use module::ModuleError;
pub use needs::Need;
pub use reached::Reached;
pub use registry::{PluginSet, Registry};
pub use remote::{RemoteConfig, RemoteFile, RemoteFileError, RemotePlugin};
pub use rustus_events::Format;
pub use schema::ConfigError;
pub use secrets::{SecretError, SecretSource};
pub use standing::Standing;
pub use subscription::Subscription;
pub use tally::{Capability, Tally};
pub use watch::{HostConfig, WatchError, Watched};
pub use workbench::{NoEngine, Piece, Ready, Shelf, Workbench};

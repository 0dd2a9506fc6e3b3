//! Modules in OCI registries: fetched, checked, kept and put there.
//!
//! Knows nothing of plugins. What a registry sends is hostile until its digest
//! was computed and found to be the one asked for: everything is bounded in size
//! and time before that, and nothing is kept that is not what was asked for.
//! Where signatures are wanted, they are checked on the manifest's digest before
//! anything that the manifest names is read.

mod accounts;
mod archive;
mod artifact;
mod cache;
mod challenge;
mod client;
mod credentials;
mod error;
mod helper;
mod lock;
mod manifest;
mod puller;
mod push;
mod reference;
mod retry;
mod sending;
mod signatures;
mod source;
mod token;
mod transfer;
mod transport;
mod wasm;

pub use archive::{Contained, load, save};
pub use artifact::{CONFIG_TYPE, LAYER_TYPE};
pub use cache::{Cache, write_whole};
pub use client::{Client, ClientConfig, Mirror};
pub use credentials::{Account, Credentials};
pub use error::OciError;
pub use lock::Lock;
pub use manifest::MANIFEST_TYPE;
pub use puller::{PullPolicy, Pulled, Puller, Wanted};
pub use reference::{Digest, Reference, is_host};
pub use retry::Backoff;
pub use signatures::{PrivateKey, Rule, Trust, TrustConfig};
pub use transfer::{Audience, Transfer};
pub use wasm::{ComponentConfig, WasmConfig};

//! What the host lends to guests, one file for each capability.
//!
//! `log`, `config` and `secrets` are everybody's, each with what the operator
//! gave this plugin, and `request-headers`, with those of the event at hand. The
//! others reach out of the process, and a plugin has those that its operator
//! granted it: without a grant a call is denied, which the plugin gets as a typed
//! error and the operator as a line in the log with what to write. Clients,
//! connections and passwords stay on this side; a guest holds none of them.

mod amqp;
mod config;
mod grants;
mod grpc;
mod http;
mod kafka;
mod lender;
mod log;
mod request_headers;
mod secrets;

pub use amqp::AmqpGrant;
pub use grants::Grants;
pub use grpc::GrpcGrant;
pub use http::HttpGrant;
pub(super) use http::Outgoing;
pub(super) use http::add_to_linker as add_http_to_linker;
pub use kafka::KafkaGrant;
pub(super) use lender::{LendError, Lender, Lent};

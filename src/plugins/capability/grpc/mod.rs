//! `rustus:hooks/grpc`: calling a service.
//!
//! One channel for each generation, which connects at the first call and again
//! whenever a call needs it. Messages pass as the bytes that the plugin made of
//! them. Every call ends within the grant's time-out.

mod codec;
mod endpoint;
mod grant;

pub use grant::GrpcGrant;

use std::error::Error as _;
use std::time::Duration;

use http::uri::PathAndQuery;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use codec::Bytes;

use crate::plugins::bindings::rustus::hooks::grpc::{self, GrpcError, Host, MetadataField};
use crate::plugins::instance::CallState;
use crate::plugins::limits::Limits;
use crate::plugins::reached::Reached;
use crate::plugins::tally::Capability;
use crate::tracing_context;

/// The channel of one grant.
pub(in crate::plugins) struct Caller {
    channel: Channel,
    timeout: Duration,
    /// Bytes that an answer may have.
    longest_answer: usize,
}

impl Caller {
    pub(super) fn new(grant: &GrpcGrant, limits: &Limits, on: &Handle) -> Result<Self, String> {
        let endpoint = endpoint::endpoint(grant)?;
        // Connections are run by who makes the channel.
        let _on = on.enter();
        Ok(Self {
            channel: endpoint.connect_lazy(),
            timeout: endpoint::timeout(grant, limits.wall_time),
            longest_answer: limits.host_allocation,
        })
    }

    async fn call(
        &self,
        method: PathAndQuery,
        request: Request<Vec<u8>>,
    ) -> Result<Vec<u8>, (GrpcError, Reached)> {
        let mut service =
            Grpc::new(self.channel.clone()).max_decoding_message_size(self.longest_answer);
        let answer = async {
            let ready = service.ready().await;
            ready.map_err(|error| unavailable(&error))?;
            match service.unary(request, method, Bytes).await {
                Ok(answer) => Ok(answer.into_inner()),
                Err(status) => Err(failure(&status)),
            }
        };
        timeout(self.timeout, answer).await.unwrap_or_else(|_| {
            let within = self.timeout.as_millis();
            let text = format!("no answer within {within} ms");
            Err((GrpcError::Unavailable(text), Reached::Slow))
        })
    }
}

/// A status with a cause was made on this side, when no answer came.
fn failure(status: &Status) -> (GrpcError, Reached) {
    match status.source() {
        Some(_) => unavailable(status),
        None => {
            let failed = grpc::Status {
                code: u32::try_from(i32::from(status.code())).unwrap_or_default(),
                message: status.message().to_owned(),
            };
            (GrpcError::Failed(failed), answered(status.code()))
        }
    }
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> (GrpcError, Reached) {
    let outcome = super::http::why(error).unwrap_or(Reached::Garbage);
    (GrpcError::Unavailable(with_causes(error)), outcome)
}

/// What a status of the service counts as.
const fn answered(code: Code) -> Reached {
    match code {
        Code::Ok => Reached::Ok,
        Code::Unauthenticated => Reached::Auth,
        Code::PermissionDenied => Reached::NotPermitted,
        Code::Unimplemented | Code::NotFound => Reached::Missing,
        Code::ResourceExhausted => Reached::Overloaded,
        Code::DeadlineExceeded => Reached::Slow,
        Code::InvalidArgument | Code::OutOfRange => Reached::Invalid,
        _ => Reached::Refused,
    }
}

/// What the service does is a step of the present trace.
fn pass_trace_on(metadata: &mut MetadataMap) {
    for (name, value) in tracing_context::current() {
        if let (Ok(name), Ok(value)) = (name.parse::<AsciiMetadataKey>(), value.parse()) {
            metadata.insert(name, value);
        }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Some say their cause themselves.
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

impl Host for CallState {
    async fn call(
        &mut self,
        method: String,
        metadata: Vec<MetadataField>,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, GrpcError> {
        let lent = self.lent().clone();
        let reaching = self.reaching(Capability::Grpc);
        let Some(caller) = &lent.grpc else {
            let write = "`endpoint = \"HOST:PORT\"` under [allow.grpc]";
            reaching.ended(Reached::Denied);
            let text = self.deny(Capability::Grpc, "a call over gRPC", write);
            return Err(GrpcError::Denied(text));
        };
        let asked = path(&method).and_then(|method| Ok((method, fields(&metadata)?)));
        let (method, metadata) = match asked {
            Ok(asked) => asked,
            Err(problem) => {
                reaching.ended(Reached::Invalid);
                return Err(GrpcError::Invalid(problem));
            }
        };
        let mut request = Request::new(message);
        *request.metadata_mut() = metadata;
        pass_trace_on(request.metadata_mut());
        let (answer, outcome) = match caller.call(method, request).await {
            Ok(answer) => (Ok(answer), Reached::Ok),
            Err((error, outcome)) => (Err(error), outcome),
        };
        reaching.ended(outcome);
        if let Err(GrpcError::Unavailable(problem)) = &answer {
            let speaker = self.output().speaker();
            tracing::warn!(
                plugin = speaker.plugin,
                digest = speaker.digest,
                problem,
                "the gRPC server does not answer; see that it runs, can be reached from here, and \
                 speaks TLS or not as it is called"
            );
        }
        answer
    }
}

/// `/package.Service/Method`.
fn path(method: &str) -> Result<PathAndQuery, String> {
    let mut names = method.split('/');
    let is_name = |name: Option<&str>| name.is_some_and(|name| !name.is_empty());
    let is_method = names.next() == Some("")
        && is_name(names.next())
        && is_name(names.next())
        && names.next().is_none()
        && !method.contains('?');
    is_method
        .then(|| PathAndQuery::try_from(method).ok())
        .flatten()
        .ok_or_else(|| format!("{method:?} is no method; expected /package.Service/Method"))
}

fn fields(fields: &[MetadataField]) -> Result<MetadataMap, String> {
    let mut map = MetadataMap::new();
    for MetadataField { name, value } in fields {
        let key: AsciiMetadataKey = name
            .parse()
            .map_err(|_| format!("{name:?} is no name of metadata; use lower case"))?;
        if RESERVED.contains(&name.as_str()) || name.starts_with("grpc-") {
            return Err(format!("the metadata {name:?} is the protocol's own"));
        }
        let value = AsciiMetadataValue::try_from(value.as_str())
            .map_err(|_| format!("the value of the metadata {name:?} is not printable ASCII"))?;
        map.append(key, value);
    }
    Ok(map)
}

/// What HTTP/2 and gRPC say themselves.
const RESERVED: [&str; 6] = [
    "te",
    "content-type",
    "user-agent",
    "host",
    "connection",
    "content-length",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_has_a_service_and_a_name() {
        assert_eq!(path("/p.Service/Do").unwrap(), "/p.Service/Do");
        for method in [
            "", "/", "p/Do", "/p/", "//Do", "/p/Do/", "/p/Do?x", "/p q/Do",
        ] {
            let message = path(method).unwrap_err();
            assert!(message.contains("/package.Service/Method"), "{message}");
        }
    }

    #[test]
    fn metadata_keeps_its_order_and_leaves_the_protocol_alone() {
        let field = |name: &str, value: &str| MetadataField {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let map = fields(&[field("a", "1"), field("a", "2")]).unwrap();
        let values: Vec<_> = map.get_all("a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        for (name, value, part) in [
            ("A b", "1", "no name"),
            ("a-bin", "1", "no name"),
            ("te", "1", "protocol's own"),
            ("grpc-timeout", "1", "protocol's own"),
            ("a", "\n", "printable"),
        ] {
            let message = fields(&[field(name, value)]).unwrap_err();
            assert!(message.contains(part), "{name}: {message}");
        }
    }
}

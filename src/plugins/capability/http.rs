//! `wasi:http/outgoing-handler`: requests to other servers.
//!
//! One choke point: whatever a guest sends comes through [`Outgoing`], redirects
//! too, since the host follows none.

use std::sync::Arc;

use serde::Deserialize;
use tokio::runtime::Handle;
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    Error, RequestOptions, Result, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::Lent;
use crate::plugins::instance::CallState;
use crate::plugins::output::Output;

/// `[allow.http]`: the servers that a plugin may send requests to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HttpGrant {
    /// `scheme://host:port` each.
    pub servers: Vec<String>,
}

/// The client of one grant, with its pool of connections.
pub(in crate::plugins) struct Client {}

impl Client {
    pub(super) fn new(_grant: &HttpGrant, _on: &Handle) -> std::result::Result<Self, String> {
        Ok(Self {})
    }
}

/// What one instance sends its requests through.
pub(in crate::plugins) struct Outgoing {
    _lent: Arc<Lent>,
    _output: Output,
}

impl Outgoing {
    pub(in crate::plugins) fn new(lent: Arc<Lent>, output: Output) -> Self {
        Self {
            _lent: lent,
            _output: output,
        }
    }
}

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        _request: ::http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = std::result::Result<(), Error>> + Send>,
    ) -> Box<
        dyn Future<
                Output = Result<(
                    ::http::Response<WasiBody>,
                    Box<dyn Future<Output = std::result::Result<(), Error>> + Send>,
                )>,
            > + Send,
    > {
        Box::new(async { Err(Error::HttpRequestDenied.into()) })
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let (ctx, table, hooks) = self.http_parts();
        WasiHttpCtxView { hooks, table, ctx }
    }
}

/// Offers `wasi:http` to every plugin; what it may reach is checked at each
/// request.
pub(in crate::plugins) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}

//! From what an operator allows to clients that work.

use std::sync::Arc;

use tokio::runtime::{Handle, Runtime};

use super::config::PluginConfig;
use super::{amqp, grpc, http, kafka};
use crate::plugins::instance::CallState;
use crate::plugins::manifest::Manifest;
use crate::plugins::reached::Reaching;
use crate::plugins::secrets::Secrets;
use crate::plugins::tally::{Capability, Tally};

/// Why something that is allowed cannot be lent: the grant itself is wrong. A
/// broker that cannot be reached is no reason.
#[derive(Debug, thiserror::Error)]
#[error("[allow.{capability}]: {problem}")]
pub struct LendError {
    /// The table's name.
    pub(super) capability: &'static str,
    /// What is wrong, and what to write instead.
    pub(super) problem: String,
}

/// What one generation may use. Its connections end with it.
pub(in crate::plugins) struct Lent {
    pub(in crate::plugins) config: PluginConfig,
    pub(super) secrets: Arc<Secrets>,
    pub(super) http: Option<http::Client>,
    pub(super) amqp: Option<amqp::Publisher>,
    pub(super) kafka: Option<kafka::Producer>,
    pub(super) grpc: Option<grpc::Caller>,
    /// Where is counted what became of it, and what instances hold.
    pub(in crate::plugins) tally: Arc<Tally>,
}

impl Lent {
    /// What the operator granted.
    pub(in crate::plugins) fn granted(&self) -> Vec<Capability> {
        let granted = |capability: &Capability| match capability {
            Capability::Http => self.http.is_some(),
            Capability::Amqp => self.amqp.is_some(),
            Capability::Kafka => self.kafka.is_some(),
            Capability::Grpc => self.grpc.is_some(),
            Capability::Secrets => self.secrets.values().next().is_some(),
        };
        Capability::ALL.into_iter().filter(granted).collect()
    }
}

/// Makes clients, and runs those with connections that all calls share: on threads
/// of their own, since calls come from threads that end or that a guest may hold up.
pub(in crate::plugins) struct Lender {
    /// There until it is dropped.
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Drop for Lender {
    fn drop(&mut self) {
        // Whatever thread this is: it must not wait for connections to end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Lender {
    /// One for all plugins.
    pub(in crate::plugins) fn new() -> std::io::Result<Self> {
        // Two: a handshake must not hold up the messages of other plugins.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("capabilities")
            .enable_all()
            .build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }

    /// Lends what `manifest` allows. Connects to nothing yet.
    pub(in crate::plugins) fn lend(
        &self,
        manifest: &Manifest,
        secrets: Arc<Secrets>,
        tally: Arc<Tally>,
    ) -> Result<Lent, LendError> {
        let on = &self.handle;
        let allow = &manifest.allow;
        Ok(Lent {
            config: PluginConfig::new(manifest.config.clone()),
            secrets,
            http: lend("http", &allow.http, http::Client::new)?,
            amqp: lend("amqp", &allow.amqp, |grant| amqp::Publisher::new(grant, on))?,
            kafka: lend("kafka", &allow.kafka, |grant| {
                kafka::Producer::new(grant, &manifest.limits, on)
            })?,
            grpc: lend("grpc", &allow.grpc, |grant| {
                grpc::Caller::new(grant, &manifest.limits, on)
            })?,
            tally,
        })
    }
}

fn lend<G, C>(
    capability: &'static str,
    grant: &Option<G>,
    make: impl FnOnce(&G) -> Result<C, String>,
) -> Result<Option<C>, LendError> {
    let made = grant.as_ref().map(make).transpose();
    made.map_err(|problem| LendError {
        capability,
        problem,
    })
}

impl CallState {
    /// Counts a request by which the guest reaches out.
    pub(super) fn reaching(&self, capability: Capability) -> Reaching {
        Reaching::new(Arc::clone(&self.lent().tally), capability)
    }

    /// Says to the operator that something was denied, and what would allow it.
    /// Gives the text for the plugin.
    pub(super) fn deny(&self, capability: Capability, what: &str, write: &str) -> String {
        self.output().denied(capability, what, write)
    }
}

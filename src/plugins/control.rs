//! What an operator may do with a plugin while the server runs.

use std::sync::mpsc::Sender;

use tokio::sync::oneshot;

use super::standing::Standing;
use super::watch::Signal;

/// What to do with a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Read its files again and load them, changed or not: also certificates and
    /// whatever else a grant names is read again, and connections are new.
    Reload,
    /// Ask and tell it no more, until it is enabled or the server starts anew.
    Disable,
    /// Ask and tell it again.
    Enable,
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// There is no such plugin.
    #[error("no plugin has this name")]
    Unknown,
    /// Nobody loads plugins any more.
    #[error("the server is stopping")]
    Ended,
}

/// Gives orders to the thread that loads plugins. Clones give them to the same.
#[derive(Debug, Clone)]
pub struct Control {
    signals: Sender<Signal>,
}

/// An order with who waits for it.
pub(super) struct Ordered {
    pub(super) plugin: String,
    pub(super) order: Order,
    pub(super) reply: oneshot::Sender<Result<Standing, OrderError>>,
}

impl Control {
    pub(super) const fn new(signals: Sender<Signal>) -> Self {
        Self { signals }
    }

    /// Has an order carried out, and gives how the plugin stands then. A reload
    /// takes as long as to compile the module; if it fails, what served before
    /// serves on and [`Standing::refused`] says why.
    ///
    /// # Errors
    /// `Unknown`, or the server ends.
    pub async fn order(&self, plugin: &str, order: Order) -> Result<Standing, OrderError> {
        let (reply, answer) = oneshot::channel();
        let ordered = Ordered {
            plugin: plugin.to_owned(),
            order,
            reply,
        };
        let sent = self.signals.send(Signal::Order(ordered));
        sent.map_err(|_| OrderError::Ended)?;
        answer.await.unwrap_or(Err(OrderError::Ended))
    }
}

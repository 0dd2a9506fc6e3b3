//! What an operator orders: a plugin read again, switched off, switched on.

use std::time::Duration;

use super::super::control::{Order, OrderError, Ordered};
use super::super::events::EventSet;
use super::super::standing::Standing;
use super::{RESCAN, Watch};

impl Watch {
    /// Carries an order out, and says when to look again at the latest.
    pub(super) fn obey(&mut self, ordered: Ordered) -> Duration {
        let Ordered {
            plugin,
            order,
            reply,
        } = ordered;
        let wait = match self.collection.standing(&plugin) {
            Some(standing) => self.carry_out(&standing, order),
            None => RESCAN,
        };
        let standing = self.collection.standing(&plugin);
        if reply.send(standing.ok_or(OrderError::Unknown)).is_err() {
            tracing::debug!(plugin, "nobody waits for the end of an order any more");
        }
        wait
    }

    fn carry_out(&mut self, standing: &Standing, order: Order) -> Duration {
        let plugin = &*standing.name;
        match order {
            Order::Reload => {
                tracing::info!(plugin, "an operator has a plugin read again");
                let again = self.collection.read_again(plugin);
                if let Some(change) = self.runtime.block_on(again) {
                    self.publish();
                    change.report();
                }
                return self.look_to_the_end();
            }
            Order::Disable | Order::Enable => {
                let disabled = order == Order::Disable;
                if self.collection.set_disabled(plugin, disabled) {
                    self.publish();
                    report_switch(standing, disabled);
                }
            }
        }
        RESCAN
    }
}

/// What it means that a plugin is switched off is said with it.
fn report_switch(standing: &Standing, disabled: bool) {
    let plugin = &*standing.name;
    let decides = standing
        .generation
        .as_ref()
        .is_some_and(|generation| generation.subscription().asked != EventSet::EMPTY);
    match (disabled, decides) {
        (true, true) => tracing::warn!(
            plugin,
            "a plugin that decides is disabled: it is not asked, and what it would refuse is \
             allowed, unless --hooks-required names the event"
        ),
        (true, false) => tracing::warn!(plugin, "a plugin is disabled: it is not told"),
        (false, _) => tracing::info!(plugin, "a plugin is enabled again"),
    }
}

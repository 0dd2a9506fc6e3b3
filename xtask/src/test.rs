//! Everything that the tests need, and the tests.

use anyhow::Result;

use crate::{cargo, clients, guests, process};

/// Builds the guests, prepares the clients and runs the workspace's tests, those
/// whose name holds `filter` if there is one.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    guests::build_all()?;
    clients::prepare()?;
    process::run(cargo::native().args(["test", "--workspace"]).args(filter))
}

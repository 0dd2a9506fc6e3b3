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

/// The tests that build the server as the documentation says. The demo's build takes
/// the place of that of the other tests, which must have ended.
pub(crate) fn builds() -> Result<()> {
    // With other packages the tests themselves would be built anew.
    let suite = ["test", "--workspace", "--test", "suite", "--", "--ignored"];
    process::run(
        cargo::native()
            .args(suite)
            .arg("documented_commands::builds"),
    )
}

/// The tests over sockets and the property tests with all repetitions, in place of
/// the share that fits every day: thousands of kills, races, reloads and random
/// operations. Then the commands of the documentation that measure.
pub(crate) fn soak(filter: Option<&str>) -> Result<()> {
    guests::build_all()?;
    clients::prepare()?;
    clients::prepare_profiler();
    let suite = ["test", "--test", "suite", "--test", "properties"];
    let mut tests = cargo::native();
    tests.args(suite).args(filter).env("RUSTUS_SOAK", "1");
    process::run(&mut tests)?;
    let alone = ["--ignored", "--skip", "documented_commands::builds"];
    let mut measures = cargo::native();
    measures.args(["test", "--test", "suite", "--"]).args(alone);
    measures.args(["--test-threads", "1"]).args(filter);
    process::run(&mut measures)
}

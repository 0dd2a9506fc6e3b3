//! What was pulled of the plugins that run from registries.

use super::{CommandError, MODULE, OciFlags, PullPolicy, Wanted, cache_dir, puller};
use crate::cli::Chosen;
use crate::plugins::{Piece, RemotePlugin, Workbench};

/// A plugin that runs from a registry.
pub(in crate::commands) struct Kept {
    pub(in crate::commands) plugin: RemotePlugin,
    /// What is kept of it, or why there is nothing that could be run.
    pub(in crate::commands) piece: Result<Piece, String>,
}

/// Those that are chosen, with what is kept of each. No registry is asked.
pub(in crate::commands) fn kept(
    chosen: &Chosen,
    oci: &OciFlags,
    workbench: &Workbench,
) -> Result<Vec<Kept>, CommandError> {
    let plugins = chosen.plugins(PullPolicy::Never);
    let plugins = plugins.map_err(CommandError::Flags)?;
    if plugins.is_empty() {
        return Ok(Vec::new());
    }
    let puller = puller(oci, oci.lock(&cache_dir(oci)))?;
    let found = plugins.into_iter().map(|plugin| {
        let wanted = Wanted {
            reference: plugin.reference.clone(),
            policy: PullPolicy::Never,
            limit: MODULE,
        };
        let pulled = workbench.finish(puller.pull(&wanted, |_| Ok(())));
        let piece = pulled
            .map_err(|error| error.to_string())
            .and_then(|pulled| {
                Piece::pulled(&plugin, pulled.module).map_err(|error| error.to_string())
            });
        Kept { plugin, piece }
    });
    Ok(found.collect())
}

//! Says which version it is, in a response header of each creation: `x-rule: a`,
//! or `x-rule: b` when built with the feature `b`. For tests that replace a plugin
//! while the server runs.

use rustus_hook::prelude::*;

rustus_hook::pre_create!(tell_version);

const VERSION: &str = if cfg!(feature = "b") { "b" } else { "a" };

fn tell_version(_: Event) -> Result<CreateDecision, HookError> {
    Ok(CreateDecision::proceed().with_header("x-rule", VERSION))
}

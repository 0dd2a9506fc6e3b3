//! What a plugin of a few lines needs: `use rustus_hook::prelude::*;`.

pub use crate::{
    CreateDecision, Event, EventKind, FinishDecision, GetDecision, HookError, Metadata,
    Notification, Reaction, Rejection, Request, TerminateDecision, Upload, config, log, secrets,
};

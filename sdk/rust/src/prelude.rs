//! What a plugin of a few lines needs: `use rustus_hook::prelude::*;`.

pub use crate::{
    CreateDecision, Event, FinishDecision, GetDecision, HookError, Metadata, Notification,
    Rejection, Request, TerminateDecision, Upload, config, log,
};

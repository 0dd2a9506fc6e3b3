#[path = "../../src/hooks/event.rs"]
mod event;

pub use event::*;

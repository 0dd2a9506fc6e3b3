//! A line that says what is waited for, on a terminal and nowhere else.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often the line changes.
const TICK: Duration = Duration::from_millis(100);

/// Does `work`, and says meanwhile on standard error what and for how long.
pub(super) fn shown<T>(what: impl Into<String>, work: impl FnOnce() -> T) -> T {
    // Draws nothing where standard error is no terminal.
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.set_message(what.into());
    bar.enable_steady_tick(TICK);
    let done = work();
    bar.finish_and_clear();
    done
}

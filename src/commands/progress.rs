//! A line that says what is waited for, on a terminal and nowhere else. It has no
//! colours.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::oci::{Audience, Transfer};

/// How often the line changes while nothing can be counted.
const TICK: Duration = Duration::from_millis(100);

/// What is waited for, and for how long.
const WAITING: &str = "{spinner} {msg} ({elapsed})";

/// What comes or goes, and how much of it has.
const MOVING: &str = "{msg} [{bar:30}] {bytes}/{total_bytes} ({elapsed})";

/// Does `work`, and says meanwhile on standard error what and for how long.
pub(super) fn shown<T>(what: impl Into<String>, work: impl FnOnce() -> T) -> T {
    let line = Line::new(ProgressBar::new_spinner(), WAITING, what.into());
    line.0.enable_steady_tick(TICK);
    work()
}

/// Says on standard error how far transfers are, in one line each.
#[derive(Debug)]
pub(super) struct Transfers;

impl Audience for Transfers {
    fn begins(&self, what: String, size: u64) -> Box<dyn Transfer> {
        let line = Line::new(ProgressBar::new(size), MOVING, what);
        line.0.tick();
        Box::new(line)
    }
}

/// A line that is removed when what it is about has ended.
struct Line(ProgressBar);

impl Line {
    /// Draws nothing where standard error is no terminal.
    fn new(bar: ProgressBar, template: &str, what: String) -> Self {
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        Self(bar)
    }
}

impl Transfer for Line {
    fn moved(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

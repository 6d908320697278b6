//! One line that says how far a long search is. On a terminal only.

use crate::render::quantities::quantity;
use berth_compiler::solving::Progress;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

/// Anything shorter is over before it is read.
const QUIET: Duration = Duration::from_secs(1);

/// The line, redrawn in place.
pub struct Line {
    since: Instant,
    shown: Option<Instant>,
    terminal: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self { since: Instant::now(), shown: None, terminal: stderr().is_terminal() }
    }
}

impl Line {
    /// Shows where the search is, at most ten times a second.
    pub fn show(&mut self, progress: &Progress) {
        self.show_within("", progress);
    }

    /// The same of one search of several: `within` says which.
    pub fn show_within(&mut self, within: &str, progress: &Progress) {
        let recent = self.shown.is_some_and(|shown| shown.elapsed() < Duration::from_millis(100));
        if !self.terminal || recent || self.since.elapsed() < QUIET {
            return;
        }
        let figure = |name: &str, value: Option<f64>| {
            value.map_or(String::new(), |value| format!(", {name} {}", quantity(value, "1")))
        };
        let line = format!(
            "{:.0} s  {within}{}: {}{}{}",
            self.since.elapsed().as_secs_f64(),
            progress.stage,
            progress.level,
            figure("incumbent", progress.incumbent),
            figure("bound", progress.bound)
        );
        let line: String = line.chars().take(78).collect();
        // Nothing is lost where a terminal does not take it.
        let _ = write!(stderr(), "\r\x1b[2K{line}").and_then(|()| stderr().flush());
        self.shown = Some(Instant::now());
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(stderr(), "\r\x1b[2K").and_then(|()| stderr().flush());
        }
    }
}

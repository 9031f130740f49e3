//! Progress as bars on a terminal: one for each file that arrives, and one line that sums up.

use std::collections::HashMap;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use stratheal_core::fetch::{Event, FileOrigin};
use stratheal_core::model::quantity::show_bytes;

use super::lines::Lines;
use crate::count::show_count;

/// More bars than a terminal has lines help nobody.
const MOST: usize = 8;
const KNOWN: &str = "{msg:40!} [{bar:20}] {bytes:>10}/{total_bytes:10} {bytes_per_sec:>12} {eta:>4}";
const UNKNOWN: &str = "{msg:40!} {spinner} {bytes:>10} {bytes_per_sec:>12}";

/// The bars.
#[derive(Debug)]
pub(crate) struct Bars {
    all: MultiProgress,
    files: HashMap<String, ProgressBar>,
    total: ProgressBar,
    /// What is worth a line of its own goes above the bars.
    lines: Lines,
    done: u64,
    bytes: u64,
}

impl Bars {
    pub(crate) fn new(verbose: bool) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let total = all.add(ProgressBar::new_spinner());
        Self { all, files: HashMap::new(), total, lines: Lines::new(verbose), done: 0, bytes: 0 }
    }

    pub(crate) fn add(&mut self, event: &Event) {
        match event {
            Event::FileStarted { file, size, resumed_at } if self.files.len() < MOST => {
                let bar = self.all.insert_before(&self.total, bar(*size));
                // Names come from an index; what is no letter could move the cursor.
                bar.set_message(file.replace(char::is_control, "?"));
                bar.set_position(*resumed_at);
                bar.reset_eta();
                if let Some(old) = self.files.insert(file.clone(), bar) {
                    old.finish_and_clear();
                }
            }
            Event::FileProgress { file, received } => {
                if let Some(bar) = self.files.get(file) {
                    bar.set_position(*received);
                }
            }
            Event::FileDone { file, size, origin, .. } => {
                self.clear(file);
                if matches!(origin, FileOrigin::Members(_)) {
                    self.done += 1;
                    self.bytes += size;
                    let (done, bytes) = (show_count(self.done, "file"), show_bytes(self.bytes as f64));
                    self.total.set_message(format!("{done}, {bytes}"));
                }
            }
            Event::Failed { wanted, .. } => self.clear(wanted),
            _ => {}
        }
        // A finished file is a bar that went away; everything else that is worth a line stays readable.
        if !matches!(event, Event::FileDone { .. } | Event::FileStarted { .. }) {
            for line in self.lines.add(event, tokio::time::Instant::now()) {
                // Nowhere is left to say that standard error is closed.
                let _ = self.all.println(line);
            }
        }
    }

    fn clear(&mut self, file: &str) {
        if let Some(bar) = self.files.remove(file) {
            bar.finish_and_clear();
        }
    }

    pub(crate) fn beat(&self) {
        self.total.tick();
    }

    pub(crate) fn finish(self) {
        for bar in self.files.into_values() {
            bar.finish_and_clear();
        }
        self.total.finish_and_clear();
    }
}

fn bar(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), KNOWN),
        None => (ProgressBar::no_length(), UNKNOWN),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        // The default style is no reason to fetch nothing.
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_understood() {
        for template in [KNOWN, UNKNOWN] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}

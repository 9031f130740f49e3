//! Tests that cannot run here say so, and are counted.

use std::fs::OpenOptions;
use std::io::{self, Write};

/// Says that a test, or a part of one, cannot run here, and why. The runner shows no output of tests that pass, so the line also goes
/// to the file that the environment variable `STRATHEAL_SKIPPED` names, where `make test` counts it.
pub fn skipped(what: &str, why: &str) {
    // A closed standard error is no reason to fail a test that is skipped anyway.
    let _ = writeln!(io::stderr(), "SKIPPED: {what} ({why})");
    let Some(file) = std::env::var_os("STRATHEAL_SKIPPED") else { return };
    let written = OpenOptions::new().append(true).create(true).open(&file);
    if let Err(error) = written.and_then(|mut file| writeln!(file, "{what}: {why}")) {
        let _ = writeln!(io::stderr(), "cannot count it: {error}");
    }
}

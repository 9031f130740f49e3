//! Log messages, on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::args::{Common, LogFormat};

/// Standard error, after the last line of the screen has made room.
fn writer() -> io::Stderr {
    crate::screen::clear();
    io::stderr()
}

/// Begins to log. `STRATHEAL_LOG` takes the usual filter directives and wins over `--quiet` and `--verbose`.
pub(crate) fn begin(common: &Common, service: bool) {
    let level = match (common.quiet, common.verbose, service) {
        (true, ..) => LevelFilter::ERROR,
        (_, 2.., _) => LevelFilter::DEBUG,
        (_, _, true) => LevelFilter::INFO,
        _ => LevelFilter::WARN,
    };
    let filter =
        EnvFilter::builder().with_default_directive(level.into()).with_env_var("STRATHEAL_LOG").from_env_lossy();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_target(false);
    let begun = match common.log_format {
        LogFormat::Human => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // In tests somebody else may have begun; nothing is lost then.
    drop(begun);
}

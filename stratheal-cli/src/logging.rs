//! Log messages, on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::args::{Common, LogFormat};
use crate::printer::LogWriter;

/// The variable with filter directives.
const VARIABLE: &str = "STRATHEAL_LOG";

/// Begins to log. `STRATHEAL_LOG` takes the usual filter directives and wins over `--quiet` and `--verbose`.
pub(crate) fn begin(common: &Common, service: bool) {
    let level = match (common.quiet, common.verbose, service) {
        (true, ..) => LevelFilter::ERROR,
        (_, 2.., _) => LevelFilter::DEBUG,
        (_, _, true) => LevelFilter::INFO,
        _ => LevelFilter::WARN,
    };
    let mut filter = EnvFilter::builder().with_default_directive(level.into()).with_env_var(VARIABLE).from_env_lossy();
    // A command that heals tells itself what happens, in its own words.
    if level == LevelFilter::WARN
        && std::env::var_os(VARIABLE).is_none()
        && let Ok(directive) = "stratheal_core::healing=off".parse()
    {
        filter = filter.add_directive(directive);
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(LogWriter::default).with_target(false);
    let begun = match common.log_format {
        LogFormat::Human => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // In tests somebody else may have begun; nothing is lost then.
    drop(begun);
}

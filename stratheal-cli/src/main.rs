//! The `stratheal` command line tool.

fn main() -> std::process::ExitCode {
    stratheal_cli::run(std::env::args_os())
}

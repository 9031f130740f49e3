//! The `stratheal` command line tool.

fn main() -> std::process::ExitCode {
    // As the first process of a container it would be the parent of whatever lost its own.
    match stratheal_core::service::init::run_as_child_if_first() {
        Some(code) => code,
        None => stratheal_cli::run(std::env::args_os()),
    }
}

//! A gateway inside an application: any installer it starts gets mirrors, retries, resume and the cache.
//!
//! ```console
//! $ cargo run -p stratheal-examples --bin gateway -- https://packages.example.com/simple/ pip install six
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;
use std::ffi::OsString;

use stratheal_core::fetch::Fetcher;
use stratheal_core::gateway::{Environment, Gateway, plan};
use stratheal_core::index::{Chain, Member, Source, Trust};
use tokio::process::Command;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let index = std::env::args().nth(1).ok_or("name an index and a command")?;
    let command: Vec<OsString> = std::env::args_os().skip(2).collect();
    let [program, arguments @ ..] = command.as_slice() else { return Err("name a command".into()) };

    let members = vec![Member { url: index.parse()?, trust: Trust::Pages }];
    let source = Source { name: "default".to_owned(), members, only: Vec::new(), immutable: true };
    let cache = std::env::var_os("CACHE").map_or_else(|| std::env::temp_dir().join("stratheal-example"), Into::into);
    let fetcher = Fetcher::builder(Chain { sources: vec![source] }, cache.clone()).build()?;
    let gateway = Gateway::builder(fetcher).state_folder(cache.join("gateway")).start().await?;

    // The plan knows the installers: which variables they read, and what they would fetch past the gateway.
    let plan = plan(&command, &std::env::vars_os().collect::<Environment>());
    let mut child = Command::new(program);
    child.args(arguments);
    for change in gateway.child_environment(&plan) {
        match change.value {
            Some(value) => child.env(change.name, value),
            None => child.env_remove(change.name),
        };
    }
    let status = child.status().await?;
    print!("{status}: {}", gateway.stop().await);
    Ok(())
}

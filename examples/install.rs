//! Brings an environment to what is wanted: shows the plan, tells what happens, and does all of it or nothing.
//!
//! ```console
//! $ cargo run -p stratheal-examples --bin install -- https://packages.example.com/simple/ .venv six
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use stratheal_core::fetch::Fetcher;
use stratheal_core::index::{Chain, Member, Source, ThisProcess, Trust};
use stratheal_core::installer::requirement::{Wanted, WantedSources};
use stratheal_core::installer::{Action, Input, InstallEvent, InstallRequest, Installer};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let index = arguments.next().ok_or("name an index, a folder, and requirements")?;
    let folder = arguments.next().ok_or("name a folder")?;
    let requirements: Vec<String> = arguments.collect();

    let members = vec![Member { url: index.parse()?, trust: Trust::Pages }];
    let source = Source { name: "default".to_owned(), members, only: Vec::new(), immutable: true };
    let cache = std::env::var_os("CACHE").map_or_else(|| std::env::temp_dir().join("stratheal-example"), Into::into);
    let fetcher = Fetcher::builder(Chain { sources: vec![source] }, cache.clone()).build()?;
    // Locks and journals of environments are kept apart from the cache: that may be deleted at any time.
    let state = cache.with_extension("state");
    let installer = Installer::builder(fetcher, cache, state).compile(true).build();

    let here = std::env::current_dir()?;
    let wanted =
        WantedSources { requirements: &[], constraints: &[], arguments: &requirements, editables: &[], folder: &here };
    let input = Input::Wanted(Box::new(Wanted::read(&wanted, &ThisProcess)?));
    let request = InstallRequest::new(input, here, std::env::vars_os().collect());

    let told = tokio::spawn(tell(installer.events()));
    let work = async {
        // A folder that is missing becomes a new environment, made from this interpreter.
        let environment = installer.environment(Path::new(&folder), Path::new("python3")).await?;
        // `planned` looks only; this also fetches what will probably be chosen while it is.
        let planned = installer.planned_ahead(&environment, &request).await?;
        for (name, action) in &planned.actions {
            match action {
                Action::Install { version } => println!("+ {name} {version}"),
                Action::Replace { old, version } => println!("~ {name} {old} -> {version}"),
                Action::Remove { old } => println!("- {name} {old}"),
                _ => {}
            }
        }
        println!("{} files to fetch, versions by {}", planned.to_fetch, planned.resolved_by);
        installer.carry_out(&environment, planned, request.options).await
    };
    // What is dropped before the switch changes nothing. The runtime waits for what clears up, and for a switch that has begun.
    let outcome = tokio::select! {
        outcome = work => outcome?,
        pressed = tokio::signal::ctrl_c() => {
            pressed?;
            println!("stopped");
            return Ok(ExitCode::from(130));
        }
    };
    told.abort();
    // Pages that came are written to the cache beside the work.
    installer.fetcher().settled().await;
    match outcome.applied {
        Some(applied) => println!("{}: {:?}, {} new files", outcome.root.display(), applied.how, applied.new_files),
        None => println!("{}: nothing to do", outcome.root.display()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells what happens, until nothing more can.
async fn tell(mut events: Receiver<InstallEvent>) {
    loop {
        match events.recv().await {
            Ok(InstallEvent::Resolving { engine }) => println!("  {engine} chooses versions"),
            Ok(InstallEvent::Preparing { wheels }) => println!("  {wheels} wheels are fetched and unpacked"),
            Ok(InstallEvent::Prepared { wheel }) => println!("  {wheel} is ready"),
            Ok(InstallEvent::Change { moment }) => println!("  {moment:?}"),
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

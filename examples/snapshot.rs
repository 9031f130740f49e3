//! Keeps an environment, changes it, says what that changed, and goes back.
//!
//! ```console
//! $ cargo run -p stratheal-examples --bin snapshot -- .venv
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::path::PathBuf;

use stratheal_core::objects::Store;
use stratheal_core::snapshot::{CreateOptions, RollbackOptions, Selector, SnapshotEvent, Snapshots};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let environment = PathBuf::from(std::env::args_os().nth(1).ok_or("name an environment")?);
    let cache = std::env::var_os("CACHE").map_or_else(|| std::env::temp_dir().join("stratheal-example"), PathBuf::from);

    // With the download cache, wheels are shared with it instead of copied, and put back quickly.
    let store = Store::open(&cache.join("objects")).ok();
    let snapshots = Snapshots::open(&cache.join("snapshots"), &cache.with_extension("state"), store);
    let mut events = snapshots.events();

    let made = snapshots.create(&environment, &CreateOptions::default()).await?;
    let number = made.snapshot.number;
    println!("snapshot {number}: {} files, {} bytes", made.snapshot.files, made.snapshot.bytes);

    std::fs::write(environment.join("pyvenv.cfg"), "nothing that any Python understands\n")?;
    let difference = snapshots.diff_now(&made.snapshot, &environment).await?;
    for file in &difference.files {
        println!("{:?}: {}", file.how, file.path.display());
    }

    // Dropping this future would stop it before the switch, and leave nothing behind.
    let back = snapshots.rollback(&Selector::Number(number), &environment, &RollbackOptions::default()).await?;
    println!("as in snapshot {} again: {} put back, {} kept", back.number, back.put, back.kept);
    if let Some(before) = back.before {
        println!("what was there is snapshot {before}");
    }
    while let Ok(event) = events.try_recv() {
        if let SnapshotEvent::Made { number } = event {
            println!("(made: {number})");
        }
    }
    Ok(())
}

//! The least that is useful: two checks, watched for a moment, and what became of them.
//!
//! ```console
//! $ cargo run -p stratheal-examples --bin minimal
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;
use std::time::Duration;

use stratheal_core::checks::memory::{DEFAULT_CRIT, DEFAULT_WARN, Memory};
use stratheal_core::checks::{Conditions, Judged};
use stratheal_core::contract::FnCheck;
use stratheal_core::engine::{Engine, Registration};
use stratheal_core::format::{Style, human};
use stratheal_core::model::event::EventKind;
use stratheal_core::model::{CheckId, CheckSpec, Report};
use stratheal_core::sys::SysRoot;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // A check of your own can be a closure ...
    let queue = FnCheck::new(CheckId::new("queue")?, || async { Ok(Report::healthy("3 jobs wait")) });

    // ... and those that come with the library are a measuring and the conditions it is judged by.
    let mut conditions = Conditions::default();
    for text in DEFAULT_WARN {
        conditions = conditions.warn(text.parse()?);
    }
    for text in DEFAULT_CRIT {
        conditions = conditions.crit(text.parse()?);
    }
    let memory = Judged::new(CheckId::new("memory")?, Memory::new(SysRoot::default()), conditions);

    let every_second = CheckSpec::every(Duration::from_secs(1));
    let engine = Engine::builder()
        .register(Registration::new(queue, every_second.clone()))
        .register(Registration::new(memory, every_second))
        .build()?
        .start()?;

    // Whoever wants to react listens; whoever only wants to know takes a snapshot, which costs next to nothing.
    let mut events = engine.subscribe();
    let listening = async {
        while let Ok(event) = events.recv().await {
            if let EventKind::Changed(change) = &event.kind {
                println!("{} is {}: {}", change.id, change.to, change.summary);
            }
        }
    };
    // The end of the time is the normal way out here.
    drop(tokio::time::timeout(Duration::from_millis(1500), listening).await);

    print!("{}", human(&engine.snapshot(), Style::default()));
    engine.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

//! Does a check keep the contract? The suite runs it as the engine would, also in the ways that are rare in practice.
//!
//! In a crate of your own this is a test; `stratheal-core` is a dev-dependency with the feature `testing` then.
//!
//! ```console
//! $ cargo run -p stratheal-examples --bin conformance
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use stratheal_core::contract::{FnCheck, HealthCheck};
use stratheal_core::model::{CheckId, Metric, Report, Unit};
use stratheal_core::testing::check_conforms;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let good = FnCheck::new(CheckId::new("good")?, || async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(Report::healthy("answers").metric(Metric::new("latency", 0.005, Unit::Seconds)))
    });
    // Two lines where one is kept, a code that no program can match, and a number that is none.
    let sloppy = FnCheck::new(CheckId::new("sloppy")?, || async {
        let report = Report::healthy("fine\nvery fine").code("All Good!");
        Ok(report.metric(Metric::new("ratio", f64::NAN, Unit::Number)))
    });
    // Nothing gives this thread back; `CheckContext::blocking` is for such work.
    let blocking = FnCheck::new(CheckId::new("blocking")?, || async {
        let (_sender, receiver) = std::sync::mpsc::channel::<()>();
        let nothing = receiver.recv_timeout(Duration::from_millis(100));
        Ok(Report::healthy(format!("waited: {nothing:?}")))
    });

    let mut conforms = Vec::new();
    for check in [&good as &dyn HealthCheck, &sloppy, &blocking] {
        let violations = check_conforms(check, Duration::from_secs(1)).await;
        println!("{}: {}", check.id(), if violations.is_empty() { "keeps the contract" } else { "does not" });
        for violation in &violations {
            println!("  {violation}");
        }
        conforms.push(violations.is_empty());
    }
    // Only the first is meant to.
    Ok(if conforms == [true, false, false] { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! Compares an environment with what its installers made of it, puts back what is damaged, and looks again as a monitor would.
//!
//! ```console
//! $ cargo run -p stratheal-examples --bin verify -- .venv https://packages.example.com/simple/
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use stratheal_core::engine::{Registration, once::run_once, permits::Limits};
use stratheal_core::fetch::Fetcher;
use stratheal_core::format::{Style, human};
use stratheal_core::index::{Chain, Member, Source, Trust};
use stratheal_core::installer::{EnvironmentWhole, Installer, RepairOptions, VerifyOptions};
use stratheal_core::model::quantity::show_count;
use stratheal_core::model::{CheckId, CheckSpec};

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let environment = PathBuf::from(arguments.next().ok_or("name an environment, and an index")?);
    let index = arguments.next().ok_or("name an index")?;
    let index = index.to_str().ok_or("a URL is text")?;

    let members = vec![Member { url: index.parse()?, trust: Trust::Pages }];
    let source = Source { name: "default".to_owned(), members, only: Vec::new(), immutable: true };
    let cache = std::env::var_os("CACHE").map_or_else(|| std::env::temp_dir().join("stratheal-example"), Into::into);
    let fetcher = Fetcher::builder(Chain { sources: vec![source] }, cache.clone()).build()?;
    let state = cache.with_extension("state");
    let installer = Installer::builder(fetcher, cache, state).build();

    // Its interpreter may be gone: that is a finding like any other.
    let subject = installer.subject(&environment).await?;
    let verified = installer.verify(&subject, &VerifyOptions::default()).await?;
    let (projects, files) = (show_count(verified.projects, "project"), show_count(verified.files, "file"));
    println!("{projects}, {files}, {} hashed", verified.hashed);
    for finding in verified.findings.iter().filter(|finding| finding.counts()) {
        println!("{:?}: {}", finding.severity, finding.message);
    }
    if !verified.is_whole() {
        let repaired = installer.repair(&subject, &RepairOptions::default()).await?;
        for mended in &repaired.mended {
            println!("put back {} from {}", mended.path.display(), mended.wheel);
        }
        for unmended in &repaired.unmended {
            println!("not put back: {}: {}", unmended.path.display(), unmended.reason);
        }
    }

    // In a program that runs for long, the same is a check among others.
    let check = EnvironmentWhole::new(CheckId::new("environment")?, installer, environment);
    let spec = CheckSpec::every(Duration::from_mins(10));
    let snapshot = run_once(vec![Registration::new(check, spec)], Limits::default()).await?;
    print!("{}", human(&snapshot, Style { verbose: false, colour: false }));
    Ok(ExitCode::from(snapshot.status.exit_code()))
}

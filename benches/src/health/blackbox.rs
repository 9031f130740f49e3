//! prometheus-blackbox-exporter, asked by a [`scraper`](super::scraper).
//!
//! It has no schedule of its own, Prometheus does that. A native scraper stands in for Prometheus, because storing what was
//! scraped has nothing to do with checking. **What the scraper uses is not counted**, and it asks for uncompressed answers where
//! Prometheus asks for compressed ones: the figures are what the exporter alone needs at the least.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use tokio::process::Command;

use super::monitor::{FAILURES, Launch, Task};
use super::scraper;
use crate::failure::Failure;

const PROGRAM: &str = "prometheus-blackbox-exporter";

/// Its version.
///
/// # Errors
/// When it is not here.
pub async fn version() -> Result<String, Failure> {
    let missing = |_| Failure::new(format!("{PROGRAM} is not installed: on Debian, apt-get install {PROGRAM}"));
    let output = Command::new(PROGRAM).arg("--version").output().await.map_err(missing)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let version = text.split_once("version ").and_then(|(_, rest)| rest.split([' ', ',']).next());
    Ok(version.unwrap_or("unknown").to_owned())
}

/// Writes its configuration.
///
/// # Errors
/// When that fails.
pub fn prepare(task: Task<'_>) -> Result<Launch, Failure> {
    let configuration = task.folder.join("blackbox.yml");
    let seconds = task.scenario.timeout.as_secs();
    fs::write(
        &configuration,
        format!(
            "modules:\n  http_2xx:\n    prober: http\n    timeout: {seconds}s\n    http:\n      \
             preferred_ip_protocol: ip4\n"
        ),
    )?;
    let targets = task.folder.join("targets.txt");
    let urls: Vec<String> = (0..task.scenario.checks).map(|target| task.place.of(target)).collect();
    fs::write(&targets, urls.join("\n"))?;
    // Free now, and nobody else will want it in the next moment.
    let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    Ok(Launch {
        argv: vec![
            PROGRAM.into(),
            format!("--config.file={}", configuration.display()).into(),
            format!("--web.listen-address={listen}").into(),
            "--log.level=error".into(),
        ],
        scraper: Some((listen, scraper_arguments(listen, &task, &targets))),
    })
}

fn scraper_arguments(listen: SocketAddr, task: &Task<'_>, targets: &std::path::Path) -> Vec<String> {
    vec![
        scraper::ROLE.to_owned(),
        listen.to_string(),
        task.scenario.interval.as_millis().to_string(),
        targets.display().to_string(),
        task.folder.join(FAILURES).display().to_string(),
    ]
}

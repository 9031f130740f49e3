//! What the installer does, said while it does it.

use stratheal_core::installer::InstallEvent;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

use crate::args::Common;
use crate::output;

/// Follows an installer.
#[derive(Debug)]
pub(super) struct Said(JoinHandle<()>);

impl Said {
    pub(super) fn follow(mut events: Receiver<InstallEvent>, common: &Common) -> Self {
        let (quiet, verbose) = (common.quiet, common.verbose > 0);
        Self(tokio::spawn(async move {
            loop {
                match events.recv().await {
                    Ok(event) => {
                        if let Some(text) = line(&event, verbose).filter(|_| !quiet) {
                            output::complain(&text);
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        }))
    }

    pub(super) fn finish(self) {
        self.0.abort();
    }
}

fn line(event: &InstallEvent, verbose: bool) -> Option<String> {
    Some(match event {
        InstallEvent::Waiting { holder: Some(holder) } if holder.process == 0 => {
            format!("waiting for {}, which changes this environment", holder.work)
        }
        InstallEvent::Waiting { holder: Some(holder) } => {
            format!("waiting for process {}, which changes this environment ({})", holder.process, holder.work)
        }
        InstallEvent::Waiting { holder: None } => {
            "waiting for another process, which changes this environment".to_owned()
        }
        InstallEvent::Recovered { how } => match how {
            stratheal_core::installer::Recovered::Finished => {
                "an interrupted change had happened: what it left was deleted".to_owned()
            }
            _ => "an interrupted change had not happened: what it left was deleted".to_owned(),
        },
        InstallEvent::Restarted { files, mended, unmended } => {
            let left = if *unmended == 0 {
                String::new()
            } else {
                format!(", {unmended} could not be: see `stratheal verify`")
            };
            format!(
                "the machine was restarted since this environment was changed: {files} files were looked at, {mended} put back{left}"
            )
        }
        // It takes long, and runs what the package brings.
        InstallEvent::Building { what } => format!("building {what}"),
        InstallEvent::Resolving { engine } if verbose => format!("{engine} chooses versions"),
        _ => return None,
    })
}

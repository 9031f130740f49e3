//! `stratheal service` and `stratheal logs`.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::Value;
use stratheal_core::control::{ControlError, Request, Response, ServiceAction};
use stratheal_core::model::{ServiceId, Status};
use stratheal_core::service::logs::{self, Follow};

use crate::args::{Common, LogsOptions, PlainFormat, ServiceCommand, ServiceOptions};
use crate::count::show_count;
use crate::failure::{Failure, code};
use crate::{output, place, runtime};

pub(crate) fn run(common: &Common, command: &ServiceCommand) -> Result<ExitCode, Failure> {
    let (action, options) = match command {
        ServiceCommand::Start(options) => (Some(ServiceAction::Start), options),
        ServiceCommand::Stop(options) => (Some(ServiceAction::Stop), options),
        ServiceCommand::Restart(options) => (Some(ServiceAction::Restart), options),
        ServiceCommand::Status(options) => (None, options),
    };
    let ids = options.services.iter().map(|name| id(name)).collect::<Result<Vec<_>, _>>()?;
    let request = action.map_or(Request::Services, |action| Request::Service { action, ids });
    let Response::Services(views) = runtime()?.block_on(place::ask(common, &request))? else {
        return Err(ControlError::Protocol.into());
    };
    let views = selected(views, options)?;
    output::print(&match options.format {
        PlainFormat::Json => format!("{:#}", Value::Array(views.clone())),
        PlainFormat::Human => views.iter().map(line).collect::<Vec<_>>().join("\n"),
    })?;
    Ok(if action.is_none() && !views.iter().all(is_as_wanted) { code(Status::Critical) } else { ExitCode::SUCCESS })
}

fn id(name: &str) -> Result<ServiceId, Failure> {
    ServiceId::new(name).map_err(|error| Failure::Usage(error.to_string()))
}

/// Whether a service runs, or is about to, or was stopped by a person.
fn is_as_wanted(view: &Value) -> bool {
    match view["state"].as_str() {
        Some("ready" | "stopping") => true,
        Some("starting") => view["timed_out"] != true,
        Some("stopped") => view["by"] == "person",
        _ => false,
    }
}

fn selected(views: Vec<Value>, options: &ServiceOptions) -> Result<Vec<Value>, Failure> {
    if options.services.is_empty() {
        return Ok(views);
    }
    let named = |name: &String| {
        let found = views.iter().find(|view| view["id"] == name.as_str()).cloned();
        found.ok_or_else(|| Failure::Usage(format!("there is no service `{name}`")))
    };
    options.services.iter().map(named).collect()
}

fn line(view: &Value) -> String {
    let text = |key: &str| view[key].as_str().unwrap_or_default().to_owned();
    let pid = view["pid"].as_u64().map_or_else(String::new, |pid| format!(", process {pid}"));
    let restarts = match view["restarts"].as_u64().unwrap_or(0) {
        0 => String::new(),
        some => format!(", {}", show_count(some, "restart")),
    };
    let since: String = view["since"]
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok())
        .map_or_else(String::new, |at| format!(", since {at:.0}"));
    let outdated = if view["outdated"] == true { ", as it was described before: restart it" } else { "" };
    format!("{:<20} {}{pid}{restarts}{since}{outdated}", text("id"), text("state"))
}

pub(crate) fn run_logs(common: &Common, options: &LogsOptions) -> Result<ExitCode, Failure> {
    let config = place::written_configuration(common)?;
    let folder = place::state(common, &config).join("services");
    let service = match (&options.service, config.services.as_slice()) {
        (Some(name), known) => {
            let wanted = id(name)?;
            if known.iter().all(|one| one.spec.id != wanted) {
                return Err(Failure::Usage(format!("there is no service `{name}`")));
            }
            wanted
        }
        (None, [one]) => one.spec.id.clone(),
        (None, []) => return Err(Failure::Usage("no services are configured".to_owned())),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|one| one.spec.id.as_str()).collect();
            return Err(Failure::Usage(format!("which service? There are {}", names.join(", "))));
        }
    };
    let read = |error| Failure::io("read the log", error);
    if !options.follow {
        let lines = logs::tail(&folder, &service, options.lines).map_err(read)?;
        let lines: Vec<String> = lines.iter().map(logs::Line::printable).collect();
        output::print(&lines.join("\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    runtime()?.block_on(async {
        let (lines, mut follow) = Follow::new(&folder, &service, options.lines).map_err(read)?;
        show(&lines)?;
        loop {
            tokio::select! {
                lines = follow.next() => show(&lines.map_err(read)?)?,
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted.map_err(|error| Failure::io("listen for Ctrl-C", error))?;
                    return Ok(ExitCode::SUCCESS);
                }
            }
        }
    })
}

fn show(lines: &[logs::Line]) -> Result<(), Failure> {
    let lines: Vec<String> = lines.iter().map(logs::Line::printable).collect();
    if lines.is_empty() { Ok(()) } else { output::print(&lines.join("\n")) }
}

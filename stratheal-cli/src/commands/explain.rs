//! `stratheal explain`.

use std::process::ExitCode;

use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::engine::explain::Explanation;
use stratheal_core::engine::once::explain_once;

use crate::args::{Common, ExplainOptions, PlainFormat};
use crate::failure::{Failure, code};
use crate::{output, place, runtime};

pub(crate) fn run(common: &Common, options: &ExplainOptions) -> Result<ExitCode, Failure> {
    let explanation = runtime()?.block_on(explain(common, &options.id))?;
    let text = match options.format {
        PlainFormat::Human => explanation.to_string(),
        PlainFormat::Json => serde_json::to_string_pretty(&explanation)
            .map_err(|error| Failure::io("write the explanation", error.into()))?,
    };
    output::print(&text)?;
    Ok(code(explanation.view.status))
}

async fn explain(common: &Common, id: &str) -> Result<Explanation, Failure> {
    match place::ask(common, &Request::Explain { id: id.to_owned() }).await {
        Ok(Response::Explanation(explanation)) => Ok(*explanation),
        Ok(_) => Err(ControlError::Protocol.into()),
        Err(Failure::NotRunning { .. }) => {
            output::complain("no monitor is running, so this is what a single run finds");
            let config = place::configuration(common)?;
            Ok(explain_once(config.checks, place::limits(), id).await?)
        }
        Err(failure) => Err(failure),
    }
}

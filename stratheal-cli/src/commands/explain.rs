//! `stratheal explain`.

use std::process::ExitCode;
use std::time::Duration;

use stratheal_core::control::{ControlError, Request, Response};
use stratheal_core::engine::Engine;
use stratheal_core::engine::explain::Explanation;

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
        Err(Failure::Control(ControlError::NotRunning)) => {
            output::complain("no monitor is running, so this is what a single run finds");
            once(common, id).await
        }
        Err(failure) => Err(failure),
    }
}

/// Runs the check, and those it depends on, once.
async fn once(common: &Common, id: &str) -> Result<Explanation, Failure> {
    let config = place::configuration(common)?;
    let engine = Engine::builder().register_all(config.checks).without_self_check().limits(place::limits()).build()?;
    let engine = engine.start()?;
    let known = engine.explain(id).await?;
    for (parent, _) in &known.parents {
        engine.run_now(parent.as_str()).await?;
    }
    engine.run_now(id).await?;
    let explanation = engine.explain(id).await?;
    engine.shutdown(Duration::ZERO).await;
    Ok(explanation)
}

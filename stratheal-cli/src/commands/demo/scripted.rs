//! One thing is broken after the other, and each has to end as it should.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::breakage::{Breakage, Expected};
use super::scene::Scene;
use super::story::{Story, play};
use crate::args::PlainFormat;
use crate::failure::Failure;
use crate::output;

/// Logs younger than this are not deleted; and a moment, because clocks of file systems are coarse.
pub(super) const OLD_ENOUGH: Duration = Duration::from_millis(60_500);

/// How one breakage ended.
enum Ended {
    Well(Story),
    Badly(String),
    Skipped(String),
}

/// Breaks everything, prints what became of it, and answers whether all of it went well.
pub(super) async fn run(scene: &mut Scene, format: PlainFormat) -> Result<bool, Failure> {
    let human = format == PlainFormat::Human;
    if human {
        output::print(&format!(
            "a web server in {}, looked after by `stratheal up`; 8 things are broken now",
            scene.project.folder.display()
        ))?;
    }
    let mut results = Vec::new();
    for breakage in Breakage::ALL {
        // What is broken already tells nothing about what breaks next.
        let ended = match scene.unwell().await {
            Some(why) => Ended::Badly(format!("not broken, because the demo is not well: {why}")),
            None => one(breakage, scene).await,
        };
        if human {
            output::print(&line(breakage, &ended))?;
        }
        results.push((breakage, ended));
    }
    let well = results.iter().all(|(_, ended)| !matches!(ended, Ended::Badly(_)));
    match format {
        PlainFormat::Json => {
            let results: Vec<_> = results.iter().map(|(breakage, ended)| as_json(*breakage, ended)).collect();
            output::print(&format!("{:#}", json!({ "well": well, "breakages": results })))?;
        }
        PlainFormat::Human => {
            let count = |wanted: fn(&Ended) -> bool| results.iter().filter(|(_, ended)| wanted(ended)).count();
            let (good, skipped) =
                (count(|ended| matches!(ended, Ended::Well(_))), count(|ended| matches!(ended, Ended::Skipped(_))));
            let bad = results.len() - good - skipped;
            output::print(&format!("{good} as they should, {bad} otherwise, {skipped} skipped"))?;
        }
    }
    Ok(well)
}

async fn one(breakage: Breakage, scene: &mut Scene) -> Ended {
    if breakage == Breakage::FullDisk {
        if let Some(why) = scene.lacks_disk() {
            return Ended::Skipped(format!("a small disk cannot be mounted here: {why}"));
        }
        if let Some(age) = scene.disk().age() {
            sleep(OLD_ENOUGH.saturating_sub(age)).await;
        }
    }
    match play(breakage, scene).await {
        Ok(story) => Ended::Well(story),
        Err(why) => Ended::Badly(why),
    }
}

fn line(breakage: Breakage, ended: &Ended) -> String {
    let title = breakage.title();
    match ended {
        Ended::Skipped(why) => format!("skipped  {title:<37} {why}"),
        Ended::Badly(why) => format!("FAILED   {title:<37} {why}"),
        Ended::Well(story) => {
            let (verb, by) = match breakage.expected() {
                Expected::Calm => ("over", "nobody, as it should be"),
                Expected::Remedy(_) => ("healed", story.by.as_deref().unwrap_or_default()),
            };
            format!(
                "ok       {title:<37} noticed after {:>6.3} s, {verb:<6} after {:>6.3} s by {by}\n{:46} {}",
                story.noticed.as_secs_f64(),
                story.healed.as_secs_f64(),
                "",
                story.proof
            )
        }
    }
}

fn as_json(breakage: Breakage, ended: &Ended) -> serde_json::Value {
    match ended {
        Ended::Well(story) => json!({
            "ended": "well",
            "breakage": story.breakage,
            "noticed_after": story.noticed.as_secs_f64(),
            "healed_after": story.healed.as_secs_f64(),
            "by": story.by,
            "attempts": story.attempts,
            "proof": story.proof,
        }),
        Ended::Badly(why) => json!({ "ended": "badly", "breakage": breakage.name(), "why": why }),
        Ended::Skipped(why) => json!({ "ended": "skipped", "breakage": breakage.name(), "why": why }),
    }
}

//! `stratheal snapshot good`.

use std::process::ExitCode;

use stratheal_core::snapshot::{Passed, Selector};

use super::failure::of;
use super::open::Opened;
use crate::args::{Common, GoodOptions, Packages};
use crate::commands::check;
use crate::commands::install::{interruptible, verified};
use crate::exit;
use crate::failure::Failure;
use crate::output;

pub(super) async fn good(common: &Common, packages: &Packages, options: &GoodOptions) -> Result<ExitCode, Failure> {
    let Opened { workspace, snapshots, root } = Opened::new(common, packages, None)?;
    let snapshot = match &options.snapshot {
        Some(word) => snapshots.find(&Opened::selector(word), Some(&root)).map_err(of)?,
        None if options.not => snapshots.find(&Selector::LastGood, Some(&root)).map_err(of)?,
        None => {
            let found = interruptible(async { snapshots.newest_as_now(&root).await.map_err(of) }).await?;
            let text = "is as in none of its snapshots: `stratheal snapshot create` first";
            found.ok_or_else(|| Failure::Usage(format!("{} {text}", root.display())))?
        }
    };
    let number = Selector::Number(snapshot.number);
    if options.not {
        snapshots.set_doubtful(&number).map_err(of)?;
        output::print(&format!("snapshot {} is not known to be good any more", snapshot.number))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(part) = &snapshot.part {
        return Err(Failure::Usage(format!("snapshot {} is of {part} only: a whole one can be good", snapshot.number)));
    }
    let difference = interruptible(async { snapshots.diff_now(&snapshot, &snapshot.root).await.map_err(of) }).await?;
    if !difference.projects.is_empty() || !difference.files.is_empty() {
        let text = format!(
            "{} is not as in snapshot {} any more, so that looking at it says nothing about that: `stratheal snapshot create` first",
            snapshot.root.display(),
            snapshot.number
        );
        return Err(Failure::Usage(text));
    }
    let mut passed = Vec::new();
    let whole = interruptible(verified(&workspace, &snapshot.root)).await?;
    if !whole.is_whole() {
        output::complain("the environment is not whole: `stratheal verify` says in what");
        return Ok(ExitCode::from(exit::DAMAGED));
    }
    passed.push(Passed { id: "verify".to_owned(), summary: format!("{} files are as installed", whole.files) });
    if workspace.config.is_some() && !options.no_checks {
        for (id, status, summary) in check::once(common).await? {
            if status != stratheal_core::model::Status::Healthy {
                output::complain(&format!("{id} is {status}: {summary}"));
                return Ok(ExitCode::from(exit::DAMAGED));
            }
            passed.push(Passed { id, summary });
        }
    }
    let told = passed.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(", ");
    snapshots.set_good(&number, passed).map_err(of)?;
    output::print(&format!("snapshot {} is good: {told}", snapshot.number))?;
    Ok(ExitCode::SUCCESS)
}

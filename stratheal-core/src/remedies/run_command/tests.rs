//! Real programs.

use std::sync::Arc;

use super::*;
use crate::testing::remedy_context;

fn cx() -> RemedyContext {
    remedy_context(Duration::from_secs(30))
}

fn shell(script: &str) -> Vec<OsString> {
    ["sh", "-c", script].map(OsString::from).to_vec()
}

fn remedy(command: CommandToRun) -> RunCommand {
    RunCommand::new(RemedyId::new("rotate").unwrap(), command).unwrap()
}

#[tokio::test]
async fn it_is_run_probed_and_undone() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = CommandToRun::new(shell("echo made by $WHO; touch done"));
    command.probe = Some(shell("test -e done"));
    command.undo = Some(shell("rm done"));
    command.folder = Some(folder.path().to_owned());
    command.variables.insert("WHO".to_owned(), "me".into());
    let remedy = remedy(command);
    let plan = remedy.plan(&cx()).await.unwrap();
    assert!(!folder.path().join("done").exists() && !plan.is_empty());
    let step = &plan.steps[0];
    assert!(step.undoable && step.summary.starts_with("run sh -c echo"), "{step:?}");
    let cx = cx().with_plan(Arc::new(plan.clone()));
    assert_eq!(remedy.probe(&cx, step).await.unwrap(), StepState::NotDone);
    let receipt = remedy.step(&cx, step).await.unwrap();
    assert_eq!(receipt.data.unwrap()["output"], "made by me");
    assert_eq!(remedy.probe(&cx, step).await.unwrap(), StepState::Done);
    remedy.undo(&cx, step).await.unwrap();
    assert_eq!(remedy.probe(&cx, step).await.unwrap(), StepState::NotDone);
    assert!(remedy.undo(&cx, step).await.is_err());
}

#[tokio::test]
async fn trouble_is_told_with_its_last_lines() {
    for (script, said) in [
        ("echo 'cannot reach http://me:pw@db/?token=abc' >&2; exit 4", "exited with 4"),
        ("yes noise | head -c 1000000 >&2; echo 'at the end' >&2; exit 1", "at the end"),
        ("kill -9 $$", "signal 9"),
    ] {
        let remedy = remedy(CommandToRun::new(shell(script)));
        let step = &remedy.plan(&cx()).await.unwrap().steps[0];
        let error = remedy.step(&cx(), step).await.unwrap_err();
        let text = chain(&error);
        assert!(text.contains(said), "{text}");
        assert!(!text.contains("pw") && !text.contains("abc") && text.len() < 1300, "{text}");
    }
    let absent = remedy(CommandToRun::new(["/no/such/program"]));
    let step = &absent.plan(&cx()).await.unwrap().steps[0];
    assert!(chain(&absent.step(&cx(), step).await.unwrap_err()).contains("there is no program"));
    assert_eq!(absent.probe(&cx(), step).await.unwrap(), StepState::Unknown);
    assert!(matches!(absent.undo(&cx(), step).await, Err(RemedyError::CannotUndo { .. })));
    let alien = Step::new("other", "");
    assert!(matches!(absent.step(&cx(), &alien).await, Err(RemedyError::Outdated { .. })));
}

#[tokio::test]
async fn a_command_that_hangs_is_killed_with_what_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = CommandToRun::new(shell("(sleep 1; touch escaped) & sleep 60"));
    command.folder = Some(folder.path().to_owned());
    command.timeout = Duration::from_millis(200);
    let remedy = remedy(command);
    let step = &remedy.plan(&cx()).await.unwrap().steps[0];
    let begun = Instant::now();
    let error = chain(&remedy.step(&cx(), step).await.unwrap_err());
    assert!(error.contains("was killed after") && begun.elapsed() < Duration::from_secs(10), "{error}");
    tokio::time::sleep(Duration::from_millis(1300)).await;
    assert!(!folder.path().join("escaped").exists());
}

#[test]
fn what_names_no_program_is_refused() {
    let refused = |command| RunCommand::new(RemedyId::new("x").unwrap(), command).is_err();
    assert!(refused(CommandToRun::new([] as [&str; 0])));
    assert!(refused(CommandToRun::new([""])));
    assert!(refused(CommandToRun { undo: Some(Vec::new()), ..CommandToRun::new(["true"]) }));
    assert!(refused(CommandToRun { timeout: Duration::ZERO, ..CommandToRun::new(["true"]) }));
}

//! Real children: floods, forks, escapes, signals, and none of them left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::mark::marks;
use super::*;
use crate::sys::SysRoot;
use crate::sys::process::{pids, read_stat};

fn shell(script: &str) -> Command {
    Command::new("sh", ["-c", script])
}

fn soon(time: Duration) -> Instant {
    Instant::now() + time
}

async fn run(command: &Command, time: Duration) -> Finished {
    command.spawn().unwrap().finish(soon(time)).await.unwrap()
}

/// The processes that carry a tag of a test in their environment.
fn tagged(tag: &str) -> Vec<u32> {
    let root = SysRoot::default();
    let carries = |pid: &u32| {
        let environment = root.read_bytes(format!("proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == format!("TAG={tag}").as_bytes())
    };
    pids(&root).unwrap().into_iter().filter(carries).collect()
}

fn with_tag(script: &str, tag: &str) -> Command {
    let mut command = shell(script);
    command.environment.insert("TAG".to_owned(), tag.into());
    command
}

/// Waits until something is true; fails the test when it does not become so.
async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within five seconds: {what}");
}

/// This process' children that ended and were not asked how.
fn is_zombie(pid: u32) -> bool {
    read_stat(&SysRoot::default(), pid).is_ok_and(|stat| stat.state.has_ended())
}

#[tokio::test]
async fn exits_are_told_apart() {
    for (script, ending) in [
        ("exit 0", Ending::Exited(0)),
        ("exit 77", Ending::Exited(77)),
        ("kill -9 $$", Ending::Signalled(9)),
        ("kill -TERM $$", Ending::Signalled(15)),
    ] {
        assert_eq!(run(&shell(script), Duration::from_secs(10)).await.ending, ending, "{script}");
    }
}

#[tokio::test]
async fn both_outputs_are_kept_apart() {
    let finished = run(&shell("echo out; echo err >&2; cat"), Duration::from_secs(10)).await;
    assert_eq!((finished.stdout.text().as_str(), finished.stderr.text().as_str()), ("out\n", "err\n"));
    assert_eq!(finished.ending, Ending::Exited(0), "cat reads an empty input");
}

#[tokio::test]
async fn input_is_read_or_not() {
    // More than a pipe holds, so that writing waits for reading.
    let mut command = shell("wc -c");
    command.input = vec![b'x'; 300_000];
    let finished = run(&command, Duration::from_secs(10)).await;
    assert_eq!((finished.ending, finished.stdout.text().trim()), (Ending::Exited(0), "300000"));
    for script in ["exit 3", "exec <&-; sleep 0.1; exit 3", "head -c 5 >/dev/null; exit 3"] {
        let command = Command { input: command.input.clone(), ..shell(script) };
        assert_eq!(run(&command, Duration::from_secs(10)).await.ending, Ending::Exited(3), "{script}");
    }
    let never_reads = Command { input: command.input, ..shell("sleep 60") };
    let finished = run(&never_reads, Duration::from_millis(300)).await;
    assert_eq!(finished.ending, Ending::TimedOut { survivors: Vec::new() });
}

#[tokio::test]
async fn another_user_needs_root() {
    let mut command = shell("id -u; id -g; id -G");
    command.run_as = Some(RunAs { user: 65_534, group: 65_533 });
    if rustix::process::geteuid().is_root() {
        assert_eq!(run(&command, Duration::from_secs(10)).await.stdout.text(), "65534\n65533\n65533\n");
    } else {
        assert!(command.spawn().is_err());
    }
}

#[tokio::test]
async fn the_environment_is_what_was_allowed() {
    let mut command = Command::new("env", [] as [&str; 0]);
    command.inherit = vec!["PATH".to_owned()];
    command.environment.insert("GIVEN".to_owned(), "1".into());
    let finished = run(&command, Duration::from_secs(10)).await;
    let mut names: Vec<String> =
        finished.stdout.text().lines().map(|line| line.split('=').next().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["GIVEN", "PATH", MARK_VARIABLE]);
}

#[tokio::test]
async fn it_starts_where_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("pwd", ["-P"]);
    command.folder = Some(folder.path().to_owned());
    let finished = run(&command, Duration::from_secs(10)).await;
    assert_eq!(Path::new(finished.stdout.text().trim()), folder.path().canonicalize().unwrap());
    command.folder = Some(folder.path().join("none"));
    assert!(matches!(command.spawn(), Err(CommandError::Folder { .. })));
}

#[tokio::test]
async fn what_cannot_run_says_why() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plugin");
    std::fs::write(&file, "echo hello").unwrap();
    let spawn = |program: PathBuf| Command::new(program, [] as [&str; 0]).spawn().map(|_| ()).unwrap_err();
    assert!(matches!(spawn(file.clone()), CommandError::NotExecutable { .. }));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let no_interpreter = spawn(file);
    assert!(matches!(no_interpreter, CommandError::NotExecutable { .. }), "{no_interpreter:?}");
    let missing = spawn("no-such-program-anywhere".into());
    assert_eq!(missing.to_string(), "there is no program `no-such-program-anywhere` in PATH");
    assert!(matches!(spawn("./none".into()), CommandError::NotFound { searched: false, .. }));
}

#[tokio::test]
async fn a_flood_neither_fills_memory_nor_blocks_the_child() {
    let mut command = shell("yes | head -c 20000000; echo done >&2; exit 3");
    command.output_limit = 100;
    let finished = run(&command, Duration::from_secs(30)).await;
    assert_eq!(finished.ending, Ending::Exited(3));
    assert_eq!((finished.stdout.bytes().len(), finished.stdout.total()), (100, 20_000_000));
    assert_eq!(finished.stderr.text(), "done\n");
}

#[tokio::test]
async fn an_endless_flood_ends_with_its_time() {
    let finished = run(&Command::new("yes", [] as [&str; 0]), Duration::from_millis(300)).await;
    assert_eq!(finished.ending, Ending::TimedOut { survivors: vec![] });
    assert_eq!(finished.stdout.bytes().len(), Command::OUTPUT_LIMIT);
    assert!(finished.duration < Duration::from_secs(5), "{:?}", finished.duration);
}

#[tokio::test]
async fn a_time_out_kills_the_tree_and_keeps_what_was_printed() {
    let tag = "tree";
    let command = with_tag("echo begun; sleep 1000 & (sleep 1001 & sleep 1002) & sleep 1003", tag);
    let finished = run(&command, Duration::from_millis(300)).await;
    assert_eq!(finished.ending, Ending::TimedOut { survivors: vec![] });
    assert_eq!(finished.stdout.text(), "begun\n");
    assert!(finished.others_killed >= 3, "{finished:?}");
    assert_eq!(tagged(tag), [] as [u32; 0]);
}

#[tokio::test]
async fn ignoring_sigterm_does_not_help() {
    let tag = "stubborn";
    let mut command = with_tag("trap '' TERM; echo ready; while :; do sleep 0.05; done", tag);
    command.grace = Duration::from_millis(200);
    let finished = run(&command, Duration::from_millis(300)).await;
    assert_eq!(finished.ending, Ending::TimedOut { survivors: vec![] });
    assert_eq!(tagged(tag), [] as [u32; 0]);
}

#[tokio::test]
async fn a_grace_lets_it_clean_up() {
    let mut command = shell("trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.02; done");
    command.grace = Duration::from_secs(5);
    let finished = run(&command, Duration::from_millis(300)).await;
    assert_eq!(finished.stdout.text(), "ready\ncleaned\n");
    assert!(finished.duration < Duration::from_secs(4), "{:?}", finished.duration);
}

#[tokio::test]
async fn a_session_of_its_own_and_a_second_fork_are_no_escape() {
    let tag = "escape";
    // The first `setsid` leaves the group but stays below; the second is orphaned at once and found by its mark only.
    let script = "setsid sleep 1000 & (setsid sh -c 'sleep 1001 & sleep 1002' >/dev/null 2>&1 &) ; sleep 1003";
    let running = with_tag(script, tag).spawn().unwrap();
    eventually("all five run", || tagged(tag).len() >= 5).await;
    let finished = running.finish(soon(Duration::from_millis(50))).await.unwrap();
    assert_eq!(finished.ending, Ending::TimedOut { survivors: vec![] });
    assert_eq!(tagged(tag), [] as [u32; 0]);
}

#[tokio::test]
async fn a_child_that_empties_its_environment_is_found_by_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let script = format!("setsid env -i sh -c 'echo $$ > {0}; exec sleep 1000' & sleep 1000", pid_file.display());
    let running = shell(&script).spawn().unwrap();
    let pid = || std::fs::read_to_string(&pid_file).ok()?.trim().parse::<u32>().ok();
    eventually("it runs", || pid().is_some()).await;
    let finished = running.finish(soon(Duration::from_millis(50))).await.unwrap();
    assert_eq!(finished.ending, Ending::TimedOut { survivors: vec![] });
    let pid = pid().unwrap();
    eventually("it is gone", || read_stat(&SysRoot::default(), pid).is_err() || is_zombie(pid)).await;
}

#[tokio::test]
async fn dropping_the_future_kills_and_reaps() {
    let tag = "dropped";
    let running = with_tag("(setsid sleep 1000 >/dev/null 2>&1 &); sleep 1001 & sleep 1002", tag).spawn().unwrap();
    let leader = running.id().unwrap();
    eventually("all run", || tagged(tag).len() >= 4).await;
    let ended = tokio::time::timeout(Duration::from_millis(50), running.finish(soon(Duration::from_secs(100)))).await;
    assert!(ended.is_err());
    eventually("nothing is left", || tagged(tag).is_empty()).await;
    eventually("no zombie", || read_stat(&SysRoot::default(), leader).is_err()).await;
    eventually("the reaper rests", || settle(Duration::ZERO)).await;
}

#[tokio::test]
async fn dropping_what_was_never_waited_for_kills_and_reaps() {
    let running = shell("sleep 1000").spawn().unwrap();
    let leader = running.id().unwrap();
    drop(running);
    eventually("it is reaped", || read_stat(&SysRoot::default(), leader).is_err()).await;
}

#[tokio::test]
async fn a_grandchild_that_holds_the_pipe_is_not_waited_for() {
    let tag = "holder";
    for script in ["sleep 1000 & echo done", "setsid sleep 1000 & sleep 0.1; echo done"] {
        let finished = run(&with_tag(script, tag), Duration::from_secs(20)).await;
        assert_eq!((finished.ending, finished.stdout.text().as_str()), (Ending::Exited(0), "done\n"), "{script}");
        assert!(finished.duration < Duration::from_secs(2), "{script}: {:?}", finished.duration);
        eventually("the holder is killed", || tagged(tag).is_empty()).await;
    }
}

#[tokio::test]
async fn what_detached_itself_properly_may_stay() {
    let tag = "daemon";
    let script = "setsid sleep 1000 >/dev/null 2>&1 & sleep 0.1";
    let finished = run(&with_tag(script, tag), Duration::from_secs(20)).await;
    assert_eq!((finished.ending, finished.others_killed), (Ending::Exited(0), 0));
    let left = tagged(tag);
    assert_eq!(left.len(), 1);
    let pid = i32::try_from(left[0]).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    eventually("it is gone", || tagged(tag).is_empty()).await;
}

#[tokio::test]
async fn many_at_once_leave_nothing() {
    let tag = "many";
    let runs =
        (0..20).map(|_| async { run(&with_tag("sleep 1000 & sleep 1001", tag), Duration::from_millis(400)).await });
    for finished in futures::future::join_all(runs).await {
        assert_eq!(finished.ending, Ending::TimedOut { survivors: vec![] });
    }
    assert_eq!(tagged(tag), [] as [u32; 0]);
}

#[tokio::test]
async fn children_carry_the_mark() {
    let finished = run(&shell("cat /proc/self/environ"), Duration::from_secs(10)).await;
    let own = format!("{}-", std::process::id());
    let last = marks(finished.stdout.bytes()).last().unwrap();
    assert!(last.starts_with(own.as_bytes()), "{}", finished.stdout.text());
}

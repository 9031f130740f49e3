//! Units of systemd, by `systemctl`. Sources: systemctl(1), org.freedesktop.systemd1(5).

use tokio::time::Instant;

use super::kind::{Seen, complaint, run};
use crate::service::ending::How;
use crate::service::spec::UnitManager;
use crate::sys::command::{Command, Ending};

/// What is asked for.
const PROPERTIES: &str = "ActiveState,SubState,MainPID,Result,ExecMainCode,ExecMainStatus,NRestarts";

fn systemctl(manager: UnitManager, words: &[&str]) -> Command {
    let user = (manager == UnitManager::User).then_some("--user");
    let mut command =
        Command::new("systemctl", user.iter().chain(["--no-pager", "--no-ask-password"].iter()).chain(words));
    // Where the manager of the user is found.
    command.inherit.extend(["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "SYSTEMD_BUS_TIMEOUT"].map(str::to_owned));
    command
}

/// Starts or stops a unit; waits until that is done.
pub(super) async fn change(manager: UnitManager, verb: &str, name: &str, deadline: Instant) -> Result<(), String> {
    let finished = run(systemctl(manager, &[verb, "--", name]), deadline).await?;
    if finished.ending == Ending::Exited(0) {
        return Ok(());
    }
    let complaint = complaint(&finished, str::to_owned);
    let denied = ["authentication", "Access denied", "not permitted"].iter().any(|word| complaint.contains(word));
    let hint = match (manager, denied) {
        (UnitManager::System, true) => "; this needs root, or a polkit rule that allows it",
        _ => "",
    };
    Err(format!("systemctl cannot {verb} `{name}`: {complaint}{hint}"))
}

/// How a unit is.
pub(super) async fn show(manager: UnitManager, name: &str, deadline: Instant) -> Result<Seen, String> {
    let finished = run(systemctl(manager, &["show", "-p", PROPERTIES, "--", name]), deadline).await?;
    if finished.ending != Ending::Exited(0) {
        return Err(format!("systemctl cannot show `{name}`: {}", complaint(&finished, str::to_owned)));
    }
    parse(&finished.stdout.text()).map_err(|problem| format!("the unit `{name}` {problem}"))
}

/// Reads `systemctl show`.
fn parse(text: &str) -> Result<Seen, String> {
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.split_once('=').filter(|(known, _)| *known == name).map(|(_, value)| value.trim()))
    };
    // Whether it is loaded is left out: one that was masked, or whose file is gone, runs on.
    let active = value("ActiveState").ok_or("has no state")?;
    let number = |name: &str| value(name).and_then(|text| text.parse::<i32>().ok());
    // CLD_EXITED; CLD_KILLED and CLD_DUMPED. Where the code is not told, the result says as much.
    let ending = match (number("ExecMainCode"), number("ExecMainStatus"), value("Result")) {
        (Some(1), Some(status), _) | (None | Some(0), Some(status), Some("exit-code")) => Some(How::Exited(status)),
        (Some(2 | 3), Some(signal), _) | (None | Some(0), Some(signal), Some("signal" | "core-dump" | "oom-kill")) => {
            Some(How::Signalled(signal))
        }
        _ => None,
    };
    let alive = match active {
        "active" | "activating" | "reloading" | "refreshing" | "deactivating" => true,
        "inactive" | "failed" | "maintenance" => false,
        // Not known is not ended.
        other => return Err(format!("has a state that is not known: `{other}`")),
    };
    Ok(Seen {
        alive,
        changing: matches!(active, "activating" | "deactivating"),
        pid: number("MainPID").and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0),
        ending: ending.filter(|_| active == "failed" || active == "inactive"),
        out_of_memory: value("Result") == Some("oom-kill"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recorded_answers_are_read() {
        let shown =
            |active: &str, rest: &str| parse(&format!("LoadState=loaded\nActiveState={active}\n{rest}")).unwrap();
        let active = shown("active", "SubState=running\nMainPID=812\nResult=success\nExecMainStatus=0\nNRestarts=0\n");
        assert_eq!(active, Seen { alive: true, pid: Some(812), ..Seen::default() });
        assert!(shown("activating", "SubState=start-pre\nMainPID=0").changing);
        let failed = shown("failed", "Result=exit-code\nExecMainCode=1\nExecMainStatus=3");
        assert_eq!((failed.alive, failed.ending), (false, Some(How::Exited(3))));
        let killed = shown("failed", "Result=oom-kill\nExecMainCode=2\nExecMainStatus=9");
        assert_eq!((killed.ending, killed.out_of_memory), (Some(How::Signalled(9)), true));
        assert_eq!(shown("inactive", "Result=success\nMainPID=0").ending, None);
        assert!(parse("LoadState=not-found\nActiveState=active\n").unwrap().alive, "its file is gone, and it runs on");
        assert!(!parse("LoadState=not-found\nActiveState=inactive\n").unwrap().alive);
        assert!(parse("").is_err());
        assert_eq!(parse("ActiveState=\n").unwrap_err(), "has a state that is not known: ``");
    }

    proptest! {
        #[test]
        fn never_panics(text in "((LoadState|ActiveState|MainPID|ExecMainCode|ExecMainStatus|Result)?=?(active|failed|[0-9-]{1,12}|[a-z]{0,5})\n?){0,8}") {
            let _ = parse(&text);
        }
    }
}

//! A commit of a git repository, as a folder.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::BuildFailure;
use crate::base::redact::safe_url;
use crate::gateway::Environment as Variables;
use crate::installer::resolve::variables;
use crate::sys::command::{Command, Ending};

/// The largest repositories take that long on slow lines; more is a hang.
const LONGEST: Duration = Duration::from_hours(2);

/// So much of what git says is kept, in bytes.
const OUTPUT: usize = 16 << 10;

/// How a repository may be had: `ext::` and the like would run any command that a URL names.
const PROTOCOLS: &str = "file:git:http:https:ssh";

/// Checks out a commit into `folder`, which must not be there yet, with its submodules.
///
/// The whole history is had, without the content of files: projects make their versions of tags.
///
/// # Cancellation
/// Dropping the future kills git.
pub(super) async fn checkout(
    url: &str,
    commit: &str,
    folder: &Path,
    environment: &Variables,
) -> Result<(), BuildFailure> {
    let git = Git { url, commit, environment };
    let failed = |reason: String| git.failure(reason);
    // It is asked for by its name, and must be one.
    if commit.len() < 7 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(failed("that is no commit".to_owned()));
    }
    let path = folder.as_os_str();
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let mut clone = words(&["clone", "--quiet", "--no-checkout", "--filter=blob:none", "--template=", "--", url]);
    clone.push(path.into());
    git.run(None, clone).await?;
    let has = words(&["cat-file", "-e", &format!("{commit}^{{commit}}")]);
    if git.run(Some(folder), has).await.is_err() {
        // It is on no branch, such as that of a pull request.
        git.run(Some(folder), words(&["fetch", "--quiet", "--", url, commit])).await?;
    }
    git.run(Some(folder), words(&["checkout", "--quiet", "--detach", commit])).await?;
    if folder.join(".gitmodules").exists() {
        git.run(Some(folder), words(&["submodule", "update", "--quiet", "--init", "--recursive"])).await?;
    }
    Ok(())
}

struct Git<'a> {
    url: &'a str,
    commit: &'a str,
    environment: &'a Variables,
}

impl Git<'_> {
    async fn run(&self, folder: Option<&Path>, arguments: Vec<OsString>) -> Result<(), BuildFailure> {
        let mut command = Command::new("git", arguments);
        // All of it: credentials, proxies, keys.
        command.inherit = Vec::new();
        command.environment = variables(self.environment);
        // Nobody is there to answer, and a question on the terminal would wait for ever. A user's own choice stands.
        let own = [
            ("GIT_ALLOW_PROTOCOL", PROTOCOLS),
            ("GIT_ASKPASS", "true"),
            ("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
            ("GIT_TERMINAL_PROMPT", "0"),
        ];
        for (name, value) in own {
            command.environment.entry(name.to_owned()).or_insert_with(|| value.into());
        }
        command.folder = folder.map(Path::to_owned);
        command.output_limit = OUTPUT;
        let finished = match command.spawn() {
            Ok(running) => running.finish(Instant::now() + LONGEST).await,
            Err(error) => Err(error),
        };
        let finished = finished.map_err(|error| self.failure(crate::base::class::chain(&error)))?;
        match finished.ending {
            Ending::Exited(0) => Ok(()),
            Ending::Exited(_) => {
                let said = finished.stderr.text();
                Err(self.failure(said.replace(self.url, &safe_url(self.url)).trim().to_owned()))
            }
            Ending::Signalled(signal) => Err(self.failure(format!("git was killed by signal {signal}"))),
            Ending::TimedOut { .. } => {
                Err(self.failure(format!("git did not end within {} h", LONGEST.as_secs() / 3600)))
            }
        }
    }

    fn failure(&self, reason: String) -> BuildFailure {
        BuildFailure::Checkout { url: safe_url(self.url), commit: self.commit.to_owned(), reason }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command as Process;

    use super::*;

    fn git(folder: &Path, arguments: &[&str]) -> String {
        let mut git = Process::new("git");
        git.arg("-C").arg(folder).args(["-c", "user.name=a", "-c", "user.email=a@b"]);
        let out = git.args(arguments).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    #[tokio::test]
    async fn a_commit_that_no_branch_has_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("r");
        std::fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "-q"]);
        let commit = |text: &str| {
            std::fs::write(repository.join("a"), text).unwrap();
            git(&repository, &["add", "-A"]);
            git(&repository, &["commit", "-q", "-m", text]);
            git(&repository, &["rev-parse", "HEAD"])
        };
        let first = commit("one");
        let lost = commit("two");
        git(&repository, &["reset", "-q", "--hard", &first]);
        git(&repository, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        let url = format!("file://{}", repository.display());
        let environment: Variables = std::env::vars_os().collect();
        for (number, (commit, text)) in [(&first, "one"), (&lost, "two")].into_iter().enumerate() {
            let into = folder.path().join(number.to_string());
            checkout(&url, commit, &into, &environment).await.unwrap();
            assert_eq!(std::fs::read_to_string(into.join("a")).unwrap(), text);
        }
        for (number, (url, commit, reason)) in [
            (url.as_str(), "--upload-pack=x", "no commit"),
            (url.as_str(), &"0".repeat(40), "not our ref"),
            ("ext::sh -c touch% /tmp/x", &first, "not allowed"),
        ]
        .into_iter()
        .enumerate()
        {
            let into = folder.path().join(format!("never-{number}"));
            let error = checkout(url, commit, &into, &environment).await.unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}

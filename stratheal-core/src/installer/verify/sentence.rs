//! Findings in words: what is wrong, and what to do.

use std::path::Path;

use super::{Finding, Problem, Remedy, Right, Severity};

/// What helps where the interpreter is not what it was.
const REBUILD: &str = "`stratheal install --rebuild`";

impl Problem {
    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Missing
            | Self::Changed
            | Self::NotAFile { .. }
            | Self::LeadsOut
            | Self::Unreadable { .. }
            | Self::Mode { .. }
            | Self::Metadata { .. }
            | Self::MetadataGone
            | Self::Record { .. }
            | Self::InterpreterGone { .. }
            | Self::LinkGone { .. }
            | Self::InterpreterFails { .. }
            | Self::InterpreterChanged { .. }
            | Self::ConfigurationGone
            | Self::Configuration { .. }
            | Self::Moved { .. }
            | Self::SourceGone { .. }
            | Self::Import { .. } => Severity::Damage,
            Self::Duplicate { .. } | Self::Unmet { .. } | Self::RequiresPython { .. } | Self::WrongPlatform { .. } => {
                Severity::Conflict
            }
            Self::Leftover
            | Self::Overlap { is_same: false }
            | Self::Outside { wrong: Some(_) }
            | Self::PathGone { .. } => Severity::Warning,
            Self::Egg
            | Self::Uninstalled { .. }
            | Self::Overlap { is_same: true }
            | Self::Alien { .. }
            | Self::Outside { wrong: None } => Severity::Note,
        }
    }
}

impl Finding {
    /// The finding in words.
    pub(super) fn sentence(&self) -> String {
        let path = self.path.as_deref().unwrap_or(Path::new("")).display();
        let project = self.project.as_ref().map_or("nobody", |name| name.as_str());
        let owners = if self.others.is_empty() {
            String::new()
        } else {
            let others: Vec<_> = self.others.iter().map(crate::index::ProjectName::as_str).collect();
            format!(" (of {project} and {})", others.join(" and "))
        };
        let repair = match self.remedy {
            Some(Remedy::Repair) => "`stratheal repair` puts it right".to_owned(),
            Some(Remedy::Rebuild) => format!("{REBUILD} makes the environment anew"),
            Some(Remedy::Reinstall) => format!("`stratheal install --reinstall {project}` puts it right"),
            _ => "move it away, and install its project again".to_owned(),
        };
        match &self.problem {
            Problem::Missing => format!("{path}{owners} is missing: {repair}"),
            Problem::Changed => format!("{path}{owners} was changed: {repair}"),
            Problem::NotAFile { found } if *found == Problem::FOLDER => {
                format!("{path}{owners} is {found} and should be a file: move it away, then repair")
            }
            Problem::NotAFile { found } => format!("{path}{owners} is {found} and should be a file: {repair}"),
            Problem::LeadsOut => format!(
                "a folder on the way to {path}{owners} is a link that leads out of the environment: put a folder in its place, then repair"
            ),
            Problem::Unreadable { reason } => {
                format!("{path}{owners} cannot be read ({reason}): look at its permissions and at the disk")
            }
            Problem::Mode { lacks } => {
                let what = match lacks {
                    Right::Read => "may not be read, not even by its owner",
                    Right::Execute => "is a program, and cannot be executed",
                };
                let repair = self.remedy.map_or("its owner has to set its mode".to_owned(), |_| repair);
                format!("{path}{owners} {what}: {repair}")
            }
            Problem::Metadata { reason } => format!("the METADATA in {path} cannot be used ({reason}): {repair}"),
            Problem::MetadataGone => format!("{project} was installed, and {path} is gone: {repair}"),
            Problem::Uninstalled { version } => {
                format!("{project} {version} was installed by stratheal, and something else has uninstalled it")
            }
            Problem::Record { reason } => {
                format!("the RECORD in {path} cannot be used ({reason}), so that nobody knows its files: {repair}")
            }
            Problem::Duplicate { versions } => format!(
                "{project} is there {} times ({}): `stratheal install --reinstall {project}` leaves one",
                versions.len(),
                versions.join(", ")
            ),
            Problem::Egg => format!("{path} has no list of files, and cannot be verified: install a wheel of it"),
            Problem::Leftover => format!("{path} was left by an interrupted pip: `stratheal repair` removes it"),
            Problem::Unmet { requirement, installed: None } => {
                format!("{project} requires {requirement}, which is not installed: install it")
            }
            Problem::Unmet { requirement, installed: Some(version) } => {
                format!("{project} requires {requirement}, and {version} is installed: install one that fits")
            }
            Problem::RequiresPython { wanted, python } => {
                format!("{project} is for Python {wanted}, and this is {python}: install a version that fits")
            }
            Problem::WrongPlatform { tags, .. } => format!(
                "{project} was installed from a wheel for {}, which this interpreter does not take: `stratheal install --reinstall {project}`",
                tags.join(", ")
            ),
            Problem::Overlap { is_same: true } => format!("{path} belongs to more than one project{owners}"),
            Problem::Overlap { is_same: false } => {
                format!(
                    "{path} belongs to more than one project, with different content{owners}: one of them may not work"
                )
            }
            Problem::Alien { files: 1, .. } => format!("{path} belongs to no project"),
            Problem::Alien { files, example } => {
                format!("{files} files in {path} belong to no project, among them {}", example.display())
            }
            Problem::Outside { wrong: None } => {
                format!("the RECORD of {project} names {path}, outside the environment")
            }
            Problem::Outside { wrong: Some(wrong) } => format!(
                "the RECORD of {project} names {path}, outside the environment, which {wrong}: it is left alone, look at it yourself"
            ),
            Problem::InterpreterGone { .. }
            | Problem::LinkGone { .. }
            | Problem::InterpreterFails { .. }
            | Problem::InterpreterChanged { .. }
            | Problem::ConfigurationGone
            | Problem::Configuration { .. }
            | Problem::Moved { .. } => self.of_environment(&repair),
            Problem::SourceGone { target } => {
                format!(
                    "the sources of {project} are gone from {target}: bring them back, install it again from where they are now, or \
                     `stratheal uninstall {project}`"
                )
            }
            Problem::PathGone { target } => format!("{path} adds {target}, which is not there"),
            Problem::Import { reason } => format!("{project} cannot be imported: {reason}"),
        }
    }

    /// That about the environment itself, and no project in it.
    fn of_environment(&self, repair: &str) -> String {
        let path = self.path.as_deref().unwrap_or(Path::new("")).display();
        match &self.problem {
            Problem::InterpreterGone { target } => {
                let target = target.as_ref().map(|target| format!(", a link to {},", target.display()));
                let target = target.unwrap_or_default();
                format!(
                    "the interpreter {path}{target} is gone: bring it back, or make the environment anew with {REBUILD}"
                )
            }
            Problem::LinkGone { target } => {
                format!("{path} is a link to {}, which is gone, and scripts may name it: {repair}", target.display())
            }
            Problem::InterpreterFails { reason } => {
                format!(
                    "the interpreter {path} does not work ({reason}): mend it, or make the environment anew with {REBUILD}"
                )
            }
            Problem::InterpreterChanged { made_for, python } => format!(
                "the environment was made for Python {made_for}, and {path} is {python} now, which does not see its packages: bring the old one back, or make the environment anew with {REBUILD}"
            ),
            Problem::ConfigurationGone => {
                format!("{path} is missing, without which Python takes this for no environment: {repair}")
            }
            Problem::Configuration { key, value: Some(value), reason } => {
                format!("{path} says `{key} = {value}`, and {reason}: {repair}")
            }
            Problem::Configuration { key, value: None, reason } => {
                format!("{path} has no `{key}`, and {reason}: {repair}")
            }
            Problem::Moved { from, programs } => {
                let who = match programs {
                    0 => "bin/activate names that".to_owned(),
                    1 => "1 program in it names that".to_owned(),
                    several => format!("{several} programs in it name that"),
                };
                format!("the environment was made at {}, and {who}: {repair}", from.display())
            }
            _ => format!("{path} is not as it should be: {repair}"),
        }
    }
}

//! Which sources are used: options before configuration before what the user's own tools use.

use std::path::{Path, PathBuf};

use super::{Workspace, WorkspaceError, python};
use crate::base::fs::read_text;
use crate::config;
use crate::fetch::{Credentials, Login};
use crate::gateway::Chosen;
use crate::index::{
    Chain, DiscoverOptions, Discovered, IndexSettings, KeyringCommand, MirrorSettings, NetworkHints, NoteKind,
    ProjectIndex, SourceSettings, ThisProcess, Trust, discover,
};

/// The sources, and where they were found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sources {
    /// In the order in which they are asked.
    pub chain: Chain,
    /// Who knows passwords.
    pub credentials: Credentials,
    /// Where the default index was found: an option, a file, a tool.
    pub found: String,
    /// The indexes that options and configuration name, for commands that ask them themselves.
    pub chosen: Chosen,
    /// What other tools are told about the network.
    pub network: NetworkHints,
    /// What the user should know about how they were found.
    pub notes: Vec<String>,
    /// What is not part of the chain although something names it.
    pub bypasses: Vec<String>,
    /// The same where only a proxy gets hold of it: a file that beats variables.
    pub past_variables: Vec<String>,
    /// What poetry or pdm ask whatever a variable says, and the table it stands in.
    pub project: Vec<ProjectIndex>,
}

/// What a command line says about indexes by itself, which counts more than what is configured.
#[derive(Debug, Default)]
pub struct Named {
    /// Instead of the default index.
    pub index: Option<String>,
    /// Before the default index.
    pub extra: Vec<String>,
    /// Files that may name indexes.
    pub requirements: Vec<PathBuf>,
    /// A file of certificates that are trusted.
    pub certificates: Option<PathBuf>,
    /// The program that is run: the pip beside it tells more than any other one.
    pub program: Option<PathBuf>,
}

impl Workspace {
    /// Finds the sources. Reads files, and asks the keyring where that is configured.
    ///
    /// # Errors
    /// [`WorkspaceError::Index`].
    pub fn sources(&self, named: Named) -> Result<Sources, WorkspaceError> {
        let (choices, settings) = (&self.choices, self.index());
        // Mirrors belong to the index they were written beside: under another one they would be another index.
        let configured = choices.index.as_deref().or(settings.url.as_deref());
        let same = |other: &str| configured.is_some_and(|url| url.trim_end_matches('/') == other.trim_end_matches('/'));
        let own = named.index.as_deref().is_some_and(|index| !same(index));
        let drops_mirrors = own && !(choices.mirrors.is_empty() && settings.mirrors.is_empty());
        let default = configured.filter(|_| named.index.is_none());
        let chosen = Chosen::new(default, settings.sources.iter().map(|source| source.url.as_str()));
        let beside = named.program.as_deref().filter(|_| choices.python.is_none()).and_then(python::beside);
        let interpreter = beside.unwrap_or_else(|| self.python().program);
        let options = DiscoverOptions {
            index: named.index.or_else(|| choices.index.clone()),
            mirrors: if own { Vec::new() } else { choices.mirrors.clone() },
            extra: named.extra,
            settings: settings_of(&settings, own || choices.index.is_some()),
            folder: self.config.as_ref().map_or_else(|| PathBuf::from("."), |config| config.folder().to_owned()),
            interpreter: Some(interpreter),
            requirements: named.requirements,
            only_settings: false,
        };
        let mut found = discover(&options, &ThisProcess)?;
        if settings.keyring {
            found.credentials.ask(&KeyringCommand::default());
        }
        found.network.certificates.extend(named.certificates);
        let mut sources = Sources::of(found, chosen);
        if drops_mirrors {
            let text =
                "the mirrors are not asked: they belong to the configured index, and the command names another one";
            sources.notes.push(text.to_owned());
        }
        Ok(sources)
    }
}

impl Sources {
    fn of(found: Discovered, chosen: Chosen) -> Self {
        let Discovered { chain, default_from, credentials, network, notes, project } = found;
        let (mut said, mut bypasses, mut past_variables) = (Vec::new(), Vec::new(), Vec::new());
        for note in notes {
            let text = format!("{} ({}): {}", note.what, note.from, note.meaning);
            match note.kind {
                NoteKind::Used => {}
                NoteKind::NotUsed => tracing::debug!("{text}"),
                NoteKind::Bypass if note.meaning.ends_with(PAST) => past_variables.push(text),
                NoteKind::Bypass => bypasses.push(text),
                NoteKind::Damaged => said.push(text),
            }
        }
        if !network.trusted_hosts.is_empty() {
            let hosts = network.trusted_hosts.join(", ");
            said.push(format!("the certificates of {hosts} are checked all the same: name theirs with `ca_file`"));
        }
        let credentials = Credentials::new(move |url| {
            let basic = credentials.for_url(url)?;
            Some(Login { user: basic.user.expose().clone(), password: basic.password })
        });
        Self {
            chain,
            credentials,
            found: default_from,
            chosen,
            network,
            notes: said,
            bypasses,
            past_variables,
            project,
        }
    }

    /// What the project names for a tool (`poetry`), which asks it whatever a variable says, and whether it is a part of the chain.
    pub fn of_project(&self, tool: &str) -> impl Iterator<Item = (&ProjectIndex, bool)> {
        let table = format!("[[tool.{tool}.source]]");
        let own = self.project.iter().filter(move |index| index.from.ends_with(&table));
        own.map(|index| {
            let mut members = self.chain.sources.iter().flat_map(|source| &source.members);
            (index, members.any(|member| member.url == index.url))
        })
    }
}

/// The end of what is said about a file that tools obey before any variable.
const PAST: &str = "past what variables set";

/// `[index]` in the words of the library that knows nothing of configuration files.
fn settings_of(settings: &config::IndexSettings, other_index: bool) -> IndexSettings {
    let mirrors = |mirrors: &[config::MirrorSettings]| {
        let of = |mirror: &config::MirrorSettings| MirrorSettings {
            url: mirror.url.clone(),
            trust: if mirror.files_only { Trust::Files } else { Trust::Pages },
        };
        mirrors.iter().map(of).collect::<Vec<_>>()
    };
    let sources = settings.sources.iter().map(|source| SourceSettings {
        name: Some(source.name.clone()),
        url: source.url.clone(),
        mirrors: mirrors(&source.mirrors),
        only: source.only.clone(),
        is_mutable: !source.immutable,
    });
    IndexSettings {
        url: settings.url.clone(),
        mirrors: if other_index { Vec::new() } else { mirrors(&settings.mirrors) },
        is_mutable: !settings.immutable,
        extra: sources.collect(),
    }
}

/// Whether one of these requirements files, or one that they include, names an index, which tools obey before any variable.
#[must_use]
pub fn names_an_index(files: &[impl AsRef<Path>]) -> bool {
    /// The largest requirements file that is looked at.
    const MAX_FILE: u64 = 4 << 20;
    /// The most files, with those that they include.
    const MOST_FILES: usize = 100;
    let mut files: Vec<PathBuf> = files.iter().map(|file| file.as_ref().to_owned()).collect();
    let mut at = 0;
    while let Some(file) = files.get(at).filter(|_| at < MOST_FILES).cloned() {
        at += 1;
        // One that cannot be read is the installer's to complain about.
        let Ok(text) = read_text(&file, MAX_FILE) else { continue };
        for line in text.lines().map(str::trim) {
            let names = ["--index-url", "--extra-index-url", "-i", "--pypi-url"];
            if names.iter().any(|option| line.starts_with(option)) {
                return true;
            }
            let included =
                ["--requirement", "--constraint", "-r", "-c"].iter().find_map(|option| line.strip_prefix(option));
            let Some(included) = included else { continue };
            let included = included.trim_start_matches([' ', '\t', '=']).split(" #").next().unwrap_or_default();
            let included = file.parent().unwrap_or(Path::new("")).join(included.trim().trim_matches(['"', '\'']));
            if !files.contains(&included) {
                files.push(included);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_keep_their_meaning() {
        let mirror = |url: &str, files_only| config::MirrorSettings { url: url.to_owned(), files_only };
        let settings = config::IndexSettings {
            url: Some("https://a/".to_owned()),
            mirrors: vec![mirror("https://b/", false), mirror("https://c/", true)],
            immutable: false,
            sources: vec![config::SourceSettings {
                name: "gpu".to_owned(),
                url: "https://d/".to_owned(),
                mirrors: Vec::new(),
                only: vec!["torch*".to_owned()],
                immutable: true,
            }],
            ..config::IndexSettings::default()
        };
        let found = settings_of(&settings, false);
        assert_eq!(found.mirrors.iter().map(|mirror| mirror.trust).collect::<Vec<_>>(), [Trust::Pages, Trust::Files]);
        assert!(found.is_mutable && !found.extra[0].is_mutable && found.extra[0].only.len() == 1);
        assert!(settings_of(&settings, true).mirrors.is_empty(), "mirrors of another index");
    }

    #[test]
    fn a_requirements_file_may_name_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let names = |text: &str| {
            let file = folder.path().join("r.txt");
            std::fs::write(&file, text).unwrap();
            names_an_index(&[file])
        };
        assert!(names("six\n --extra-index-url https://h/\n") && names("-i https://h/"));
        assert!(!names("six # --index-url\n-r other.txt\n-r r.txt\n"));
        std::fs::write(folder.path().join("other.txt"), "-ihttps://h/\n").unwrap();
        assert!(names("six\n-r other.txt # why\n") && names("--constraint=other.txt") && !names("-r absent.txt"));
    }
}

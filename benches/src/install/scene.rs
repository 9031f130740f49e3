//! What is measured: one kind of installation, by one installer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::candidate::{Candidate, Installation, Programs};
use crate::failure::Failure;
use crate::fetch::place::Place;
use crate::fetch::run::run;

/// How long an installation may take.
const LIMIT: Duration = Duration::from_mins(5);

/// A kind of installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scene {
    /// Nothing is in the cache, and the environment is empty.
    Cold,
    /// Everything is in the cache, and the environment is empty.
    Warm,
    /// Everything is installed already.
    Same,
    /// One project more, which is in the cache, into a full environment.
    OneMore,
}

impl Scene {
    pub(super) const ALL: [Self; 4] = [Self::Cold, Self::Warm, Self::Same, Self::OneMore];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
            Self::Same => "same",
            Self::OneMore => "one more",
        }
    }
}

/// Where it is measured.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) programs: &'a Programs,
    pub(super) place: &'a Place,
    pub(super) url: &'a str,
    /// Everything, and everything but one.
    pub(super) all: PathBuf,
    pub(super) but_one: PathBuf,
    /// The cache of each installer that has everything.
    pub(super) caches: PathBuf,
}

impl Stage<'_> {
    /// How long one installation took.
    pub(super) async fn measure(&self, scene: Scene, candidate: Candidate) -> Result<Duration, Failure> {
        let home = self.place.fresh()?;
        let environment = home.join("environment");
        let warm = self.caches.join(candidate.name());
        let cache = if scene == Scene::Cold { home.join("cache") } else { warm };
        if candidate != Candidate::Ours {
            self.done(self.programs.environment(&environment, &home), &home).await?;
        }
        let install = |input: &Path| {
            let of = Installation { url: self.url, environment: &environment, cache: &cache, home: &home, input };
            self.programs.install(candidate, &of)
        };
        match scene {
            Scene::Cold | Scene::Warm => {}
            Scene::Same => drop(self.done(install(&self.all)?, &home).await?),
            Scene::OneMore => drop(self.done(install(&self.but_one)?, &home).await?),
        }
        self.done(install(&self.all)?, &home).await
    }

    async fn done(&self, command: std::process::Command, home: &Path) -> Result<Duration, Failure> {
        let result = run(command, LIMIT, &home.join("log")).await?;
        if result.success { Ok(result.took) } else { Err(Failure::new(result.said)) }
    }

    /// Writes what is wanted.
    pub(super) fn write(folder: &Path, requirements: &[String]) -> Result<(PathBuf, PathBuf), Failure> {
        let (all, but_one) = (folder.join("all.txt"), folder.join("but-one.txt"));
        let text = |lines: &[String]| lines.join("\n") + "\n";
        fs::write(&all, text(requirements))?;
        // The last one is required by nobody.
        fs::write(&but_one, text(&requirements[..requirements.len().saturating_sub(1)]))?;
        Ok((all, but_one))
    }
}

//! What is measured: one kind of installation, by one installer.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
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
    /// The same from a lock.
    ColdLocked,
    /// Everything is in the cache, and the environment is empty.
    Warm,
    /// The same from a lock.
    WarmLocked,
    /// Everything is installed already.
    Same,
    /// One project more, which is in the cache, into a full environment.
    OneMore,
}

impl Scene {
    pub(super) const ALL: [Self; 6] =
        [Self::Cold, Self::ColdLocked, Self::Warm, Self::WarmLocked, Self::Same, Self::OneMore];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::ColdLocked => "cold locked",
            Self::Warm => "warm",
            Self::WarmLocked => "warm locked",
            Self::Same => "same",
            Self::OneMore => "one more",
        }
    }

    /// pip reads no locks.
    pub(super) const fn is_for(self, candidate: Candidate) -> bool {
        !matches!((self, candidate), (Self::ColdLocked | Self::WarmLocked, Candidate::Pip))
    }
}

/// Where it is measured.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) programs: &'a Programs,
    pub(super) place: &'a Place,
    pub(super) url: &'a str,
    /// Everything, everything but one, and a lock of everything.
    all: PathBuf,
    but_one: PathBuf,
    lock: PathBuf,
    /// The cache of each installer that has everything.
    caches: PathBuf,
    /// What the last scene has made.
    homes: Mutex<Vec<PathBuf>>,
}

impl<'a> Stage<'a> {
    /// Writes what is wanted.
    pub(super) async fn new(
        programs: &'a Programs,
        place: &'a Place,
        url: &'a str,
        requirements: &[String],
    ) -> Result<Self, Failure> {
        let folder = place.fresh()?;
        let at = |name: &str| folder.join(name);
        let stage = Self {
            programs,
            place,
            url,
            all: at("all.txt"),
            but_one: at("but-one.txt"),
            lock: at("pylock.toml"),
            caches: at("caches"),
            homes: Mutex::default(),
        };
        let text = |lines: &[String]| lines.join("\n") + "\n";
        fs::write(&stage.all, text(requirements))?;
        // The last one is required by nobody.
        fs::write(&stage.but_one, text(&requirements[..requirements.len().saturating_sub(1)]))?;
        stage.done(programs.lock(url, &stage.all, &stage.lock, &folder), &folder).await?;
        Ok(stage)
    }

    /// How long one installation took.
    pub(super) async fn measure(&self, scene: Scene, candidate: Candidate) -> Result<Duration, Failure> {
        let home = self.place.fresh()?;
        self.homes.lock().unwrap_or_else(PoisonError::into_inner).push(home.clone());
        let environment = home.join("environment");
        let cache = match scene {
            Scene::Cold | Scene::ColdLocked => home.join("cache"),
            Scene::Warm | Scene::WarmLocked | Scene::Same | Scene::OneMore => self.cache(candidate),
        };
        if candidate != Candidate::Ours {
            self.done(self.programs.environment(&environment, &home), &home).await?;
        }
        let install = |input: &Path| {
            let of = Installation { url: self.url, environment: &environment, cache: &cache, home: &home, input };
            self.programs.install(candidate, &of)
        };
        let input = match scene {
            Scene::ColdLocked | Scene::WarmLocked => &self.lock,
            Scene::Cold | Scene::Warm | Scene::Same | Scene::OneMore => &self.all,
        };
        match scene {
            Scene::Cold | Scene::ColdLocked | Scene::Warm | Scene::WarmLocked => {}
            Scene::Same => drop(self.done(install(&self.all)?, &home).await?),
            Scene::OneMore => drop(self.done(install(&self.but_one)?, &home).await?),
        }
        self.done(install(input)?, &home).await
    }

    /// An environment with everything, made by us; its home, and itself.
    pub(super) async fn environment(&self) -> Result<(PathBuf, PathBuf), Failure> {
        let home = self.place.fresh()?;
        let (environment, cache) = (home.join("environment"), self.cache(Candidate::Ours));
        let of =
            Installation { url: self.url, environment: &environment, cache: &cache, home: &home, input: &self.all };
        self.done(self.programs.install(Candidate::Ours, &of)?, &home).await?;
        Ok((home, environment))
    }

    /// Deletes what was made since the last time. Between scenes, not between runs: some file systems are slow at making files for
    /// minutes afterwards, which must not hit one installer more than the other.
    pub(super) fn clear(&self) -> Result<(), Failure> {
        let homes = std::mem::take(&mut *self.homes.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(homes.iter().try_for_each(fs::remove_dir_all)?)
    }

    pub(super) fn cache(&self, candidate: Candidate) -> PathBuf {
        self.caches.join(candidate.name())
    }

    /// How long a program took that ended well.
    pub(super) async fn done(&self, command: std::process::Command, home: &Path) -> Result<Duration, Failure> {
        let result = run(command, LIMIT, &home.join("log")).await?;
        if result.success { Ok(result.took) } else { Err(Failure::new(result.said)) }
    }
}

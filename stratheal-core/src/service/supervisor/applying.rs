//! A new set of descriptions.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::actor::Actor;
use super::dependencies;
use super::entry::Entry;
use super::error::ServiceError;
use super::event::What;
use super::handle::Applied;
use crate::model::ServiceId;
use crate::service::connection::{Link, News};
use crate::service::spec::{How, ServiceSpec};
use crate::service::state::{Input, StoppedBy};

/// How long the first answer of a keeper is waited for.
const FIRST_NEWS: Duration = Duration::from_secs(20);

impl Actor {
    pub(super) async fn apply(&mut self, specs: Vec<ServiceSpec>) -> Result<Applied, ServiceError> {
        dependencies::validate(&specs)?;
        if self.link.is_none() && self.needs_keeper(&specs) {
            self.connect().await?;
        }
        let wanted: HashSet<ServiceId> = specs.iter().map(|spec| spec.id.clone()).collect();
        let mut applied = Applied { removed: self.remove_all_but(&wanted), ..Applied::default() };
        let mut new = Vec::new();
        for spec in specs {
            let id = spec.id.clone();
            match self.entries.get_mut(&id) {
                Some(entry) if entry.removed => {
                    applied.added += 1;
                    entry.describe(spec);
                    // It has not gone yet. What is left of it goes on going, and it is begun anew then.
                    let stopped = self.remembered.contains(&id);
                    self.drive(id.clone(), if stopped { Input::Stop(StoppedBy::Person) } else { Input::Start });
                }
                Some(entry) if *entry.spec == spec => applied.unchanged += 1,
                Some(entry) => {
                    applied.changed += 1;
                    if entry.describe(spec) {
                        self.tell(&id, What::Outdated);
                    }
                }
                None => {
                    applied.added += 1;
                    self.insert(spec);
                    new.push(id.clone());
                }
            }
            self.publish(&id);
        }
        for id in &new {
            self.begin(id).await;
        }
        self.applied = true;
        self.drop_unclaimed();
        Ok(applied)
    }

    /// Whether a keeper has to be asked, and be started where there is none. Whoever only passes by asks one that answers.
    fn needs_keeper(&self, specs: &[ServiceSpec]) -> bool {
        let socket = self.options.place.socket();
        if self.options.only_what_runs {
            return std::os::unix::net::UnixStream::connect(socket).is_ok();
        }
        specs.iter().any(|spec| spec.how == How::Child) || socket.exists()
    }

    /// Takes in a service that was not known.
    pub(super) fn insert(&mut self, spec: ServiceSpec) -> &mut Entry {
        let id = spec.id.clone();
        let by = self.remembered.contains(&id).then_some(StoppedBy::Person);
        // One that is described anew after it was not has runs of its own again.
        self.services += 1;
        let prefix = format!("{id}-{}-{}", self.prefix, self.services);
        let entry = Entry::new(spec, prefix, by, self.now());
        self.entries.entry(id).insert_entry(entry).into_mut()
    }

    /// Stops whatever is not wanted any more. Answers how many of them were wanted before.
    fn remove_all_but(&mut self, wanted: &HashSet<ServiceId>) -> usize {
        let unwanted: Vec<ServiceId> = self.entries.keys().filter(|id| !wanted.contains(*id)).cloned().collect();
        let mut removed = 0;
        for id in unwanted {
            if let Some(entry) = self.entries.get_mut(&id)
                && !std::mem::replace(&mut entry.removed, true)
            {
                removed += 1;
                // Nothing waits for what it depended on.
                let mut spec = ServiceSpec::clone(&entry.spec);
                spec.depends_on.clear();
                entry.spec = Arc::new(spec);
            }
            self.drive(id, Input::Stop(StoppedBy::Engine));
        }
        removed
    }

    /// Connects to the keeper and learns what runs.
    async fn connect(&mut self) -> Result<(), ServiceError> {
        let (link, mut news) = Link::open(self.options.place.clone(), self.options.program.clone());
        let first = tokio::time::timeout(FIRST_NEWS, news.recv()).await;
        match first {
            Ok(Some(News::Up { runs, cleared })) => {
                self.link = Some(link);
                self.news = Some(news);
                self.reconcile(&runs, cleared);
                Ok(())
            }
            Ok(Some(News::Unreachable(why))) => Err(ServiceError::NoKeeper(why)),
            Ok(_) => Err(ServiceError::NoKeeper("it hangs up at once".to_owned())),
            Err(_) => Err(ServiceError::NoKeeper("it does not answer".to_owned())),
        }
    }
}

//! Which checks a command is about.

use std::collections::HashSet;
use std::sync::Arc;

use stratheal_core::base::suggest::nearest;
use stratheal_core::engine::Registration;
use stratheal_core::model::view::{CheckView, Snapshot};

use crate::args::Selection;
use crate::failure::Failure;

impl Selection {
    fn wants(&self, id: &str, tags: &[String]) -> bool {
        let named = self.ids.is_empty() || self.ids.iter().any(|wanted| wanted == id);
        let tagged = self.tag.is_empty() || self.tag.iter().any(|wanted| tags.contains(wanted));
        named && tagged
    }

    /// The wanted checks. Parents that are left out are no longer depended on.
    pub(crate) fn registrations(&self, all: Vec<Registration>) -> Result<Vec<Registration>, Failure> {
        let known = |registration: &Registration| (registration.check.id().to_string(), registration.spec.tags.clone());
        self.refuse_unknown(&all.iter().map(known).collect::<Vec<_>>())?;
        let chosen =
            |registration: &Registration| self.wants(registration.check.id().as_str(), &registration.spec.tags);
        let mut wanted: Vec<Registration> = all.into_iter().filter(chosen).collect();
        let ids: HashSet<_> = wanted.iter().map(|registration| registration.check.id().clone()).collect();
        for registration in &mut wanted {
            if registration.spec.depends_on.iter().any(|dependency| !ids.contains(&dependency.on)) {
                let spec = Arc::make_mut(&mut registration.spec);
                spec.depends_on.retain(|dependency| ids.contains(&dependency.on));
            }
        }
        Ok(wanted)
    }

    /// The snapshot of the wanted checks.
    pub(crate) fn snapshot(&self, snapshot: &Snapshot) -> Result<Snapshot, Failure> {
        let known = |view: &Arc<CheckView>| (view.id.to_string(), view.spec.tags.clone());
        self.refuse_unknown(&snapshot.checks.iter().map(known).collect::<Vec<_>>())?;
        if self.ids.is_empty() && self.tag.is_empty() {
            return Ok(snapshot.clone());
        }
        Ok(snapshot.filter(|view| self.wants(view.id.as_str(), &view.spec.tags)))
    }

    /// A name that means nothing would select nothing, and nothing looks like health.
    fn refuse_unknown(&self, all: &[(String, Vec<String>)]) -> Result<(), Failure> {
        if let Some(id) = self.ids.iter().find(|id| !all.iter().any(|(known, _)| known == *id)) {
            let advice = advice(id, all.iter().map(|(known, _)| known.as_str()));
            return Err(Failure::Usage(format!("there is no check `{id}`{advice}")));
        }
        let tags = || all.iter().flat_map(|(_, tags)| tags).map(String::as_str);
        if let Some(tag) = self.tag.iter().find(|tag| !tags().any(|known| known == tag.as_str())) {
            return Err(Failure::Usage(format!("no check has the tag `{tag}`{}", advice(tag, tags()))));
        }
        if !all.is_empty() && !all.iter().any(|(id, tags)| self.wants(id, tags)) {
            return Err(Failure::Usage("none of these checks has one of these tags".to_owned()));
        }
        Ok(())
    }
}

fn advice<'a>(wanted: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(wanted, known.clone()) {
        return format!(": did you mean `{near}`?");
    }
    let mut all: Vec<_> = known.collect();
    all.sort_unstable();
    all.dedup();
    match all.len() {
        0 => ": there are none".to_owned(),
        1..=12 => format!(": there are {}", all.join(", ")),
        more => format!(": there are {more} others"),
    }
}

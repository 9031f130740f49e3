//! Projects that are links to files many environments share, as `virtualenv --symlink-app-data` makes them: looked at where the links
//! lead. Only read, and never written to.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::expected::ExpectedFiles;
use super::sight::Seen;
use super::stat::Stat;
use super::{Expected, Problem, Project};

/// Files that are reached through links, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Linked {
    places: HashMap<u32, (Arc<str>, Problem)>,
}

impl Linked {
    /// Looks at the files of projects that are links, and says in `seen` what is there.
    pub(super) fn follow(root: &Path, expected: &ExpectedFiles, projects: &[Project], seen: &mut [Seen]) -> Self {
        let mut linked = Self::default();
        if projects.iter().all(|project| !project.is_linked) {
            return linked;
        }
        for (index, (file, seen)) in
            expected.files.iter().zip(seen).enumerate().filter(|(_, (file, _))| is(file, projects))
        {
            let problem = match seen {
                Seen::LeadsOut => Problem::LeadsOut,
                Seen::Other(found) => Problem::NotAFile { found },
                Seen::File(_) | Seen::Missing | Seen::Unreadable(_) => continue,
            };
            // A link to nowhere stays what it is; one to a folder is listed without a hash.
            let is_hashed = file.claims().any(|claim| claim.content.is_some());
            let place = root.join(&*file.path).canonicalize().ok();
            let found = place.as_ref().and_then(|place| fs::symlink_metadata(place).ok());
            let found = found.filter(|found| found.is_file() || !is_hashed);
            if let (Some(place), Some(found)) = (place.as_ref().and_then(|place| place.to_str()), found) {
                linked.places.insert(index as u32, (place.into(), problem));
                *seen = Seen::File(Stat { links: 1, ..Stat::of(&found) });
            }
        }
        linked
    }

    /// Where a file is, relative to the root or absolute.
    pub(super) fn place(&self, index: u32, file: &Expected) -> Arc<str> {
        Arc::clone(self.places.get(&index).map_or(&file.path, |(place, _)| place))
    }

    /// What is wrong with a file: that it is a link counts where it leads to something else.
    pub(super) fn problem(&self, index: u32, problem: Problem) -> Problem {
        self.places.get(&index).map_or(problem, |(_, own)| own.clone())
    }
}

fn is(file: &Expected, projects: &[Project]) -> bool {
    file.claims().any(|claim| projects[claim.project].is_linked)
}

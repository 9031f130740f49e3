//! Pages with nothing in them that a client could not use anyway.
//!
//! The page of a large project has thousands of wheels, and one interpreter accepts some of them. Writing the others, sending them
//! and reading them again is most of what a client waits for.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::index::{IndexFile, ProjectPage};

/// Which wheels are of use, by their file names.
#[derive(Clone)]
pub(super) struct Fitting(pub Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl fmt::Debug for Fitting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fitting").finish_non_exhaustive()
    }
}

impl Fitting {
    /// The page without the wheels that do not fit. A version of which nothing would be left keeps all of it: clients say of such a
    /// version why they do not take it.
    pub(super) fn of(&self, page: &ProjectPage) -> ProjectPage {
        let kinds: Vec<Kind<'_>> = page.files.iter().map(|file| self.kind(&file.name)).collect();
        let usable: HashSet<&str> = kinds.iter().filter_map(Kind::usable).collect();
        let is_kept = |kind: &Kind<'_>| !matches!(kind, Kind::Useless(version) if usable.contains(version));
        let kept = page.files.iter().zip(&kinds).filter(|(_, kind)| is_kept(kind));
        let files: Vec<IndexFile> = kept.map(|(file, _)| file.clone()).collect();
        ProjectPage {
            files,
            name: page.name.clone(),
            meta: page.meta.clone(),
            versions: page.versions.clone(),
            status: page.status.clone(),
            alternate_locations: page.alternate_locations.clone(),
            unknown: page.unknown.clone(),
        }
    }

    /// Looks at the text alone: versions that are written in two ways are taken for two, which leaves a file too many in.
    fn kind<'n>(&self, name: &'n str) -> Kind<'n> {
        if let Some(stem) = name.strip_suffix(".whl") {
            let version = stem.split('-').nth(1).unwrap_or_default();
            return if (self.0)(name) { Kind::Usable(version) } else { Kind::Useless(version) };
        }
        let stem = name.strip_suffix(".tar.gz").or_else(|| name.strip_suffix(".zip"));
        stem.and_then(|stem| stem.rsplit_once('-')).map_or(Kind::Other, |(_, version)| Kind::Usable(version))
    }
}

/// What a file is to an interpreter. Holds the version.
enum Kind<'n> {
    /// A source distribution, or a wheel that fits.
    Usable(&'n str),
    /// A wheel that does not fit.
    Useless(&'n str),
    /// Something that installers of today do not take.
    Other,
}

impl<'n> Kind<'n> {
    const fn usable(&self) -> Option<&'n str> {
        if let Self::Usable(version) = self { Some(version) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{PageContext, PageLimits};

    #[test]
    fn what_does_not_fit_is_left_out_unless_it_is_all_there_is() {
        let names = [
            "a-1.0-py3-none-any.whl",
            "a-1.0-cp39-cp39-win32.whl",
            "a-1.0.tar.gz",
            "a-2.0-cp39-cp39-win32.whl",
            "a-2.0-cp39-cp39-win_amd64.whl",
            "a-2.0-py3.9.egg",
            "a-3.0-cp39-cp39-win32.whl",
            "a-3.0.tar.gz",
            "a-4.0-1-cp39-cp39-win32.whl",
            "a-4.0-py2.py3-none-any.whl",
        ];
        let files: Vec<_> =
            names.iter().map(|name| serde_json::json!({"filename": name, "url": name, "hashes": {}})).collect();
        let context = PageContext {
            project: "a".parse().unwrap(),
            base: "https://index.example/".parse().unwrap(),
            limits: PageLimits::default(),
        };
        let body = serde_json::json!({ "files": files }).to_string();
        let page = ProjectPage::from_json(body.as_bytes(), &context).unwrap().page;
        let fitting = Fitting(Arc::new(|name| name.ends_with("-any.whl")));
        let slim = fitting.of(&page);
        let left: Vec<_> = slim.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(left, [names[0], names[2], names[3], names[4], names[5], names[7], names[9]]);
        assert_eq!(ProjectPage { files: page.files.clone(), ..slim }, page, "the rest of it stays");
    }
}

//! What was seen, against what is expected. Pure.

use super::expected::{Claim, ExpectedFiles};
use super::sight::Seen;
use super::stat::Stat;
use super::{Finding, Problem, Project, Standing};
use crate::index::ProjectName;
use crate::installer::origin::Origins;
use crate::objects::ContentId;

/// A file that is not as RECORD says.
#[derive(Debug, Clone)]
pub(in crate::installer) struct Damaged {
    /// Its number among the expected files.
    pub(in crate::installer) file: usize,
    pub(in crate::installer) problem: Problem,
    /// What the file is that is there now.
    pub(super) stat: Option<Stat>,
}

/// What is known about the content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Nobody needs it.
    Unneeded,
    /// It has to be hashed.
    Unknown,
    /// Its size alone says that it is wrong.
    WrongSize,
    /// It is this.
    Known(ContentId),
}

/// What has to be known about a file that is there. `known` is what was hashed before.
pub(super) fn needed(expected: &super::Expected, stat: &Stat, known: Option<ContentId>) -> Content {
    let sizes_fit = expected.claims().any(|claim| claim.size.is_none_or(|size| size == stat.size));
    if !sizes_fit {
        return Content::WrongSize;
    }
    if expected.claims().any(|claim| claim.content.is_none()) {
        return Content::Unneeded;
    }
    known.map_or(Content::Unknown, Content::Known)
}

/// What is wrong with a file.
pub(super) fn problem(expected: &super::Expected, seen: &Seen, content: Content) -> Option<Problem> {
    match seen {
        Seen::Missing => Some(Problem::Missing),
        Seen::LeadsOut => Some(Problem::LeadsOut),
        Seen::Other(found) => Some(Problem::NotAFile { found }),
        Seen::Unreadable(reason) => Some(Problem::Unreadable { reason: reason.clone() }),
        Seen::File(_) => match content {
            Content::Known(id) if expected.claims().all(|claim| claim.content != Some(id)) => Some(Problem::Changed),
            Content::WrongSize => Some(Problem::Changed),
            Content::Known(_) | Content::Unneeded | Content::Unknown => None,
        },
    }
}

/// Whether a file is as one claim says; `None` where that says nothing, and where there is no file: any version may have lost it.
pub(super) fn fits(claim: &Claim, seen: &Seen, content: Content) -> Option<bool> {
    let Seen::File(stat) = seen else { return None };
    let expected = claim.content?;
    match content {
        Content::Known(id) => Some(id == expected),
        _ if claim.size.is_some_and(|size| size != stat.size) => Some(false),
        Content::Unneeded | Content::Unknown | Content::WrongSize => None,
    }
}

/// The projects of a path, by name.
pub(super) fn owners(expected: &super::Expected, projects: &[Project]) -> Vec<ProjectName> {
    let mut owners = Vec::new();
    for claim in expected.claims() {
        owners.extend(projects[claim.project].name.clone().filter(|name| !owners.contains(name)));
    }
    owners
}

/// The number of the project that a damaged file is put back for: of several one that this program has installed, as its wheel is known.
/// Nobody's word is enough to replace a file when the project is there several times and nobody has noted which one is meant.
pub(in crate::installer) fn mender(
    file: &super::Expected,
    problem: &Problem,
    projects: &[Project],
    origins: &Origins,
) -> Option<usize> {
    let may = |number: &usize| match projects[*number].standing {
        Standing::Alone | Standing::Noted => true,
        Standing::Fitting => *problem == Problem::Missing,
        Standing::Superseded | Standing::Unclear => false,
    };
    let candidates: Vec<_> = file.claims().map(|claim| claim.project).filter(may).collect();
    let noted = candidates.iter().find(|number| projects[**number].origin(origins).is_some());
    noted.or(candidates.first()).copied()
}

/// The finding about a damaged file.
pub(super) fn finding(expected: &super::Expected, problem: Problem, projects: &[Project]) -> Finding {
    Finding::of_several(owners(expected, projects), expected.path.as_ref().into(), problem)
}

/// Paths that more than one project records.
pub(super) fn overlaps(all: &ExpectedFiles, projects: &[Project]) -> Vec<Finding> {
    let shared = all.files.iter().filter(|file| !file.more.is_empty());
    let told = shared.filter_map(|file| {
        let owners = owners(file, projects);
        let mut contents = file.claims().filter(|claim| projects[claim.project].standing.counts());
        let first = contents.next().map(|claim| claim.content);
        let is_same = contents.all(|claim| Some(claim.content) == first);
        // The same project twice is told by itself.
        (owners.len() > 1).then(|| Finding::of_several(owners, file.path.as_ref().into(), Problem::Overlap { is_same }))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installer::verify::Expected;

    fn expected(contents: &[Option<&str>]) -> Expected {
        let claim = |(project, content): (usize, Option<&str>)| Claim {
            project,
            content: content.map(|text| ContentId::of(text.as_bytes())),
            size: content.map(|text| text.len() as u64),
        };
        let mut claims = contents.iter().copied().enumerate().map(claim);
        Expected { path: "p".into(), claim: claims.next().unwrap(), more: claims.collect() }
    }

    #[test]
    fn tables() {
        let stat = |size| Stat { device: 0, inode: 0, size, mtime_ns: 0, ctime_ns: 0, links: 1, mode: 0o644 };
        let of = |text: &str| Some(ContentId::of(text.as_bytes()));
        for (claims, size, known, what, problem_is) in [
            (&[Some("abc")][..], 3, of("abc"), Content::Known(ContentId::of(b"abc")), None),
            (&[Some("abc")], 3, of("xyz"), Content::Known(ContentId::of(b"xyz")), Some(Problem::Changed)),
            (&[Some("abc")], 3, None, Content::Unknown, None),
            (&[Some("abc")], 4, None, Content::WrongSize, Some(Problem::Changed)),
            // RECORD itself.
            (&[None], 9, None, Content::Unneeded, None),
            // Of two projects that disagree one is right.
            (&[Some("abc"), Some("xyz")], 3, of("xyz"), Content::Known(ContentId::of(b"xyz")), None),
            (
                &[Some("abc"), Some("wxyz")],
                4,
                of("nope"),
                Content::Known(ContentId::of(b"nope")),
                Some(Problem::Changed),
            ),
        ] {
            let (expected, stat) = (expected(claims), stat(size));
            let content = needed(&expected, &stat, known);
            assert_eq!(content, what, "{claims:?}");
            assert_eq!(problem(&expected, &Seen::File(stat), content), problem_is, "{claims:?}");
        }
        let file = expected(&[Some("abc")]);
        assert_eq!(problem(&file, &Seen::Missing, Content::Unknown), Some(Problem::Missing));
        assert_eq!(
            problem(&file, &Seen::Other("a link"), Content::Unknown),
            Some(Problem::NotAFile { found: "a link" })
        );
    }
}

//! Comparing what a wheel holds with what its RECORD says.

use std::collections::HashSet;

use super::{RecordProblem, TreeFile};
use crate::objects::{RecordHash, RecordRow};

/// The folder of a wheel's metadata: the only one at its top whose name ends in `.dist-info`.
pub(crate) fn dist_info<'a>(paths: impl Iterator<Item = &'a str>) -> Result<&'a str, String> {
    let mut found: Option<&str> = None;
    for path in paths {
        let Some((folder, _)) = path.split_once('/').filter(|(folder, _)| folder.ends_with(".dist-info")) else {
            continue;
        };
        match found {
            Some(before) if before != folder => {
                return Err(format!("it has two metadata folders, {before} and {folder}"));
            }
            _ => found = Some(folder),
        }
    }
    found.ok_or_else(|| "it has no metadata folder (.dist-info)".to_owned())
}

/// Everything in which the files and their RECORD disagree.
pub(super) fn judge(files: &[TreeFile], rows: &[RecordRow], record: &str) -> Vec<RecordProblem> {
    let by_path: std::collections::HashMap<_, _> = files.iter().map(|file| (file.path.as_str(), file)).collect();
    // RECORD cannot hold its own hash, nor that of its signatures.
    let without_hash = [record.to_owned(), format!("{record}.jws"), format!("{record}.p7s")];
    let is_without_hash = |path: &str| without_hash.iter().any(|known| known == path);
    let mut listed = HashSet::new();
    let mut problems = Vec::new();
    for row in rows {
        listed.insert(row.path.as_str());
        let path = row.path.clone();
        let Some(file) = by_path.get(path.as_str()) else {
            problems.push(RecordProblem::Missing { path });
            continue;
        };
        let size_differs = row.size.is_some_and(|size| size != file.size());
        match &row.hash {
            _ if is_without_hash(&path) => {}
            RecordHash::Sha256(hash) if *hash != file.sha256 || size_differs => {
                problems.push(RecordProblem::Differs { path });
            }
            RecordHash::Sha256(_) => {}
            _ if size_differs => problems.push(RecordProblem::Differs { path }),
            RecordHash::Absent | RecordHash::Other(_) => problems.push(RecordProblem::Unchecked { path }),
        }
    }
    let unlisted = files.iter().filter(|file| !listed.contains(file.path.as_str()) && !is_without_hash(&file.path));
    problems.extend(unlisted.map(|file| RecordProblem::Unlisted { path: file.path.clone() }));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::ContentId;
    use crate::objects::stamp::Stamp;

    #[test]
    fn the_metadata_folder() {
        assert_eq!(
            dist_info(["a/b", "a-1.dist-info/RECORD", "a-1.dist-info/METADATA"].into_iter()),
            Ok("a-1.dist-info")
        );
        for paths in [&["a/b"][..], &["a-1.dist-info/RECORD", "b-1.dist-info/RECORD"], &["x/a-1.dist-info/RECORD"]] {
            assert!(dist_info(paths.iter().copied()).is_err(), "{paths:?}");
        }
    }

    #[test]
    fn each_disagreement_is_named() {
        let file = |path: &str| {
            let stamp = Stamp { size: 1, mtime_ns: 0 };
            TreeFile { path: path.to_owned(), sha256: ContentId::of(path.as_bytes()), mode: 0o644, stamp }
        };
        let row = |path: &str, hash, size| RecordRow { path: path.to_owned(), hash, size };
        let right = |path: &str| RecordHash::Sha256(ContentId::of(path.as_bytes()));
        let files = ["good", "hash", "size", "none", "md5", "unlisted", "d/RECORD", "d/RECORD.jws"].map(file);
        let rows = [
            row("good", right("good"), Some(1)),
            row("hash", right("other"), Some(1)),
            row("size", right("size"), Some(2)),
            row("none", RecordHash::Absent, None),
            row("md5", RecordHash::Other("md5".to_owned()), Some(1)),
            row("missing", right("missing"), Some(1)),
            row("d/RECORD", RecordHash::Absent, None),
        ];
        let named = |path: &str| path.to_owned();
        assert_eq!(
            judge(&files, &rows, "d/RECORD"),
            [
                RecordProblem::Differs { path: named("hash") },
                RecordProblem::Differs { path: named("size") },
                RecordProblem::Unchecked { path: named("none") },
                RecordProblem::Unchecked { path: named("md5") },
                RecordProblem::Missing { path: named("missing") },
                RecordProblem::Unlisted { path: named("unlisted") },
            ]
        );
    }
}

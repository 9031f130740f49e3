//! Which of what was found goes, and in which order: decided without looking again.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::path::Path;

use jiff::Timestamp;

use super::found::Found;
use super::rule::Swept;

/// The files that go, oldest first, then the folders, deepest first.
pub(super) fn choose(what: &Swept, mut found: Vec<Found>, now: Timestamp) -> Vec<Found> {
    match what {
        Swept::Files(files) => {
            found.retain(|file| !file.is_folder && file.size >= files.min_size);
            // Equal times are told apart by the name, so that plan and step choose the same.
            found.sort_by(|a, b| (Reverse(a.modified), &a.path).cmp(&(Reverse(b.modified), &b.path)));
            found.drain(..files.keep_newest.min(found.len()));
            found.retain(|file| file.is_older(files.older_than, now));
        }
        Swept::EmptyFolders { older_than } => {
            let young: Vec<Found> =
                found.extract_if(.., |folder| !folder.is_folder || !folder.is_older(*older_than, now)).collect();
            // What stays keeps everything above it.
            let kept: HashSet<&Path> = young.iter().flat_map(|folder| folder.path.ancestors()).collect();
            found.retain(|folder| !kept.contains(folder.path.as_path()));
        }
        Swept::Bytecode => {}
        Swept::Cache(_) => found.clear(),
    }
    found.sort_by(|a, b| order(a).cmp(&order(b)));
    found
}

fn order(found: &Found) -> (bool, Reverse<usize>, Timestamp, &Path) {
    let depth = if found.is_folder { found.path.components().count() } else { 0 };
    (found.is_folder, Reverse(depth), found.modified, &found.path)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::remedies::free_disk::Files;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn found(path: &str, modified: i64, is_folder: bool) -> Found {
        let (modified, size) = (at(modified), path.len() as u64);
        Found { path: path.into(), device: 1, inode: 1, modified, changed: modified, size, bytes: 512, is_folder }
    }

    fn chosen(what: &Swept, found: Vec<Found>) -> Vec<String> {
        choose(what, found, at(1000)).iter().map(|found| found.path.display().to_string()).collect()
    }

    #[test]
    fn old_files_go_oldest_first_and_the_newest_stay() {
        let there =
            || vec![found("b", 100, false), found("a", 50, false), found("c", 950, false), found("dd", 100, false)];
        let mut files = Files::new(vec!["*".parse().unwrap()], Duration::from_secs(100));
        assert_eq!(chosen(&Swept::Files(files.clone()), there()), ["a", "b", "dd"]);
        files.keep_newest = 2;
        assert_eq!(chosen(&Swept::Files(files.clone()), there()), ["a", "dd"]);
        files.min_size = 2;
        assert_eq!(chosen(&Swept::Files(files.clone()), there()), [""; 0], "the newest two of one");
        let mut fresh = found("unpacked", 10, false);
        fresh.changed = at(999);
        let future = found("future", 5000, false);
        assert_eq!(chosen(&Swept::Files(Files::new(vec![], Duration::from_secs(100))), vec![fresh, future]), [""; 0]);
    }

    #[test]
    fn empty_folders_go_from_below() {
        let what = Swept::EmptyFolders { older_than: Duration::from_secs(100) };
        let there = vec![found("a", 10, true), found("a/b", 10, true), found("a/b/c", 10, true), found("d", 999, true)];
        assert_eq!(chosen(&what, there), ["a/b/c", "a/b", "a"]);
        let young =
            vec![found("a", 10, true), found("a/b", 10, true), found("a/b/c", 999, true), found("a/x", 10, true)];
        assert_eq!(chosen(&what, young), ["a/x"], "above a folder that stays nothing goes");
    }
}

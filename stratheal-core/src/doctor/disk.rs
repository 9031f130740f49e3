//! Room on the disks that hold the cache and the environments.

use std::path::PathBuf;

use super::Finding;
use crate::model::Status;
use crate::model::quantity::show_bytes;
use crate::sys::filesystem::FilesystemUsage;

/// Less than a few large wheels need.
const LITTLE: u64 = 2 << 30;
/// Less than one of them needs.
const VERY_LITTLE: u64 = 256 << 20;
/// An environment of a hundred packages has about as many files.
const FEW_FILES: u64 = 50_000;
/// One package may have as many.
const VERY_FEW_FILES: u64 = 2_000;

/// A folder and the file system that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// What the folder is for: `cache`, `environment`.
    pub role: &'static str,
    /// The folder.
    pub folder: PathBuf,
    /// What was measured.
    pub usage: FilesystemUsage,
}

/// Says whether there is room.
#[must_use]
pub fn judge_room(room: &Room) -> Finding {
    let usage = &room.usage;
    let folder = room.folder.display();
    let files = if usage.inodes == 0 { String::new() } else { format!(", {} more files", usage.inodes_free) };
    let what = format!("{} has room for {}{files} ({folder})", room.role, show_bytes(usage.available as f64));
    let few = |limit: u64| usage.inodes > 0 && usage.inodes_free < limit;
    let status = if usage.available < VERY_LITTLE || few(VERY_FEW_FILES) {
        Status::Critical
    } else if usage.available < LITTLE || few(FEW_FILES) {
        Status::Warning
    } else {
        Status::Healthy
    };
    let finding = if status == Status::Healthy {
        Finding::healthy("disk", what)
    } else {
        let elsewhere = if room.role == "cache" { ", or move the cache with --cache-dir" } else { "" };
        let next = format!("free space there (`stratheal index prune` empties the cache){elsewhere}");
        Finding::bad("disk", status, what, next)
    };
    finding.with("available_bytes", usage.available).with("free_inodes", usage.inodes_free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_said() {
        const GIB: u64 = 1 << 30;
        for (available, inodes, inodes_free, status) in [
            (100 * GIB, 1_000_000, 900_000, Status::Healthy),
            (GIB, 1_000_000, 900_000, Status::Warning),
            (100 << 20, 1_000_000, 900_000, Status::Critical),
            (100 * GIB, 1_000_000, 10_000, Status::Warning),
            (100 * GIB, 1_000_000, 10, Status::Critical),
            (100 * GIB, 0, 0, Status::Healthy),
        ] {
            let usage = FilesystemUsage { total: 200 * GIB, free: available, available, inodes, inodes_free };
            let finding = judge_room(&Room { role: "cache", folder: "cache".into(), usage });
            assert_eq!((finding.status, finding.next.is_some()), (status, status != Status::Healthy), "{finding:?}");
        }
    }
}

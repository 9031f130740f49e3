//! Processes the kernel killed because memory ran out.
//!
//! Where the whole machine is visible, the machine's own count (`/proc/vmstat`) holds every kill, also those inside a group. In a
//! container that count would blame it for its neighbours, so there the count of its control groups is used.

use super::cgroup::{Hierarchy, Version, locate};
use super::error::if_there;
use super::{SysError, SysRoot, fields};

/// A count of kills since the start of what it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OomKills {
    /// How many.
    pub count: u64,
    /// Whose: `the host`, or the name of a control group.
    pub scope: String,
}

/// Counts the processes killed for lack of memory.
///
/// # Errors
/// [`SysError::Unsupported`] when the kernel counts them nowhere, else [`SysError`].
pub fn read(root: &SysRoot) -> Result<OomKills, SysError> {
    let hierarchy = locate(root, "memory")?;
    let group = hierarchy.as_ref().map(|found| in_groups(root, found)).transpose()?.flatten();
    if hierarchy.as_ref().is_some_and(|found| !found.whole)
        && let Some(kills) = group
    {
        return Ok(kills);
    }
    let host = if_there(root.parse("proc/vmstat", |text| fields::value::<u64>(text, "oom_kill")))?.flatten();
    let host = host.map(|count| OomKills { count, scope: "the host".to_owned() });
    // Kernels before 4.13 count in control groups only.
    host.into_iter().chain(group).max_by_key(|kills| kills.count).ok_or(SysError::Unsupported {
        what: "the number of processes killed for lack of memory",
        why: "this system counts them neither in control groups nor in /proc/vmstat",
    })
}

fn in_groups(root: &SysRoot, hierarchy: &Hierarchy) -> Result<Option<OomKills>, SysError> {
    let file = match hierarchy.version {
        Version::V2 => "memory.events",
        Version::V1 => "memory.oom_control",
    };
    let mut found: Option<OomKills> = None;
    for group in &hierarchy.groups {
        let parsed = if_there(root.parse(group.folder.join(file), |text| fields::value::<u64>(text, "oom_kill")))?;
        let Some(count) = parsed.flatten() else { continue };
        let below = match (&found, hierarchy.version) {
            // A group of version 1 counts only its own, so those below it come on top; one of version 2 counts them already.
            (Some(below), Version::V1) => below.count,
            _ => 0,
        };
        found = Some(OomKills { count: count.saturating_add(below), scope: group.name.clone() });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_counts() {
        assert!(read(&SysRoot::default()).is_ok());
    }

    #[test]
    fn nothing_counted_is_unsupported() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(&SysRoot::new(folder.path())), Err(SysError::Unsupported { .. })));
    }
}

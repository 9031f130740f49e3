//! Memory of control groups.
//!
//! Usage is the working set, as the kubelet defines it: what is charged to the group without the page cache that can be dropped
//! at once (`inactive_file`). With the page cache, every group that reads files looks full.

use super::locate::{Group, Hierarchy, Version, locate};
use crate::sys::error::if_there;
use crate::sys::{Malformed, SysError, SysRoot, fields};

/// Memory of one control group, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryGroup {
    /// The group.
    pub name: String,
    /// The most it may use; `None` when it has no limit of its own.
    pub limit: Option<u64>,
    /// What is charged to it without page cache that can be dropped at once; `None` when the kernel does not count it, as for the
    /// root of all groups in version 2.
    pub working_set: Option<u64>,
    /// Swap in use.
    pub swap: Option<u64>,
    /// The most swap it may use.
    pub swap_limit: Option<u64>,
}

/// The memory of the groups of this process: its own first, then each above it. Empty where there are no control groups.
///
/// # Errors
/// [`SysError`] when a file is there and cannot be read.
pub fn read(root: &SysRoot) -> Result<Vec<MemoryGroup>, SysError> {
    let Some(hierarchy) = locate(root, "memory")? else { return Ok(Vec::new()) };
    let mut groups: Vec<_> =
        hierarchy.groups.iter().map(|group| read_group(root, &hierarchy, group)).collect::<Result<_, _>>()?;
    if hierarchy.version == Version::V1
        && let (Some(hidden), Some(top)) = (hierarchical_limit(root, &hierarchy)?, groups.last_mut())
        // Groups above the mount cannot be seen, yet the kernel says what they allow.
        && top.limit.is_none_or(|limit| hidden < limit)
        && !hierarchy.whole
    {
        top.limit = Some(hidden);
    }
    Ok(groups)
}

fn read_group(root: &SysRoot, hierarchy: &Hierarchy, group: &Group) -> Result<MemoryGroup, SysError> {
    let file = |name: &str| group.folder.join(name);
    let limit = |name: &str| if_there(root.parse(file(name), parse_limit)).map(Option::flatten);
    let number = |name: &str| if_there(root.parse(file(name), |text| fields::number::<u64>(text, "the usage")));
    let stat = |key: &str| {
        if_there(root.parse(file("memory.stat"), |text| fields::value::<u64>(text, key))).map(Option::flatten)
    };
    let (limit, current, inactive, swap, swap_limit) = match hierarchy.version {
        Version::V2 => (
            limit("memory.max")?,
            number("memory.current")?,
            stat("inactive_file")?,
            number("memory.swap.current")?,
            limit("memory.swap.max")?,
        ),
        Version::V1 => {
            let own = limit("memory.limit_in_bytes")?;
            let with_swap = limit("memory.memsw.limit_in_bytes")?;
            let swap_limit = with_swap.map(|both| both.saturating_sub(own.unwrap_or(0)));
            (own, number("memory.usage_in_bytes")?, stat("total_inactive_file")?, stat("total_swap")?, swap_limit)
        }
    };
    let working_set = current.map(|current| current.saturating_sub(inactive.unwrap_or(0)));
    Ok(MemoryGroup { name: group.name.clone(), limit, working_set, swap, swap_limit })
}

fn hierarchical_limit(root: &SysRoot, hierarchy: &Hierarchy) -> Result<Option<u64>, SysError> {
    let Some(own) = hierarchy.groups.first() else { return Ok(None) };
    let file = own.folder.join("memory.stat");
    let limit = if_there(root.parse(file, |text| fields::value::<u64>(text, "hierarchical_memory_limit")))?.flatten();
    Ok(limit.filter(|limit| !is_no_limit(*limit)))
}

/// Reads a limit; `max`, and in version 1 the largest number of whole pages, mean none.
fn parse_limit(text: &str) -> Result<Option<u64>, Malformed> {
    let text = text.trim();
    if text == "max" || text == "-1" {
        return Ok(None);
    }
    fields::number(text, "the limit").map(|limit| Some(limit).filter(|limit| !is_no_limit(*limit)))
}

/// Version 1 writes "no limit" as `i64::MAX` rounded down to a page, whose size differs; no machine has half of that.
const fn is_no_limit(limit: u64) -> bool {
    limit >= 1 << 62
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_limit_has_many_forms() {
        for none in ["max\n", "-1", "9223372036854771712\n", "9223372036854710272", "18446744073709551615"] {
            assert_eq!(parse_limit(none), Ok(None), "{none}");
        }
        assert_eq!(parse_limit("536870912\n"), Ok(Some(536_870_912)));
        assert_eq!(parse_limit("0\n"), Ok(Some(0)));
        assert!(parse_limit("much").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = parse_limit(&text);
        }
    }
}

//! Control groups, version 1, version 2 and both at once: what a container, a service or a group of them may use.
//!
//! A limit of any group above this process binds it too, so every reader here looks at all groups from its own up to the topmost
//! that is visible. Sources: the kernel's `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/`, `cgroup_namespaces(7)`.

mod cpu;
mod locate;
mod membership;
mod memory;

pub use cpu::{CpuGroup, CpuQuota, Throttling, read as read_cpu};
pub use locate::{Group, Hierarchy, Version, locate};
pub use membership::{Membership, parse as parse_membership};
pub use memory::{MemoryGroup, read as read_memory};

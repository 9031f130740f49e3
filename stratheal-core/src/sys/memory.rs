//! Memory of the host. Source: proc(5), `meminfo`.

use super::{Malformed, SysError, SysRoot, fields};

/// Memory of the host, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostMemory {
    /// All memory.
    pub total: u64,
    /// What programs can have without swapping, by the kernel's estimate.
    pub available: u64,
    /// All swap.
    pub swap_total: u64,
    /// Unused swap.
    pub swap_free: u64,
}

impl HostMemory {
    /// What is not available.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.total.saturating_sub(self.available)
    }

    /// Swap in use.
    #[must_use]
    pub const fn swap_used(&self) -> u64 {
        self.swap_total.saturating_sub(self.swap_free)
    }
}

/// Reads `/proc/meminfo`.
///
/// # Errors
/// [`Malformed`] when the total is missing or zero, or a number is none.
pub fn parse(text: &str) -> Result<HostMemory, Malformed> {
    let kibibytes = |key: &str| fields::value::<u64>(text, key).map(|found| found.map(|k| k.saturating_mul(1024)));
    let total = kibibytes("MemTotal")?.filter(|total| *total > 0).ok_or_else(|| Malformed::missing("MemTotal"))?;
    let available = match kibibytes("MemAvailable")? {
        Some(available) => available,
        // Kernels before 3.14 leave the estimate to the reader.
        None => ["MemFree", "Buffers", "Cached"]
            .into_iter()
            .try_fold(0_u64, |sum, key| Ok(sum.saturating_add(kibibytes(key)?.unwrap_or(0))))?,
    };
    Ok(HostMemory {
        total,
        available: available.min(total),
        swap_total: kibibytes("SwapTotal")?.unwrap_or(0),
        swap_free: kibibytes("SwapFree")?.unwrap_or(0),
    })
}

/// The memory of this host.
///
/// # Errors
/// [`SysError`] when it cannot be read.
pub fn read(root: &SysRoot) -> Result<HostMemory, SysError> {
    if root.lacks_proc() {
        return super::elsewhere::memory();
    }
    root.parse("proc/meminfo", parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_meminfo() {
        let text =
            "MemTotal:       1000 kB\nMemFree: 100 kB\nMemAvailable:    400 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n";
        let memory = parse(text).unwrap();
        assert_eq!((memory.total, memory.used(), memory.swap_used()), (1_024_000, 614_400, 30 * 1024));
        let old = parse("MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 250 kB\n").unwrap();
        assert_eq!((old.available, old.swap_total), (400 * 1024, 0));
        for bad in ["", "MemTotal: 0 kB", "MemTotal: x kB", "MemTotal: 1 kB\nMemAvailable: -"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn this_host_has_memory() {
        let memory = read(&SysRoot::default()).unwrap();
        assert!(memory.total > 0 && memory.available <= memory.total);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(MemTotal:|MemAvailable:|[0-9a-z \n]){0,20}") {
            let _ = parse(&text);
        }
    }
}

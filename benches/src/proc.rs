//! What processes used, read from `/proc`. Source: proc(5).

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

/// Processor time of a process and of all its children that have ended and were waited for.
///
/// # Errors
/// When there is no such process, or `/proc` is not there.
pub fn cpu_time(pid: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = stat_fields(&stat).and_then(|fields| {
        // utime, stime, cutime, cstime: fields 14 to 17, of which the first after the name is field 3.
        fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum::<Option<u64>>()
    });
    let ticks = ticks.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unreadable /proc/<pid>/stat"))?;
    Ok(Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64))
}

/// The memory of a process and all its descendants that are there now, in bytes, each shared page counted in parts (PSS).
#[must_use]
pub fn memory_of_tree(pid: u32) -> u64 {
    tree(pid).into_iter().filter_map(memory).sum()
}

/// A process and all its descendants that are there now.
fn tree(pid: u32) -> HashSet<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // Processes come and go while we look.
        let Ok(stat) = fs::read_to_string(format!("/proc/{child}/stat")) else { continue };
        let parent = stat_fields(&stat).and_then(|fields| fields.get(1)?.parse().ok());
        children.entry(parent.unwrap_or_default()).or_default().push(child);
    }
    let mut seen = HashSet::from([pid]);
    let mut line = vec![pid];
    while let Some(process) = line.pop() {
        line.extend(children.remove(&process).unwrap_or_default().into_iter().filter(|child| seen.insert(*child)));
    }
    seen
}

/// Processes that have a path in a folder, or the folder itself, among the words of their command line; not this one.
#[must_use]
pub fn naming(folder: &Path) -> Vec<u32> {
    let process = |entry: fs::DirEntry| {
        let process = entry.file_name().to_str()?.parse().ok().filter(|process| *process != std::process::id())?;
        // Processes come and go while we look.
        let words = fs::read(entry.path().join("cmdline")).ok()?;
        let mut words = words.split(|byte| *byte == 0).map(|word| Path::new(OsStr::from_bytes(word)));
        words.any(|word| word.starts_with(folder)).then_some(process)
    };
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(process).collect()
}

/// The most memory a process or one of its descendants ever had resident, in bytes: the highest of them, not their sum.
#[must_use]
pub fn peak_of_tree(pid: u32) -> u64 {
    let peak = |pid| kibibytes(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "VmHWM:");
    tree(pid).into_iter().filter_map(peak).max().unwrap_or_default()
}

/// The memory of one process in bytes (PSS).
fn memory(pid: u32) -> Option<u64> {
    kibibytes(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?, "Pss:")
}

/// The resident memory of one process in bytes, all shared pages counted in full.
///
/// # Errors
/// When there is no such process, or `/proc` is not there.
pub fn resident(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    kibibytes(&status, "VmRSS:").ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no VmRSS"))
}

/// How often the threads of a process went to sleep by themselves, since each of them started.
///
/// # Errors
/// When there is no such process, or `/proc` is not there.
pub fn voluntary_switches(pid: u32) -> io::Result<u64> {
    let mut total = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // Threads come and go while we look.
        let Ok(status) = fs::read_to_string(thread?.path().join("status")) else { continue };
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        total += count.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or_default();
    }
    Ok(total)
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(number * 1024)
}

/// The fields after the name, which may itself contain blanks and brackets.
fn stat_fields(stat: &str) -> Option<Vec<&str>> {
    Some(stat.rsplit_once(')')?.1.split_ascii_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;

    use super::*;

    #[test]
    fn this_process_used_something() {
        let pid = std::process::id();
        let before = cpu_time(pid).unwrap();
        let mut sum = 0_u64;
        while cpu_time(pid).unwrap() < before + Duration::from_millis(20) {
            sum = std::hint::black_box((0..100_000_u64).fold(sum, u64::wrapping_add));
        }
        assert!(resident(pid).unwrap() > 100_000);
        assert!(memory_of_tree(pid) > 100_000);
    }

    #[test]
    fn processes_are_found_by_a_folder_and_not_by_one_with_a_longer_name() {
        let folder = Path::new("/proc/self/a-folder-of-nobody-else");
        let mut child = std::process::Command::new("sleep").arg("60").arg0(folder.join("sleep")).spawn().unwrap();
        // The system lets us go on a moment before it shows the words of the new program.
        let seen = (0..1000).map(|_| naming(folder)).find(|found| !found.is_empty()).unwrap_or_default();
        let found = (seen, naming(Path::new("/proc/self/a-folder-of-nobody")));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, (vec![child.id()], vec![]));
    }

    #[test]
    fn names_may_contain_anything() {
        assert_eq!(stat_fields("7 (a) b) S 1 2").unwrap(), ["S", "1", "2"]);
        assert_eq!(kibibytes("Rss: 3 kB\nPss:    12 kB\n", "Pss:"), Some(12 * 1024));
    }
}

//! Which wheels an interpreter accepts, and which of them it likes best.
//!
//! Source: "Platform compatibility tags" of the packaging specifications (PEP 425, 600, 656, 703). The order is the one `packaging`
//! gives, which all installers follow.

use std::collections::{HashMap, HashSet};

use super::{Interpreter, Libc};
use crate::index::{DistributionKind, DistributionName, WheelTags};
use crate::installer::wheel::WheelError;

/// Names that manylinux platforms had before PEP 600, by the minor version of glibc.
const OLD_NAMES: &[(u32, &str)] = &[(17, "manylinux2014"), (12, "manylinux2010"), (5, "manylinux1")];

/// The tags that an interpreter accepts, best first.
#[derive(Debug, Clone)]
pub struct Compatibility {
    tags: Vec<(String, String, String)>,
    ranks: HashMap<(String, String, String), usize>,
    /// Every interpreter, ABI and platform that stands in a tag: most wheels that do not fit have none of one kind.
    parts: HashSet<String>,
}

impl Compatibility {
    /// All tags that this interpreter accepts.
    #[must_use]
    pub fn of(interpreter: &Interpreter) -> Self {
        let platforms = platforms(interpreter);
        let mut tags = own(interpreter, &platforms);
        tags.extend(generic(interpreter, &platforms));
        let mut ranks = HashMap::with_capacity(tags.len());
        for (rank, tag) in tags.iter().enumerate() {
            ranks.entry(tag.clone()).or_insert(rank);
        }
        let parts = tags.iter().flat_map(|(python, abi, platform)| [python, abi, platform]).cloned().collect();
        Self { tags, ranks, parts }
    }

    /// How good a wheel is for it: the lower the better; `None` when it does not run.
    #[must_use]
    pub fn rank(&self, wheel: &WheelTags) -> Option<usize> {
        let may = |parts: &[String]| parts.iter().any(|part| self.parts.contains(part));
        if !may(&wheel.platform) || !may(&wheel.python) || !may(&wheel.abi) {
            return None;
        }
        let triples = wheel.python.iter().flat_map(|python| {
            wheel.abi.iter().flat_map(move |abi| wheel.platform.iter().map(move |platform| (python, abi, platform)))
        });
        triples
            .filter_map(|(python, abi, platform)| self.ranks.get(&(python.clone(), abi.clone(), platform.clone())))
            .min()
            .copied()
    }

    /// Whether a wheel with this file name runs. Most that do not are told by their names alone.
    #[must_use]
    pub fn takes(&self, file_name: &str) -> bool {
        let is_known = |part: &str| part.split('.').any(|one| self.parts.contains(one));
        // Platform, ABI, interpreter.
        let mut tags = file_name.strip_suffix(".whl").unwrap_or(file_name).rsplit('-').take(3);
        tags.all(is_known)
            && DistributionName::parse(file_name, None).is_ok_and(|name| match &name.kind {
                DistributionKind::Wheel(tags) => self.rank(tags).is_some(),
                DistributionKind::Sdist | DistributionKind::Legacy => false,
            })
    }

    /// Refuses a wheel with this file name when it does not run.
    pub(in crate::installer) fn check(&self, name: &str, wheel: &WheelTags) -> Result<(), WheelError> {
        if self.rank(wheel).is_some() {
            return Ok(());
        }
        let (name, tags, accepts) = (name.to_owned(), wheel.to_string(), self.examples());
        Err(WheelError::OtherPlatform { name, tags, accepts })
    }

    /// A few of the tags, for people: the best ones, and the one that most wheels have.
    fn examples(&self) -> Vec<String> {
        let usual = self.tags.iter().find(|(python, _, platform)| python.len() == "py3".len() && platform == "any");
        let few = self.tags.iter().take(2).chain(usual);
        few.map(|(python, abi, platform)| format!("{python}-{abi}-{platform}")).collect()
    }

    /// The tags, best first: interpreter, ABI, platform.
    #[must_use]
    pub fn tags(&self) -> &[(String, String, String)] {
        &self.tags
    }
}

type Tag = (String, String, String);

fn tag(python: &str, abi: &str, platform: &str) -> Tag {
    (python.to_owned(), abi.to_owned(), platform.to_owned())
}

/// What only this implementation runs.
fn own(interpreter: &Interpreter, platforms: &[String]) -> Vec<Tag> {
    let (major, minor, _) = interpreter.version;
    if interpreter.markers.implementation_name != "cpython" {
        return other_implementation(interpreter, platforms);
    }
    let name = format!("cp{major}{minor}");
    let threads = if interpreter.is_free_threaded { "t" } else { "" };
    let mut abis = Vec::new();
    if interpreter.is_debug {
        abis.push(format!("{name}{threads}d"));
    }
    abis.push(format!("{name}{threads}"));
    let mut tags = Vec::new();
    for abi in &abis {
        tags.extend(platforms.iter().map(|platform| tag(&name, abi, platform)));
    }
    let stable = !interpreter.is_free_threaded;
    if stable {
        tags.extend(platforms.iter().map(|platform| tag(&name, "abi3", platform)));
    }
    tags.extend(platforms.iter().map(|platform| tag(&name, "none", platform)));
    if stable {
        for older in (2..minor).rev() {
            let name = format!("cp{major}{older}");
            tags.extend(platforms.iter().map(|platform| tag(&name, "abi3", platform)));
        }
    }
    tags
}

fn other_implementation(interpreter: &Interpreter, platforms: &[String]) -> Vec<Tag> {
    let (major, minor, _) = interpreter.version;
    let markers = &interpreter.markers;
    let short = if markers.implementation_name == "pypy" { "pp" } else { markers.implementation_name.as_str() };
    let name = format!("{short}{major}{minor}");
    // `.pypy310-pp73-x86_64-linux-gnu.so`: the first two parts are the ABI.
    let suffix = interpreter.extension_suffix.as_deref().unwrap_or_default();
    let parts: Vec<&str> = suffix.trim_start_matches('.').split('.').next().unwrap_or_default().split('-').collect();
    let abi = match parts.as_slice() {
        [first, second, ..] if first.starts_with("pypy") => format!("{first}_{second}"),
        [first, ..] if !first.is_empty() => (*first).to_owned(),
        _ => "none".to_owned(),
    };
    let abis = if abi == "none" { vec![abi] } else { vec![abi, "none".to_owned()] };
    abis.iter().flat_map(|abi| platforms.iter().map(|platform| tag(&name, abi, platform))).collect()
}

/// What any implementation of this version runs.
fn generic(interpreter: &Interpreter, platforms: &[String]) -> Vec<Tag> {
    let (major, minor, _) = interpreter.version;
    let versions: Vec<String> = std::iter::once(format!("py{major}{minor}"))
        .chain([format!("py{major}")])
        .chain((0..minor).rev().map(|older| format!("py{major}{older}")))
        .collect();
    let mut tags = Vec::new();
    for version in &versions {
        tags.extend(platforms.iter().map(|platform| tag(version, "none", platform)));
    }
    let short = match interpreter.markers.implementation_name.as_str() {
        "cpython" => "cp",
        "pypy" => "pp",
        other => other,
    };
    tags.push(tag(&format!("{short}{major}{minor}"), "none", "any"));
    tags.extend(versions.iter().map(|version| tag(version, "none", "any")));
    tags
}

/// Platforms that this interpreter runs on, the closest first.
fn platforms(interpreter: &Interpreter) -> Vec<String> {
    let own: String =
        interpreter.platform.chars().map(|c| if matches!(c, '-' | '.' | ' ') { '_' } else { c }).collect();
    if let Some(architecture) = own.strip_prefix("linux_") {
        // A 32-bit interpreter on a 64-bit kernel calls the kernel's architecture its own.
        let architecture = match (architecture, interpreter.pointer_bits) {
            ("x86_64", 32) => "i686",
            ("aarch64", 32) => "armv8l",
            (other, _) => other,
        };
        return linux(architecture, interpreter.libc.as_ref());
    }
    if let Some(rest) = own.strip_prefix("macosx_") {
        return macos(rest, &interpreter.markers.platform_machine, &interpreter.markers.platform_release);
    }
    vec![own]
}

fn linux(architecture: &str, libc: Option<&Libc>) -> Vec<String> {
    let architectures: &[&str] = if architecture == "armv8l" { &["armv8l", "armv7l"] } else { &[architecture] };
    // What was built on this machine fits best.
    let mut platforms: Vec<String> = architectures.iter().map(|name| format!("linux_{name}")).collect();
    match libc {
        Some(Libc(name, 2, minor)) if name == "glibc" => {
            let oldest = if matches!(architecture, "x86_64" | "i686") { 5 } else { 17 };
            for minor in (oldest..=*minor.min(&999)).rev() {
                platforms.extend(architectures.iter().map(|name| format!("manylinux_2_{minor}_{name}")));
                for (_, old) in OLD_NAMES.iter().filter(|(of, _)| *of == minor) {
                    platforms.extend(architectures.iter().map(|name| format!("{old}_{name}")));
                }
            }
        }
        Some(Libc(name, major, minor)) if name == "musl" => {
            for minor in (0..=*minor.min(&999)).rev() {
                platforms.extend(architectures.iter().map(|name| format!("musllinux_{major}_{minor}_{name}")));
            }
        }
        _ => {}
    }
    platforms
}

/// `sysconfig` names the version an interpreter was built for; wheels run from there up to the version of the system, whose kernel has
/// a number of its own: Darwin 20 is macOS 11, and Darwin 25 is macOS 26.
fn macos(built_for: &str, machine: &str, release: &str) -> Vec<String> {
    let darwin: u32 = release.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    let newest = match darwin {
        25.. => darwin + 1,
        20..25 => darwin - 9,
        // Not known, or older: what it was built for.
        _ => built_for.split('_').next().and_then(|major| major.parse().ok()).unwrap_or(11),
    };
    let formats: &[&str] = if machine == "arm64" {
        &["arm64", "universal2"]
    } else {
        &["x86_64", "intel", "fat64", "fat32", "universal2", "universal"]
    };
    let mut platforms = Vec::new();
    for major in (11..=newest.min(99)).rev() {
        let formats = if machine == "arm64" { formats } else { &["x86_64", "universal2", "universal"][..] };
        platforms.extend(formats.iter().map(|format| format!("macosx_{major}_0_{format}")));
    }
    for minor in (4..=16).rev() {
        let formats = if machine == "arm64" { &["universal2"] } else { formats };
        platforms.extend(formats.iter().map(|format| format!("macosx_10_{minor}_{format}")));
    }
    platforms
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::index::{DistributionKind, DistributionName};
    use crate::testing::skipped;
    use crate::testing::tools::{PIP, Tool};

    /// The list is that of `packaging`, in the same order, on whatever machine this runs.
    #[tokio::test]
    async fn the_list_is_that_of_packaging() {
        let tool = match Tool::new(PIP) {
            Ok(tool) => tool,
            Err(reason) => return skipped("the list of tags", &reason),
        };
        let program = tool.program("python");
        let python = Interpreter::ask(&program, Duration::from_secs(20)).await.unwrap();
        let script = "from pip._vendor.packaging.tags import sys_tags\nfor tag in sys_tags(): print(tag)";
        let output = std::process::Command::new(&program).args(["-c", script]).output().unwrap();
        let theirs = String::from_utf8(output.stdout).unwrap();
        let compatibility = Compatibility::of(&python);
        let ours: Vec<String> =
            compatibility.tags().iter().map(|(python, abi, platform)| format!("{python}-{abi}-{platform}")).collect();
        let other = ours.iter().zip(theirs.lines()).find(|(ours, theirs)| ours != theirs);
        assert_eq!((other, ours.len()), (None, theirs.lines().count()));
    }

    #[tokio::test]
    async fn the_best_wheel() {
        let Ok(mut python) = Interpreter::ask(Path::new("python3"), Duration::from_secs(20)).await else {
            return skipped("the best wheel", "there is no python3 in PATH");
        };
        python.version = (3, 12, 1);
        python.markers.implementation_name = "cpython".to_owned();
        (python.platform, python.pointer_bits) = ("linux-x86_64".to_owned(), 64);
        (python.libc, python.is_free_threaded, python.is_debug) = (Some(Libc("glibc".to_owned(), 2, 36)), false, false);
        let accepts = Compatibility::of(&python);
        let rank = |name: &str| {
            let DistributionKind::Wheel(tags) = DistributionName::parse(name, None).unwrap().kind else {
                panic!("{name}")
            };
            accepts.rank(&tags)
        };
        let best_first = [
            "a-1-cp312-cp312-linux_x86_64.whl",
            "a-1-cp312-cp312-manylinux_2_28_x86_64.whl",
            "a-1-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "a-1-cp312-abi3-manylinux_2_17_x86_64.whl",
            "a-1-cp39-abi3-manylinux_2_17_x86_64.whl",
            "a-1-py3-none-manylinux1_x86_64.whl",
            "a-1-py2.py3-none-any.whl",
        ];
        let ranks: Vec<_> = best_first.iter().map(|name| rank(name).unwrap()).collect();
        assert!(ranks.is_sorted(), "{ranks:?}");
        for name in [
            "a-1-cp313-cp313-manylinux_2_17_x86_64.whl",
            "a-1-cp312-cp312-manylinux_2_37_x86_64.whl",
            "a-1-cp312-cp312-manylinux_2_17_aarch64.whl",
            "a-1-cp312-cp312-musllinux_1_2_x86_64.whl",
            "a-1-cp312-cp312t-manylinux_2_17_x86_64.whl",
            "a-1-cp313-abi3-manylinux_2_17_x86_64.whl",
            "a-1-py2-none-any.whl",
            "a-1-py3-none-win_amd64.whl",
        ] {
            assert_eq!(rank(name), None, "{name}");
            assert!(!accepts.takes(name), "{name}");
        }
        let DistributionKind::Wheel(tags) = DistributionName::parse("a-1-py3-none-win_amd64.whl", None).unwrap().kind
        else {
            panic!("it is a wheel")
        };
        assert_eq!(
            accepts.check("a.whl", &tags).unwrap_err().to_string(),
            "the wheel a.whl is refused: it is for py3-none-win_amd64, and this interpreter takes cp312-cp312-linux_x86_64, \
             cp312-cp312-manylinux_2_36_x86_64, py3-none-any and others: get one that fits"
        );
    }
}

//! Real installers through `stratheal run`, and `stratheal install`, under every pattern of faults that leaves a chance.
//!
//! Some patterns are tried each time, all of them by `make chaos`. Each installation starts with empty caches.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use stratheal_core::testing::faulty_index::{Content, Package, Pattern, mirrored, single};
use stratheal_core::testing::skipped;
use stratheal_core::testing::tools::{self, Tool};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

/// How many installations run at once. They wait more than they work.
const AT_ONCE: usize = 4;
/// How long one may take, beyond what the fault itself sets: a debug build beside others on two processors.
const LIMIT: Duration = Duration::from_mins(1);
/// Patterns that are tried each time: one of each kind.
const USUAL: &[&str] = &[
    "reset-within",
    "429-missing",
    "truncated-unsized",
    "flipped",
    "silence-within",
    "connection-cut",
    "page-truncated",
    "no-ranges",
    "redirect-elsewhere",
    "mirror-refused",
    "mirror-503-files",
    "mirror-other-bytes",
];

#[derive(Debug, Clone, Copy)]
enum Installer {
    Uv,
    Pip,
    Ours,
}

impl Installer {
    const ALL: [Self; 3] = [Self::Uv, Self::Pip, Self::Ours];
}

struct Installers {
    uv: Tool,
    pip: Tool,
}

impl Installers {
    fn new() -> Option<Self> {
        let tool = |requirements| Tool::new(requirements);
        match tool(tools::UV).and_then(|uv| Ok(Self { uv, pip: tool(tools::PIP)? })) {
            Ok(installers) => Some(installers),
            Err(why) => {
                skipped("pip and uv under faults", &why);
                None
            }
        }
    }

    /// Installs through the gateway; what went wrong is returned.
    async fn install(&self, installer: Installer, pattern: &Pattern, content: &Content) -> Result<(), String> {
        let scenario = pattern.start(content).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let requirements = folder.path().join("requirements.txt");
        std::fs::write(&requirements, "small==1.0\nlarge==1.0\nbuilt==1.0\n").unwrap();
        let target = folder.path().join("target");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stratheal"));
        tools::clean(&mut command, folder.path());
        command.arg(if matches!(installer, Installer::Ours) { "install" } else { "run" });
        command.arg("--cache-dir").arg(folder.path().join("gateway"));
        for (position, url) in scenario.urls().iter().enumerate() {
            command.arg(if position == 0 { "--index" } else { "--mirror" }).arg(url);
        }
        match installer {
            Installer::Uv => {
                command
                    .arg("--")
                    .arg(self.uv.program("uv"))
                    .args(["pip", "install", "--python"])
                    .arg(self.pip.program("python"));
                command.env("UV_CACHE_DIR", folder.path().join("uv"));
            }
            Installer::Pip => {
                command.arg("--").arg(self.pip.program("python")).args(["-m", "pip", "install", "--no-compile"]);
            }
            Installer::Ours => {
                let uv = self.uv.program("uv");
                let path = [uv.parent().unwrap(), Path::new("/usr/bin"), Path::new("/bin")];
                command.env("PATH", std::env::join_paths(path).unwrap()).env("UV_CACHE_DIR", folder.path().join("uv"));
                command.arg("--base").arg(self.pip.program("python"));
            }
        }
        command.arg(if matches!(installer, Installer::Ours) { "--python" } else { "--target" }).arg(&target);
        command.arg("-r").arg(&requirements);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let child = Command::from(command).kill_on_drop(true).spawn().unwrap();
        let limit = LIMIT + pattern.floor;
        let Ok(done) = timeout(limit, child.wait_with_output()).await else {
            return Err(format!("still at it after {} s", limit.as_secs()));
        };
        let done = done.unwrap();
        let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        if !done.status.success() {
            return Err(format!("{} after {:.1} s: {said}", done.status, began.elapsed().as_secs_f64()));
        }
        let folder = if matches!(installer, Installer::Ours) { site_packages(&target) } else { target };
        installed(&folder, content)
    }
}

fn site_packages(environment: &Path) -> PathBuf {
    let mut pythons = environment.join("lib").read_dir().unwrap();
    pythons.next().unwrap().unwrap().path().join("site-packages")
}

/// Complains unless everything is there, byte for byte.
fn installed(target: &Path, content: &Content) -> Result<(), String> {
    for module in ["small", "large", "built", "needed"] {
        std::fs::read(target.join(module).join("__init__.py")).map_err(|error| format!("{module}: {error}"))?;
    }
    let data = std::fs::read(target.join("large/data0.bin")).map_err(|error| format!("large: {error}"))?;
    let wheel = content.file("large-1.0-py3-none-any.whl").unwrap().body.to_bytes();
    let found = wheel.windows(data.len()).any(|window| window == data);
    if found { Ok(()) } else { Err("large/data0.bin has the wrong content".to_owned()) }
}

fn content() -> Content {
    Content::new([
        Package::new("small", "0.9").payload(40_000),
        Package::new("small", "1.0").payload(40_000).requires("needed>=1"),
        Package::new("needed", "1.0").payload(60_000),
        Package::new("large", "1.0").payload(2_500_000),
        Package::new("built", "1.0").sdist_needing("builder"),
        Package::new("builder", "1.0").payload(30_000),
    ])
}

async fn try_all(patterns: Vec<Pattern>) {
    let Some(installers) = Installers::new() else { return };
    let content = content();
    let trials = patterns.iter().flat_map(|pattern| Installer::ALL.map(|installer| (pattern, installer)));
    let outcomes: Vec<_> = stream::iter(trials)
        .map(async |(pattern, installer)| {
            (pattern.name, installer, installers.install(installer, pattern, &content).await)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut failed = String::new();
    for (pattern, installer, outcome) in outcomes {
        if let Err(problem) = outcome {
            let _ = writeln!(failed, "--- {pattern} with {installer:?}: {problem}");
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn installers_survive_some_patterns() {
    let all = single().into_iter().chain(mirrored());
    let usual: Vec<_> = all.filter(|pattern| USUAL.contains(&pattern.name)).collect();
    assert_eq!(usual.len(), USUAL.len(), "a name is wrong");
    try_all(usual).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "chaos: takes minutes"]
async fn chaos_installers_survive_all_patterns() {
    try_all(single().into_iter().chain(mirrored()).collect()).await;
}

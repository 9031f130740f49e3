//! All environments, one after the other, the programs in turn.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use stratheal_core::testing::faulty_index::{Content, FaultyIndex, Package};
use stratheal_core::testing::tools::{self, Tool};

use super::peer::{Peer, Site, ours};
use super::scene::{self, Took, change, one_project, size};
use super::switch::Seen;
use crate::failure::Failure;
use crate::fetch::place::Place;
use crate::fetch::settings::Settings;
use crate::program::say;
use crate::quantile::quantile;
use crate::table::Table;
use crate::tool;

/// Environments by name, and the packages in them: those of the index, or ones that are made for the purpose.
const SETS: [(&str, &[&str]); 3] = [
    ("small", &["flask"]),
    ("medium", &["numpy", "pandas", "scikit-learn", "matplotlib", "sympy", "django"]),
    ("large", &[]),
];

/// What is made: so many packages, of so many files and bytes each. 45,000 files, 750 MB.
const MADE: (u32, u32, u64) = (150, 300, 5_000_000);

/// What is measured.
const FIRST: &str = "first";
const AGAIN: &str = "unchanged again";
const CHANGED: &str = "one package changed";
const RESTORED: &str = "all of it restored";

/// Runs what is wanted and prints the tables.
///
/// # Errors
/// When a program cannot be run.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    for peer in Peer::ALL.into_iter().filter(|peer| !peer.is_there()) {
        say(&format!("SKIPPED: {}: it is not installed", peer.name()))?;
    }
    for (name, requirements) in SETS {
        if settings.wants(name) {
            say(&measure(name, requirements, settings.rounds).await?)?;
        }
    }
    Ok(())
}

struct Measured {
    times: BTreeMap<(&'static str, usize), Vec<f64>>,
    peak: BTreeMap<usize, u64>,
    stored: BTreeMap<usize, (u64, u64)>,
}

async fn measure(name: &str, requirements: &[&str], rounds: usize) -> Result<String, Failure> {
    let place = Place::new()?;
    let home = place.fresh()?;
    let (made, cache) = (home.join("made/environment"), home.join("cache"));
    let index = match requirements {
        [] => Some(FaultyIndex::start(made_packages(), Vec::new()).await?),
        _ => None,
    };
    let installing = Installing::new(requirements, index.as_ref(), &cache)?;
    run_one(installing.command(&made, &home, &[])?, &home).await?;
    let (files, bytes) = size(&made)?;
    let project = one_project(&made)?;
    let mut measured = Measured { times: BTreeMap::new(), peak: BTreeMap::new(), stored: BTreeMap::new() };
    let mut parts: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    let mut seen: BTreeMap<usize, Seen> = BTreeMap::new();
    for round in 0..rounds {
        for (index, peer) in Peer::ALL.into_iter().enumerate().filter(|(_, peer)| peer.is_there()) {
            let folder = place.fresh()?;
            let (environment, own) = (folder.join("environment"), folder.join("own"));
            fs::create_dir(&own)?;
            if peer == Peer::Ours {
                // One of its own, because a copy is a stranger.
                run_one(installing.command(&environment, &own, &["--offline"])?, &folder).await?;
            } else {
                let mut copy = std::process::Command::new("cp");
                copy.arg("-a").arg(&made).arg(&environment);
                run_one(copy, &folder).await?;
            }
            let cache = (peer == Peer::Ours).then_some(cache.as_path());
            let mut site = Site { environment: &environment, own: &own, cache, number: 0 };
            if let Some(begin) = peer.begin(&site) {
                run_one(begin, &folder).await?;
            }
            let mut took = |what: &'static str, took: Took| {
                measured.times.entry((what, index)).or_default().push(took.time.as_secs_f64());
                let peak = measured.peak.entry(index).or_default();
                *peak = (*peak).max(took.peak);
            };
            took(FIRST, run_one(peer.keep(&site)?, &folder).await?);
            // What changed a moment ago is not believed to be as it was.
            tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
            site.number = 1;
            run_one(peer.keep(&site)?, &folder).await?;
            site.number = 2;
            took(AGAIN, run_one(peer.keep(&site)?, &folder).await?);
            let mine: Vec<PathBuf> = project
                .iter()
                .filter_map(|file| file.strip_prefix(&made).ok())
                .map(|inside| environment.join(inside))
                .collect();
            change(&mine, "# changed\n")?;
            let before = stored(&own)?;
            site.number = 3;
            took(CHANGED, run_one(peer.keep(&site)?, &folder).await?);
            measured.stored.insert(index, (before, stored(&own)?.saturating_sub(before)));
            if matches!(peer, Peer::Ours | Peer::Foreign) {
                pieces(&site, peer, &mine, &folder, &mut parts).await?;
                seen.entry(index).or_default().look_on(&site, &mine).await?;
            }
            fs::remove_dir_all(&environment)?;
            took(RESTORED, run_one(peer.restore(&site)?, &folder).await?);
            if peer == Peer::Ours {
                fs::remove_dir_all(&environment)?;
                site.cache = None;
                let inflated = run_one(peer.restore(&site)?, &folder).await?;
                measured
                    .times
                    .entry(("all of it, packs inflated", index))
                    .or_default()
                    .push(inflated.time.as_secs_f64());
            }
            if round + 1 < rounds {
                fs::remove_dir_all(&folder)?;
            }
        }
    }
    if let Some(index) = index {
        index.stop().await;
    }
    let mut text = format!("{name}: {files} files, {:.0} MB\n{}", bytes as f64 / 1e6, table(&measured, &parts));
    for (peer, seen) in seen {
        // Writing into a string does not fail.
        let _ = write!(text, "\n{}", seen.table(Peer::ALL[peer].name()));
    }
    Ok(text)
}

/// Packages of noise, which nothing makes smaller.
fn made_packages() -> Content {
    let (count, files, bytes) = MADE;
    Content::new((0..count).map(|number| {
        Package::new(&format!("made-{number:03}"), "1.0").files(files).payload(bytes).seed(u64::from(number))
    }))
}

/// How the environment is made.
struct Installing<'a> {
    packages: Vec<String>,
    index: Option<String>,
    cache: &'a Path,
    path: OsString,
    python: PathBuf,
}

impl<'a> Installing<'a> {
    fn new(requirements: &[&str], index: Option<&FaultyIndex>, cache: &'a Path) -> Result<Self, Failure> {
        let uv = Tool::new(tools::UV).map_err(Failure::new)?;
        let path = [uv.program("uv").parent().map(Path::to_owned), Some(PathBuf::from("/usr/bin"))];
        let path = std::env::join_paths(path.into_iter().flatten()).map_err(|error| Failure::new(error.to_string()))?;
        let made = (0..MADE.0).map(|number| format!("made-{number:03}"));
        Ok(Self {
            packages: match index {
                Some(_) => made.collect(),
                None => requirements.iter().map(|&name| name.to_owned()).collect(),
            },
            index: index.map(FaultyIndex::url),
            cache,
            path,
            python: Tool::new(tools::PIP).map_err(Failure::new)?.program("python"),
        })
    }

    fn command(&self, environment: &Path, home: &Path, options: &[&str]) -> Result<std::process::Command, Failure> {
        let mut install = std::process::Command::new(std::env::current_exe()?);
        tools::clean(&mut install, home);
        install.env("PATH", &self.path).arg(tool::ROLE).args(options);
        if let Some(index) = &self.index {
            install.args(["--index", index]);
        }
        install.args(["install", "--quiet", "--no-snapshot", "--cache-dir"]).arg(self.cache);
        install.arg("--python").arg(environment).arg("--base").arg(&self.python).args(&self.packages);
        Ok(install)
    }
}

/// What only we do: one package back, and one file.
async fn pieces(
    site: &Site<'_>,
    peer: Peer,
    files: &[PathBuf],
    folder: &Path,
    parts: &mut BTreeMap<&'static str, Vec<f64>>,
) -> Result<(), Failure> {
    let environment = site.environment.to_string_lossy().into_owned();
    let back = ours(site, &["rollback", "1", "--quiet", "--environment", &environment], None)?;
    let took = run_one(back, folder).await?;
    let name = if peer == Peer::Ours { "one package back, installed by it" } else { "one package back, foreign" };
    parts.entry(name).or_default().push(took.time.as_secs_f64());
    let Some(file) = files.first() else { return Ok(()) };
    change(std::slice::from_ref(file), "# damaged\n")?;
    let file = file.to_string_lossy().into_owned();
    let words = ["rollback", "1", "--quiet", "--path", &file, "--environment", &environment];
    let took = run_one(ours(site, &words, None)?, folder).await?;
    let name = if peer == Peer::Ours { "one file back, installed by it" } else { "one file back, foreign" };
    parts.entry(name).or_default().push(took.time.as_secs_f64());
    Ok(())
}

async fn run_one(command: std::process::Command, folder: &Path) -> Result<Took, Failure> {
    scene::run(command, &folder.join("log")).await
}

/// The bytes that a peer keeps.
fn stored(own: &Path) -> Result<u64, Failure> {
    Ok(size(own)?.1)
}

fn table(measured: &Measured, parts: &BTreeMap<&'static str, Vec<f64>>) -> String {
    let mut table = Table::new(&["what", "who", "median", "range", "to cp -a", "peak memory"]);
    for what in [FIRST, AGAIN, CHANGED, RESTORED, "all of it, packs inflated"] {
        let base = measured.times.get(&(what, 0)).or_else(|| measured.times.get(&(RESTORED, 0)));
        let base = base.and_then(|times| quantile(&mut times.clone(), 0.5));
        for (index, peer) in Peer::ALL.into_iter().enumerate() {
            let Some(times) = measured.times.get(&(what, index)) else { continue };
            let mut times = times.clone();
            let median = quantile(&mut times, 0.5).unwrap_or_default();
            let range = times.first().zip(times.last()).map(|(low, high)| format!("{low:.3} to {high:.3} s"));
            let ratio = base.map(|base| format!("{:.2}x", median / base)).unwrap_or_default();
            let peak = measured.peak.get(&index).map(|peak| format!("{:.0} MB", *peak as f64 / 1e6));
            table.row(vec![
                what.to_owned(),
                peer.name().to_owned(),
                format!("{median:.3} s"),
                range.unwrap_or_default(),
                ratio,
                peak.unwrap_or_default(),
            ]);
        }
    }
    // Writing into a string does not fail.
    let mut text = table.to_string();
    let mut table = Table::new(&["what", "median", "range"]);
    for (what, times) in parts {
        let mut times = times.clone();
        let median = quantile(&mut times, 0.5).unwrap_or_default();
        let range = times.first().zip(times.last()).map(|(low, high)| format!("{low:.3} to {high:.3} s"));
        table.row(vec![(*what).to_owned(), format!("{median:.3} s"), range.unwrap_or_default()]);
    }
    let _ = write!(text, "\n{table}");
    let mut table = Table::new(&["who", "kept", "added by the change"]);
    for (index, (before, added)) in &measured.stored {
        let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
        table.row(vec![Peer::ALL[*index].name().to_owned(), megabytes(*before), megabytes(*added)]);
    }
    let _ = write!(text, "\n{table}");
    text
}

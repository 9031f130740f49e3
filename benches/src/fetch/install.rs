//! Installations on a network that is well: near, far, and throttled.

use std::path::Path;
use std::time::Duration;

use stratheal_core::testing::faulty_index::{FaultyIndex, Settings as IndexSettings};

use super::client::{Clients, Install, Installer, Way};
use super::content::Set;
use super::peers::{Peer, Server};
use super::place::Place;
use super::settings::Settings;
use crate::failure::Failure;
use crate::program::say;
use crate::quantile::quantile;
use crate::table::Table;

/// How long an installation may take.
const LIMIT: Duration = Duration::from_mins(2);

/// One way to install that is compared with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Candidate {
    /// The installer alone.
    Bare,
    /// Through the gateway, whose cache is empty.
    Cold,
    /// Through the gateway, whose cache holds everything.
    Warm,
    /// From a caching server that has everything.
    Peer(Peer),
}

impl Candidate {
    fn name(self) -> String {
        match self {
            Self::Bare => "bare".to_owned(),
            Self::Cold => "gateway, cold".to_owned(),
            Self::Warm => "gateway, warm".to_owned(),
            Self::Peer(peer) => format!("{}, warm", peer.name()),
        }
    }
}

/// What is compared.
struct Comparison<'a> {
    name: &'a str,
    set: &'a Set,
    index: IndexSettings,
    installer: Installer,
    candidates: &'a [Candidate],
    rounds: usize,
}

/// Measures what is wanted.
///
/// # Errors
/// When something cannot be started.
pub async fn measure(settings: &Settings, clients: &Clients, place: &Place) -> Result<String, Failure> {
    let far = Duration::from_millis(20);
    let (usual, small, large) = (Set::usual(), Set::small(), Set::large());
    let gateway = [Candidate::Bare, Candidate::Cold, Candidate::Warm];
    let all = [&gateway[..], &[Candidate::Peer(Peer::Devpi), Candidate::Peer(Peer::Proxpi)]].concat();
    let few = settings.rounds.min(2);
    let comparisons = [
        ("near", &usual, IndexSettings::new(), Installer::Uv, &all[..], settings.rounds),
        ("near", &usual, IndexSettings::new(), Installer::Pip, &gateway[..], few),
        ("small", &small, IndexSettings::new(), Installer::Uv, &all[..], settings.rounds),
        ("small", &small, IndexSettings::new(), Installer::Pip, &gateway[..], few),
        ("far", &usual, IndexSettings::new().round_trip(far), Installer::Uv, &gateway[..], settings.rounds),
        ("throttled", &large, IndexSettings::new().connection_rate(1_000_000), Installer::Uv, &gateway[..2], few),
    ];
    let mut table = Table::new(&["set", "installer", "way", "median", "to bare", "range"]);
    for (name, set, index, installer, candidates, rounds) in comparisons {
        if settings.wants(&format!("install/{name}")) {
            let comparison = Comparison { name, set, index, installer, candidates, rounds };
            comparison.measure(&mut table, clients, place).await?;
        }
    }
    Ok(table.to_string())
}

impl Comparison<'_> {
    async fn measure(self, table: &mut Table, clients: &Clients, place: &Place) -> Result<(), Failure> {
        let index = FaultyIndex::start_with(self.set.content.clone(), Vec::new(), self.index.clone()).await?;
        let ours = place.fresh()?;
        let mut servers: Vec<(Peer, Server)> = Vec::new();
        for candidate in self.candidates {
            if let Candidate::Peer(peer) = candidate {
                match peer.start(&index.url(), &place.fresh()?).await {
                    Ok(server) => servers.push((*peer, server)),
                    Err(failure) => say(&format!("{} cannot be measured: {failure}", peer.name()))?,
                }
            }
        }
        let mut times = vec![Vec::new(); self.candidates.len()];
        // Round 0 fills every cache that is meant to be full, and the system's own. A B A B from then on.
        for round in 0..=self.rounds {
            for (candidate, times) in self.candidates.iter().zip(&mut times) {
                let peer = servers.iter().find(|(peer, _)| *candidate == Candidate::Peer(*peer));
                if matches!(candidate, Candidate::Peer(_)) && peer.is_none() {
                    continue;
                }
                let url = peer.map_or_else(|| index.url(), |(_, server)| server.url());
                match self.install(*candidate, url, &ours, clients, place).await? {
                    Ok(took) if round > 0 => times.push(took.as_secs_f64()),
                    Ok(_) => {}
                    Err(said) => say(&format!("{} failed: {said}", candidate.name()))?,
                }
            }
        }
        let mut bare = None;
        for (candidate, mut times) in self.candidates.iter().zip(times) {
            let Some(median) = quantile(&mut times, 0.5) else { continue };
            let bare = *bare.get_or_insert(median);
            let range = times.first().zip(times.last()).map(|(low, high)| format!("{low:.2} to {high:.2} s"));
            table.row(vec![
                self.name.to_owned(),
                self.installer.name().to_owned(),
                candidate.name(),
                format!("{median:.2} s"),
                format!("{:.2}x", median / bare),
                range.unwrap_or_default(),
            ]);
        }
        for (_, server) in servers {
            server.child.stop(None).await?;
        }
        Ok(())
    }

    /// How long it took, or what the installer said.
    async fn install(
        &self,
        candidate: Candidate,
        url: String,
        ours: &Path,
        clients: &Clients,
        place: &Place,
    ) -> Result<Result<Duration, String>, Failure> {
        let folder = place.fresh()?;
        let cold = folder.join("gateway-cache");
        let run = clients
            .install(&Install {
                installer: self.installer,
                way: if matches!(candidate, Candidate::Cold | Candidate::Warm) { Way::Gateway } else { Way::Bare },
                urls: &[url],
                requirements: &self.set.requirements,
                cache: &folder.join("installer-cache"),
                gateway_cache: if candidate == Candidate::Warm { ours } else { &cold },
                folder: &folder,
                limit: LIMIT,
            })
            .await?;
        Ok(if run.success { Ok(run.took) } else { Err(run.said) })
    }
}

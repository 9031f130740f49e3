//! What there is to install.

use stratheal_core::testing::faulty_index::{Content, Package};

/// Some packages, and what to ask an installer for.
#[derive(Debug, Clone)]
pub struct Set {
    /// What the index offers.
    pub content: Content,
    /// Requirements that need all of it.
    pub requirements: Vec<String>,
    /// Bytes of all files.
    pub bytes: u64,
}

impl Set {
    fn new(packages: impl IntoIterator<Item = Package>) -> Self {
        let content = Content::new(packages);
        // Pinned, because newer and older ones of the same project may be there as well.
        let requirements = content.files().iter().filter(|file| file.project != "builder");
        let requirements = requirements.map(|file| format!("{}=={}", file.project, file.version)).collect();
        let bytes = content.files().iter().map(|file| file.size).sum();
        Self { content, requirements, bytes }
    }

    /// As a usual application: 40 wheels, 100 MB in all, a few of them large.
    #[must_use]
    pub fn usual() -> Self {
        Self::new((0..40).map(|number| {
            let payload = match number {
                0 => 40_000_000,
                1..=3 => 12_000_000,
                4..=9 => 3_000_000,
                _ => 200_000,
            };
            wheel("usual", number).payload(payload).files(20)
        }))
    }

    /// Many small ones: 150 wheels of 20 kB.
    #[must_use]
    pub fn small() -> Self {
        Self::new((0..150).map(|number| wheel("small", number).payload(20_000).files(5)))
    }

    /// As a large application: 60 wheels with 9,000 files and 230 MB.
    #[must_use]
    pub fn many_files() -> Self {
        Self::new((0..60).map(|number| wheel("many", number).payload(3_830_000).files(150)))
    }

    /// 301 small ones.
    #[must_use]
    pub fn many_projects() -> Self {
        Self::new((0..301).map(|number| wheel("one", number).payload(20_000).files(5)))
    }

    /// A few, for the patterns of faults: ten wheels, and one that has to be built.
    #[must_use]
    pub fn few() -> Self {
        let wheels = (0..9).map(|number| {
            let payload = match number {
                0 => 6_000_000,
                1 | 2 => 1_500_000,
                _ => 60_000,
            };
            wheel("few", number).payload(payload)
        });
        let built =
            [Package::new("few-built", "1.0").sdist_needing("builder"), Package::new("builder", "1.0").payload(60_000)];
        Self::new(wheels.chain(built))
    }

    /// Four large ones.
    #[must_use]
    pub fn large() -> Self {
        Self::new((0..2).map(|number| wheel("large", number).payload(20_000_000)))
    }
}

/// Each needs the next one, in groups of ten, so that there is something to resolve.
fn wheel(kind: &str, number: u32) -> Package {
    let package = Package::new(&format!("{kind}-{number:03}"), "1.0");
    if number.is_multiple_of(10) { package } else { package.requires(&format!("{kind}-{:03}>=0.5", number - 1)) }
}

//! Real installers through the gateway: what they install, what they write, and whom they asked.
//!
//! The installers come from the user's package index; without one these tests are skipped, loudly. Everything else is on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stratheal_core::fetch::{Fetcher, TransportSettings, TrustedCertificates};
use stratheal_core::gateway::{
    Environment, Gateway, Mode, ModeChoice, Plugin, Running, plan_with, poetry_mirror_plugin,
};
use stratheal_core::index::{Chain, Member, Source, Trust};
use stratheal_core::testing::faulty_index::{Content, FaultyIndex, Package, Settings};
use stratheal_core::testing::skipped;
use stratheal_core::testing::tools::{PIP, Tool, UV, clean};
use tempfile::TempDir;

const POETRY: &[&str] = &["poetry==2.5.1", "poetry-plugin-pypi-mirror"];
/// It takes any hishel, and works with the first major version only.
const PDM: &[&str] = &["pdm==2.29.4", "hishel==1.2.1"];
/// The version before, with what it was tested with itself: the newest one needs what not every index has.
const OLDER_PDM: &[&str] = &["pdm[locked]==2.29.3"];

/// Two wheels of which one needs the other, a source archive, and one whose build needs a wheel of the index.
fn content() -> Content {
    Content::new([
        Package::new("alpha", "1.0").payload(50_000).requires("beta>=1"),
        Package::new("beta", "1.5").payload(20_000),
        Package::new("beta", "0.5").payload(20_000),
        // Above 16 MiB files are sent while they arrive.
        Package::new("large", "1.0").payload(24 << 20),
        Package::new("gamma", "2.0").sdist(),
        Package::new("delta", "3.0").sdist_needing("beta"),
    ])
}

struct World {
    index: FaultyIndex,
    gateway: Running,
    home: TempDir,
    certificate: Option<PathBuf>,
}

impl World {
    async fn new(settings: Settings) -> Self {
        let home = tempfile::tempdir().unwrap();
        let index = FaultyIndex::start_with(content(), Vec::new(), settings).await.unwrap();
        let certificate = index.certificate().map(|pem| {
            let path = home.path().join("index.pem");
            std::fs::write(&path, pem).unwrap();
            path
        });
        let members = vec![Member { url: index.url().parse().unwrap(), trust: Trust::Pages }];
        let source = Source { name: "default".to_owned(), members, only: Vec::new(), immutable: true };
        let certificates = TrustedCertificates {
            system: false,
            files: certificate.iter().cloned().collect(),
            ..TrustedCertificates::default()
        };
        let transport = TransportSettings { certificates, ..TransportSettings::default() };
        let cache = home.path().join("stratheal");
        let chain = Chain { sources: vec![source] };
        let fetcher = Fetcher::builder(chain, cache.clone()).transport(transport.clone()).build().unwrap();
        let builder = Gateway::builder(fetcher).state_folder(cache.join("gateway")).proxy(transport);
        let gateway = builder.sample_projects(vec!["alpha".parse().unwrap()]).start().await.unwrap();
        Self { index, gateway, home, certificate }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// What a user of this index has in the environment.
    fn parent(&self) -> Environment {
        let mut variables: Vec<(&str, OsString)> = vec![
            ("PATH", std::env::var_os("PATH").unwrap()),
            ("UV_DEFAULT_INDEX", self.index.url().into()),
            ("PIP_INDEX_URL", self.index.url().into()),
            ("POETRY_VIRTUALENVS_IN_PROJECT", "true".into()),
            ("POETRY_CACHE_DIR", self.path("poetry-cache").into()),
            ("PDM_CHECK_UPDATE", "false".into()),
            ("PIP_CACHE_DIR", self.path("pip-cache").into()),
            ("UV_CACHE_DIR", self.path("uv-cache").into()),
            ("UV_LINK_MODE", "copy".into()),
        ];
        if let Some(certificate) = &self.certificate {
            for name in ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"] {
                variables.push((name, certificate.into()));
            }
        }
        variables.into_iter().collect()
    }

    fn command(&self, program: &Path, arguments: &[&str], environment: &Environment) -> Command {
        let mut command = Command::new(program);
        clean(&mut command, self.home.path());
        for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
            command.env_remove(name);
        }
        command.args(arguments).current_dir(self.home.path()).envs(environment.iter());
        command
    }

    /// Runs a client without the gateway.
    fn bare(&self, program: &Path, arguments: &[&str]) {
        passes(self.command(program, arguments, &self.parent()));
    }

    /// Runs a client through the gateway, and says in which mode.
    fn through(&self, program: &Path, arguments: &[&str]) -> Mode {
        let mut argv: Vec<OsString> = vec![program.into()];
        argv.extend(arguments.iter().map(OsString::from));
        let parent = self.parent();
        let plugin = match program.file_stem() {
            Some(name) if name == "poetry" => poetry_mirror_plugin(program, &parent),
            _ => Plugin::Unknown,
        };
        let plan = plan_with(&argv, &parent, ModeChoice::Auto, plugin);
        assert!(self.gateway.serves(&plan), "{plan:?}");
        let environment = parent.with(&self.gateway.child_environment(&plan));
        passes(self.command(program, arguments, &environment));
        let report = self.gateway.report();
        assert!(report.requests > 0 && report.server_errors == 0, "{report:?}");
        plan.mode
    }

    fn installed(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut found: Vec<_> = names.filter_map(|name| name.strip_suffix(".dist-info").map(str::to_owned)).collect();
        found.sort();
        found
    }
}

fn passes(mut command: Command) -> Output {
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}\n{}", said(&output.stdout), said(&output.stderr));
    output
}

/// The tool, or a loud word that it cannot be had.
fn tool(requirements: &'static [&'static str], test: &str) -> Option<Tool> {
    match Tool::new(requirements) {
        Ok(tool) => Some(tool),
        Err(error) => {
            skipped(test, &error);
            None
        }
    }
}

/// No address and no secret of the gateway in what a client wrote.
fn is_canonical(world: &World, text: &str) {
    let port = world.gateway.address().port();
    assert!(!text.contains(&format!(":{port}")), "an address of the gateway: {text}");
    assert!(text.contains(&world.index.origin()), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pip_installs_wheels_and_builds() {
    let Some(tool) = tool(PIP, "pip through the gateway") else { return };
    let world = World::new(Settings::new()).await;
    let pip = tool.program("pip");
    let mode = world.through(&pip, &["install", "--target", "wheels", "alpha"]);
    assert_eq!(mode, Mode::Index);
    assert_eq!(world.installed("wheels"), ["alpha-1.0", "beta-1.5"]);
    world.through(&pip, &["install", "--target", "large", "large"]);
    assert_eq!(world.installed("large"), ["large-1.0"]);
    world.through(&pip, &["install", "--target", "built", "gamma", "delta"]);
    assert_eq!(world.installed("built"), ["delta-3.0", "gamma-2.0"]);
    let report = world.gateway.report();
    assert_eq!(report.bypasses, [], "nothing goes past the gateway");
}

/// Those that came with distributions which are still in use.
#[tokio::test(flavor = "multi_thread")]
async fn older_pips_install() {
    let old: [&'static [&'static str]; 3] = [&["pip==21.3.1"], &["pip==23.0.1"], &["pip==24.0"]];
    for requirements in old {
        let Some(tool) = tool(requirements, "an older pip through the gateway") else { return };
        let world = World::new(Settings::new()).await;
        world.through(&tool.program("pip"), &["install", "--target", "wheels", "alpha"]);
        assert_eq!(world.installed("wheels"), ["alpha-1.0", "beta-1.5"], "{requirements:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pip_checks_hashes() {
    let Some(tool) = tool(PIP, "pip with hashes through the gateway") else { return };
    let world = World::new(Settings::new()).await;
    let content = world.index.content();
    let lines = [("alpha", "1.0"), ("beta", "1.5")].map(|(name, version)| {
        let file = Package::new(name, version).file_name();
        let id = content.file(&file).unwrap().body.id();
        format!("{name}=={version} --hash=sha256:{id}\n")
    });
    std::fs::write(world.path("requirements.txt"), lines.concat()).unwrap();
    let arguments = ["install", "--require-hashes", "--target", "hashed", "-r", "requirements.txt"];
    assert_eq!(world.through(&tool.program("pip"), &arguments), Mode::Index);
    assert_eq!(world.installed("hashed"), ["alpha-1.0", "beta-1.5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pip_reports_canonical_urls() {
    let Some(tool) = tool(PIP, "pip's report through the gateway") else { return };
    for settings in [Settings::new(), Settings::new().tls()] {
        let world = World::new(settings).await;
        let arguments = ["install", "--dry-run", "--ignore-installed", "--report", "report.json", "alpha"];
        assert_eq!(world.through(&tool.program("pip"), &arguments), Mode::Proxy);
        is_canonical(&world, &std::fs::read_to_string(world.path("report.json")).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uv_pip_installs_wheels_and_builds() {
    let Some(tool) = tool(UV, "uv pip through the gateway") else { return };
    let world = World::new(Settings::new()).await;
    let python = tool.program("python");
    let python = python.to_str().unwrap();
    let uv = tool.program("uv");
    let install = |target, names: &[&str]| {
        let mut arguments = vec!["pip", "install", "--python", python, "--target", target];
        arguments.extend(names);
        world.through(&uv, &arguments)
    };
    assert_eq!(install("wheels", &["alpha"]), Mode::Index);
    assert_eq!(world.installed("wheels"), ["alpha-1.0", "beta-1.5"]);
    install("large", &["large"]);
    assert_eq!(world.installed("large"), ["large-1.0"]);
    install("built", &["gamma", "delta"]);
    assert_eq!(world.installed("built"), ["delta-3.0", "gamma-2.0"]);
    assert_eq!(world.gateway.report().bypasses, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn uv_keeps_its_lock() {
    let Some(tool) = tool(UV, "uv lock through the gateway") else { return };
    for settings in [Settings::new(), Settings::new().tls()] {
        let world = World::new(settings).await;
        let uv = tool.program("uv");
        let python = tool.program("python");
        let project = "[project]\nname = \"app\"\nversion = \"0\"\nrequires-python = \">=3.8\"\n\
                       dependencies = [\"alpha\", \"gamma\", \"delta\"]\n";
        std::fs::write(world.path("pyproject.toml"), project).unwrap();
        let python = ["--python", python.to_str().unwrap()];
        let lock = || std::fs::read_to_string(world.path("uv.lock")).unwrap();
        world.bare(&uv, &["lock", python[0], python[1]]);
        let before = lock();
        std::fs::remove_file(world.path("uv.lock")).unwrap();
        std::fs::remove_dir_all(world.path("uv-cache")).unwrap();
        assert_eq!(world.through(&uv, &["lock", python[0], python[1]]), Mode::Proxy);
        assert_eq!(lock(), before, "made through the gateway");
        is_canonical(&world, &lock());
        // From the lock alone, with a cold cache of uv, and with none of the index's servers.
        std::fs::remove_dir_all(world.path("uv-cache")).unwrap();
        world.through(&uv, &["sync", "--no-install-project", python[0], python[1]]);
        assert_eq!(lock(), before, "used through the gateway");
        std::fs::remove_dir_all(world.path("uv-cache")).unwrap();
        std::fs::remove_dir_all(world.path(".venv")).unwrap();
        world.through(&uv, &["sync", "--frozen", "--no-install-project", python[0], python[1]]);
        let report = world.gateway.report();
        assert!(report.files >= 6, "{report:?}");
        assert_eq!((report.passed_on, report.tunnels), (0, 0), "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn poetry_installs_through_its_plugin() {
    let Some(tool) = tool(POETRY, "poetry through the gateway") else { return };
    let world = World::new(Settings::new()).await;
    let project = "[project]\nname = \"app\"\nversion = \"0\"\nrequires-python = \">=3.9\"\ndependencies = [\"alpha\"]\n\
                   [tool.poetry]\npackage-mode = false\n";
    std::fs::write(world.path("pyproject.toml"), project).unwrap();
    let poetry = tool.program("poetry");
    assert_eq!(world.through(&poetry, &["lock", "--no-interaction"]), Mode::Index);
    world.through(&poetry, &["install", "--no-interaction"]);
    let lock = std::fs::read_to_string(world.path("poetry.lock")).unwrap();
    assert!(!lock.contains("127.0.0.1"), "{lock}");
    let library = std::fs::read_dir(world.path(".venv/lib")).unwrap().next().unwrap().unwrap().file_name();
    let site = format!(".venv/lib/{}/site-packages", library.to_string_lossy());
    assert!(world.installed(&site).contains(&"beta-1.5".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn pdm_installs() {
    let newest = Tool::new(PDM).ok();
    let Some(tool) = newest.or_else(|| tool(OLDER_PDM, "pdm through the gateway")) else { return };
    let world = World::new(Settings::new()).await;
    let project = "[project]\nname = \"app\"\nversion = \"0\"\nrequires-python = \">=3.9\"\ndependencies = [\"alpha\"]\n\
                   [tool.pdm]\ndistribution = false\n";
    std::fs::write(world.path("pyproject.toml"), project).unwrap();
    assert_eq!(world.through(&tool.program("pdm"), &["install"]), Mode::Index);
    let lock = std::fs::read_to_string(world.path("pdm.lock")).unwrap();
    assert!(!lock.contains("127.0.0.1"), "{lock}");
}

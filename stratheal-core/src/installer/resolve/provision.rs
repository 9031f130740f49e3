//! An engine where there is none: uv's wheel, fetched from the chain like any other, and known by a hash that is written here. pip's
//! where uv has no wheel for this platform.
//!
//! Whoever serves the wheel need not be believed: what arrives is one of these files, or nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::ResolveError;
use super::{Engine, EngineChoice, Pip, Uv};
use crate::fetch::{FetchError, Fetcher, FileRequest};
use crate::index::{DistributionKind, DistributionName, ProjectName};
use crate::installer::python::{Compatibility, Interpreter};
use crate::objects::{ContentId, Pack, Store};

/// The wheels of the uv that this version is tested with, and their SHA-256.
const UV: &[(&str, &str)] = &[
    ("uv-0.13.9-py3-none-linux_armv6l.whl", "56ec37616c00220032fc7b8c9d0ef51367fd0d70d9cd6ddd841660f949f84fed"),
    ("uv-0.13.9-py3-none-macosx_10_12_x86_64.whl", "c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5"),
    ("uv-0.13.9-py3-none-macosx_11_0_arm64.whl", "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63"),
    (
        "uv-0.13.9-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
        "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    ),
    (
        "uv-0.13.9-py3-none-manylinux_2_17_armv7l.manylinux2014_armv7l.whl",
        "16963d19594e18d746a70c7fce82237bde4f2cac4cfcf0ca2b84796fe9d0c6e9",
    ),
    (
        "uv-0.13.9-py3-none-manylinux_2_17_i686.manylinux2014_i686.whl",
        "db5c8df7145c21ffea9c0f74e38823bac3af60cbadf0e26b8633f08627b17bab",
    ),
    (
        "uv-0.13.9-py3-none-manylinux_2_17_ppc64le.manylinux2014_ppc64le.whl",
        "c5dbdb7c8737cd183a9dce95b39cfd1f3d54ec2a27a1bb58f160293f9ba2c805",
    ),
    (
        "uv-0.13.9-py3-none-manylinux_2_17_s390x.manylinux2014_s390x.whl",
        "a6e845f387e4ed55bb59342957a9179e24a631fcc7668bda3426ae1cef8ed4b9",
    ),
    (
        "uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
    (
        "uv-0.13.9-py3-none-manylinux_2_31_riscv64.whl",
        "6b0c7b9f47a5d011939d61e324d3fe18a8bc155d8dd53add738709a92f290a7c",
    ),
    ("uv-0.13.9-py3-none-musllinux_1_1_i686.whl", "a2ee66fe8b6608e1482ab1bde5799da04705c1cb40324c7f66054ecf46ae6e40"),
    ("uv-0.13.9-py3-none-musllinux_1_1_x86_64.whl", "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25"),
    ("uv-0.13.9-py3-none-win32.whl", "3eeeb51a267a2144640fcd8f38d4a2f63439b39bc47445fd84727c3fc462c843"),
    ("uv-0.13.9-py3-none-win_amd64.whl", "6a44b2ed8111d2f60d2b92627c5dccda3f7ed7570b18ce115e569cd68c28246b"),
    ("uv-0.13.9-py3-none-win_arm64.whl", "eeb92051c2123b9730c46b04cc843cfa4bc7d7b0aec56df431a2215ef4cb0273"),
];

/// The wheel of the pip that this version is tested with.
const PIP: &[(&str, &str)] =
    &[("pip-26.3-py3-none-any.whl", "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13")];

/// Where the program lies in uv's wheel.
const PROGRAM: &str = if cfg!(windows) { "uv-0.13.9.data/scripts/uv.exe" } else { "uv-0.13.9.data/scripts/uv" };

/// Gets an engine. `None` when there is none for this platform.
///
/// # Cancellation
/// Dropping the future stops the transfer; what arrived is kept.
pub(in crate::installer) async fn provision(
    choice: EngineChoice,
    interpreter: &Interpreter,
    fetcher: &Fetcher,
    cache: &Path,
) -> Result<Option<Box<dyn Engine>>, ResolveError> {
    let accepts = Compatibility::of(interpreter);
    let best = |wheels: &[(&'static str, &'static str)]| {
        let ranked = wheels.iter().filter_map(|(name, hash)| Some((rank(name, &accepts)?, *name, *hash)));
        ranked.min().map(|(_, name, hash)| (name, hash))
    };
    if choice != EngineChoice::Pip
        && let Some((name, hash)) = best(UV)
    {
        let pack = wheel("uv", name, hash, fetcher).await?;
        let folder = cache.join("tools").join(pack.id().to_string());
        let program = tokio::task::spawn_blocking(move || unpack(&pack, &folder)).await;
        let program = program.map_err(io::Error::other).and_then(|program| program);
        let program = program.map_err(|source| ResolveError::Storage { action: "unpack uv", source })?;
        return Ok(Some(Box::new(Uv { program })));
    }
    if choice != EngineChoice::Uv
        && let Some((name, hash)) = best(PIP)
    {
        let pack = wheel("pip", name, hash, fetcher).await?;
        let folder = cache.join("tools").join(pack.id().to_string());
        // A wheel is a zip file, which Python runs as it is; its name says that it is one.
        let path = folder.join(name);
        let copied = fs::create_dir_all(&folder)
            .and_then(|()| if path.is_file() { Ok(()) } else { copy_whole(pack.path(), &path) });
        copied.map_err(|source| ResolveError::Storage { action: "keep pip", source })?;
        let program = vec![interpreter.base_executable.clone().into(), path.join("pip").into()];
        return Ok(Some(Box::new(Pip { program })));
    }
    Ok(None)
}

fn rank(name: &str, accepts: &Compatibility) -> Option<usize> {
    match DistributionName::parse(name, None).ok()?.kind {
        DistributionKind::Wheel(tags) => accepts.rank(&tags),
        _ => None,
    }
}

/// Gets a wheel by its name and its hash.
async fn wheel(project: &str, name: &str, hash: &str, fetcher: &Fetcher) -> Result<Pack, ResolveError> {
    let invalid = |what: &str| ResolveError::NoEngine(format!("{name}: {what}"));
    let id: ContentId = hash.parse().map_err(|_| invalid("its hash is none"))?;
    let project: ProjectName = project.parse().map_err(|_| invalid("its project is none"))?;
    let store: &Store = fetcher.store();
    let found = |store: &Store| store.pack(&id).map_err(|error| FetchError::Store(error.to_string()));
    if let Some(pack) = found(store)? {
        return Ok(pack);
    }
    let page = fetcher.page(&project).await?;
    let file = page.page.files.iter().find(|file| file.name == name).cloned();
    let mut file = file.ok_or_else(|| invalid("no index of the chain has it"))?;
    // Known here, whatever the page says.
    file.hashes.sha256 = Some(id);
    fetcher.file(&FileRequest { source: page.source, project, file }).await?;
    found(store)?.ok_or_else(|| invalid("it went out of the store"))
}

/// Puts uv's program into a folder, once.
fn unpack(pack: &Pack, folder: &Path) -> io::Result<PathBuf> {
    /// The largest program, in bytes.
    const LARGEST: u64 = 512 << 20;
    let program = folder.join(if cfg!(windows) { "uv.exe" } else { "uv" });
    if program.is_file() {
        return Ok(program);
    }
    let bytes = pack.archive().map_err(io::Error::other)?.read(PROGRAM, LARGEST).map_err(io::Error::other)?;
    fs::create_dir_all(folder)?;
    let temporary = folder.join(format!(".uv.{}", std::process::id()));
    fs::write(&temporary, bytes)?;
    #[cfg(unix)]
    fs::set_permissions(&temporary, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    fs::rename(&temporary, &program)?;
    Ok(program)
}

fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    let temporary = to.with_extension(format!("{}.tmp", std::process::id()));
    fs::copy(from, &temporary)?;
    fs::rename(&temporary, to)
}

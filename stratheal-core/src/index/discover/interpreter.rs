//! The built-in default index of the pip that belongs to an interpreter, read out of pip's own source.
//!
//! pip names it in `pip/_internal/models/index.py`. The file is read as text, from where pip is installed or from the wheel that
//! the standard library's `ensurepip` keeps; no Python is run.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use crate::index::surroundings::Surroundings;

/// Where pip says it, newest layout first.
const MODULES: &[&str] = &["pip/_internal/models/index.py", "pip/models/index.py"];

/// The largest source file that is read, in bytes.
const LARGEST_MODULE: usize = 256 << 10;

/// The largest wheel of pip that is read, in bytes. It has about 2 MB.
const LARGEST_WHEEL: usize = 32 << 20;

/// The most folders of an installation that are looked through.
const MOST_FOLDERS: usize = 50;

/// The default index of the pip that belongs to an interpreter or to an environment's folder, and the file that says so. Without
/// one, or where it has no pip: of the active environment, of `.venv` in `folder`, of the interpreters on `PATH`.
#[must_use]
pub fn default_of_pip(
    interpreter: Option<&Path>,
    folder: &Path,
    surroundings: &dyn Surroundings,
) -> Option<(String, PathBuf)> {
    let own = interpreter.map(|interpreter| prefixes_of(interpreter, surroundings)).unwrap_or_default();
    let in_any =
        |prefixes: Vec<PathBuf>| prefixes.iter().take(MOST_FOLDERS).find_map(|prefix| in_prefix(prefix, surroundings));
    in_any(own).or_else(|| in_any(prefixes_around(folder, surroundings)))
}

/// The folders that may hold the libraries of an interpreter: its environment, then the installation that was made from.
fn prefixes_of(interpreter: &Path, surroundings: &dyn Surroundings) -> Vec<PathBuf> {
    let is_folder = !surroundings.list(interpreter).is_empty();
    let above = |path: &Path| path.parent().and_then(Path::parent).map(Path::to_owned);
    let mut prefixes: Vec<PathBuf> =
        if is_folder { Some(interpreter.to_owned()) } else { above(interpreter) }.into_iter().collect();
    for prefix in prefixes.clone() {
        let text = surroundings.read(&prefix.join("pyvenv.cfg"), 64 << 10).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let home = text.lines().filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "home");
        // `home` is the folder of the interpreter on Unix, and already the prefix on Windows.
        let homes = home.map(|(_, home)| PathBuf::from(home.trim())).into_iter();
        prefixes.extend(homes.flat_map(|home| [home.parent().map(Path::to_owned), Some(home)].into_iter().flatten()));
    }
    let program = if is_folder { interpreter.join("bin/python3") } else { interpreter.to_owned() };
    prefixes.extend(surroundings.resolve(&program).and_then(|program| above(&program)));
    prefixes
}

fn prefixes_around(folder: &Path, surroundings: &dyn Surroundings) -> Vec<PathBuf> {
    let active = surroundings.variable("VIRTUAL_ENV").filter(|path| !path.is_empty()).map(PathBuf::from);
    let environments = active.into_iter().chain([folder.join(".venv")]);
    let mut prefixes: Vec<PathBuf> = environments.flat_map(|path| prefixes_of(&path, surroundings)).collect();
    let path = surroundings.variable("PATH").unwrap_or_default();
    let programs = std::env::split_paths(&path)
        .flat_map(|folder| ["python3", "python", "python.exe"].map(|name| folder.join(name)));
    for program in programs.filter(|program| surroundings.resolve(program).is_some()) {
        prefixes.extend(prefixes_of(&program, surroundings));
    }
    prefixes.extend(std::env::split_paths(&path).flat_map(|folder| behind_shims(&folder, surroundings)));
    prefixes
}

/// The installations behind a folder of shims, which are scripts and not the interpreters themselves: pyenv keeps them in `versions`
/// beside it. Which of them the shim would choose does not matter, because all of them have the same default.
fn behind_shims(folder: &Path, surroundings: &dyn Surroundings) -> Vec<PathBuf> {
    let Some(root) = folder.parent().filter(|_| folder.ends_with("shims")) else { return Vec::new() };
    let versions = root.join("versions");
    surroundings.list(&versions).into_iter().rev().take(MOST_FOLDERS).map(|name| versions.join(name)).collect()
}

fn in_prefix(prefix: &Path, surroundings: &dyn Surroundings) -> Option<(String, PathBuf)> {
    let libraries = ["lib", "lib64", "Lib"].map(|name| prefix.join(name));
    let versions = libraries.iter().flat_map(|library| {
        let names = surroundings.list(library).into_iter().filter(|name| name.starts_with("python"));
        names.take(MOST_FOLDERS).map(|name| library.join(name)).collect::<Vec<_>>()
    });
    // On Windows there is no folder for the version.
    let versions: Vec<PathBuf> = versions.chain([prefix.join("Lib")]).collect();
    let packages =
        versions.iter().flat_map(|version| ["site-packages", "dist-packages"].map(|name| version.join(name)));
    let modules = packages.flat_map(|packages| MODULES.iter().map(move |module| packages.join(module)));
    for module in modules {
        let text = surroundings.read(&module, LARGEST_MODULE).ok();
        if let Some(url) = text.and_then(|text| simple_url(&String::from_utf8_lossy(&text))) {
            return Some((url, module));
        }
    }
    // Distributions that take the wheels out of `ensurepip` keep them here.
    let bundles =
        versions.iter().map(|version| version.join("ensurepip/_bundled")).chain([prefix.join("share/python-wheels")]);
    bundles.into_iter().find_map(|bundle| {
        let names = surroundings.list(&bundle);
        let wheels = names.iter().filter(|name| name.starts_with("pip-") && crate::index::file_name::is_wheel(name));
        wheels.take(MOST_FOLDERS).find_map(|name| {
            let wheel = bundle.join(name);
            Some((in_wheel(surroundings.read(&wheel, LARGEST_WHEEL).ok()?)?, wheel))
        })
    })
}

fn in_wheel(bytes: Vec<u8>) -> Option<String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    MODULES.iter().find_map(|module| {
        let mut text = Vec::new();
        archive.by_name(module).ok()?.take(LARGEST_MODULE as u64).read_to_end(&mut text).ok()?;
        simple_url(&String::from_utf8_lossy(&text))
    })
}

/// The URL in `PyPI = PackageIndex("...", ...)`, with `simple/` added as pip's class does.
fn simple_url(source: &str) -> Option<String> {
    let call = source.lines().position(|line| line.starts_with("PyPI = PackageIndex("))?;
    let after: String = source.lines().skip(call).take(3).collect();
    let quoted = after.split(['"', '\'']).nth(1)?;
    let url = url::Url::parse(quoted).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    url.join("simple/").ok().map(String::from)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::index::surroundings::{ThisProcess, fake::Fake};

    const SOURCE: &str = "class PackageIndex:\n    pass\n\n\nPyPI = PackageIndex(\"https://default.example/\", file_storage_domain=\"x\")\nTestPyPI = \
                          PackageIndex(\n    \"https://test.example/\"\n)\n";
    const MODULE: &str = "lib/python3.12/site-packages/pip/_internal/models/index.py";

    fn found(fake: &Fake, interpreter: Option<&str>) -> Option<String> {
        default_of_pip(interpreter.map(Path::new), Path::new("/p"), fake)
            .map(|(url, from)| format!("{url} {}", from.display()))
    }

    #[test]
    fn where_pip_is_installed() {
        let module = |prefix: &str| format!("{prefix}/{MODULE}");
        let expected = |prefix: &str| Some(format!("https://default.example/simple/ {}", module(prefix)));
        let fake = Fake::new(&[], &[(&module("/env"), SOURCE), ("/env/bin/python", "")]);
        assert_eq!(found(&fake, Some("/env/bin/python")), expected("/env"));
        assert_eq!(found(&fake, Some("/env")), expected("/env"));
        assert_eq!(found(&fake, Some("/other/bin/python")), None);
        assert_eq!(found(&fake, None), None);
        // An environment without pip: the installation it was made from.
        let fake = Fake::new(&[], &[("/env/pyvenv.cfg", "home = /opt/py/bin\n"), (&module("/opt/py"), SOURCE)]);
        assert_eq!(found(&fake, Some("/env/bin/python")), expected("/opt/py"));
        let mut fake = Fake::new(&[], &[("/e/bin/python3", ""), (&module("/opt/py"), SOURCE)]);
        fake.links.insert("/e/bin/python3".into(), "/opt/py/bin/python3.12".into());
        assert_eq!(found(&fake, Some("/e")), expected("/opt/py"));
    }

    #[test]
    fn around_the_caller() {
        let module = |prefix: &str| format!("{prefix}/{MODULE}");
        let files = [("/v", "/usr/bin/python3"), ("/p/.venv", ""), ("/usr", "")];
        let files: Vec<_> = files.iter().map(|(prefix, _)| (module(prefix), SOURCE)).collect();
        let mut files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        files.push(("/usr/bin/python3", ""));
        let from = |variables: &[(&str, &str)], files: &[(&str, &str)]| {
            default_of_pip(None, Path::new("/p"), &Fake::new(variables, files))
                .map(|(_, from)| from.display().to_string())
        };
        assert_eq!(from(&[("VIRTUAL_ENV", "/v"), ("PATH", "/usr/bin")], &files), Some(module("/v")));
        assert_eq!(from(&[("PATH", "/usr/bin")], &files), Some(module("/p/.venv")));
        assert_eq!(from(&[("PATH", "/sbin:/usr/bin")], &files[2..]), Some(module("/usr")));
        assert_eq!(from(&[("PATH", "/sbin")], &files[2..]), None);
        let shimmed = module("/home/versions/3.12.1");
        let files = [("/home/shims/python3", "#!/bin/sh"), (shimmed.as_str(), SOURCE)];
        let around = Fake::new(&[("PATH", "/home/shims")], &files);
        assert!(found(&around, Some("/home/shims/python3")).is_some_and(|url| url.ends_with(&shimmed)));
    }

    #[test]
    fn in_the_bundle_of_ensurepip() {
        let mut wheel = zip::ZipWriter::new(Cursor::new(Vec::new()));
        wheel.start_file(MODULES[0], zip::write::SimpleFileOptions::default()).unwrap();
        wheel.write_all(SOURCE.as_bytes()).unwrap();
        let bytes = wheel.finish().unwrap().into_inner();
        for folder in ["/py/lib/python3.12/ensurepip/_bundled", "/py/share/python-wheels", "/py/Lib/ensurepip/_bundled"]
        {
            let mut fake = Fake::default();
            fake.files.insert(format!("{folder}/pip-26.0-py3-none-any.whl").into(), bytes.clone());
            fake.files.insert(format!("{folder}/pip-25.0-py3-none-any.whl").into(), b"damaged".to_vec());
            let from = format!("https://default.example/simple/ {folder}/pip-26.0-py3-none-any.whl");
            assert_eq!(found(&fake, Some("/py/bin/python3")), Some(from));
        }
    }

    /// The layouts above are those of a real interpreter, wherever this machine has one.
    #[test]
    fn a_real_pip() {
        let Some((url, from)) = default_of_pip(None, Path::new("/"), &ThisProcess) else {
            return crate::testing::skipped("the default index of a real pip", "no pip beside an interpreter on PATH");
        };
        assert!(url.starts_with("https://") && url.ends_with("/simple/"), "{}", from.display());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}", near in "(PyPI = PackageIndex\\(|\"|'|https://x/|\n|,){0,10}", bytes: Vec<u8>) {
            let _ = (simple_url(&text), simple_url(&near), in_wheel(bytes));
        }
    }
}

//! The few files beside an environment that say what it is for.

use std::fs;
use std::path::Path;

use crate::base::fs::read_bytes;
use crate::objects::ContentId;
use crate::snapshot::{ProjectFile, ProjectFiles};

/// The largest file that is kept, in bytes.
const LARGEST: u64 = 16 << 20;

/// The most files, and the most names of variables.
const MOST: usize = 200;

/// Whether a file of this name, in the folder of a project, says what its environment is for.
fn is_wanted(name: &str) -> bool {
    const WHOLE: &[&str] = &[
        "pyproject.toml",
        "setup.cfg",
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "pylock.toml",
        "stratheal.toml",
        ".python-version",
    ];
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let begins = |words: &[&str]| words.iter().any(|word| stem.starts_with(word));
    WHOLE.contains(&name)
        || (ending == "toml" && begins(&["pylock."]))
        || (matches!(ending, "txt" | "in") && begins(&["requirements", "constraints"]))
}

/// The files beside an environment, and what they contain. Of `.env` only the names of its variables are taken. A file that cannot be
/// read is left out: the environment is what counts.
pub(in crate::snapshot) fn project_files(folder: &Path) -> (ProjectFiles, Vec<Vec<u8>>) {
    let mut found = ProjectFiles { folder: folder.to_owned(), ..ProjectFiles::default() };
    let mut contents = Vec::new();
    let mut paths: Vec<String> = names(folder).into_iter().filter(|name| is_wanted(name)).collect();
    let texts = names(&folder.join("requirements"));
    let texts = texts.iter().filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "txt"));
    paths.extend(texts.map(|name| format!("requirements/{name}")));
    paths.sort_unstable();
    for path in paths.into_iter().take(MOST) {
        let absolute = folder.join(&path);
        let Ok(metadata) =
            fs::symlink_metadata(&absolute).map(|found| (found.is_file(), super::look::attributes(&found)))
        else {
            continue;
        };
        let (true, attributes) = metadata else { continue };
        match read_bytes(&absolute, LARGEST) {
            Ok(bytes) => {
                let (size, sha256) = (bytes.len() as u64, ContentId::of(&bytes));
                found.files.push(ProjectFile { path, size, sha256, mode: attributes.mode });
                contents.push(bytes);
            }
            Err(error) => tracing::debug!(%error, "a file beside the environment is not kept"),
        }
    }
    if let Ok(text) = read_bytes(&folder.join(".env"), LARGEST) {
        found.variables = variables(&String::from_utf8_lossy(&text));
    }
    (found, contents)
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// The names of the variables that a `.env` sets, in order.
fn variables(text: &str) -> Vec<String> {
    let is_name = |name: &str| {
        !name.is_empty() && name.len() <= 200 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let names = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let (name, _) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        Some(name.trim()).filter(|name| is_name(name)).map(str::to_owned)
    });
    let mut names: Vec<String> = names.take(MOST).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_value_of_a_variable_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("requirements.txt", "six\n"),
            ("requirements-dev.in", "pytest\n"),
            ("requirements/base.txt", "flask\n"),
            ("pylock.dev.toml", ""),
            ("notes.txt", "nothing"),
            (".env", "# TOKEN=old\nexport TOKEN=s3cret\nURL = http://user:s3cret@host\nNOT A NAME=x\n"),
        ] {
            fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            fs::write(folder.path().join(path), text).unwrap();
        }
        let (found, contents) = project_files(folder.path());
        let paths: Vec<_> = found.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["pylock.dev.toml", "requirements-dev.in", "requirements.txt", "requirements/base.txt"]);
        assert_eq!(contents[2], b"six\n");
        assert_eq!(found.variables, ["TOKEN", "URL"]);
        assert!(!serde_json::to_string(&found).unwrap().contains("s3cret"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}|([A-Z =#\n]{0,9}){0,4}") {
            for name in variables(&text) {
                prop_assert!(!name.contains('='));
            }
        }
    }
}

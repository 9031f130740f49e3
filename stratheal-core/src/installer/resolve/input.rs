//! What is wanted, as files that any engine reads: without the URLs of indexes, because the chain answers for those, and with absolute
//! paths.

use std::fmt::Write as _;
use std::path::Path;

use crate::base::redact::Secret;
use crate::installer::requirement::{ExtraName, Reference, Wanted, WantedHashes, WantedRequirement, What};

/// A requirements file of what is wanted, with or without settings for build backends. Holds the secrets of URLs.
pub(super) fn requirements_text(wanted: &Wanted, with_settings: bool) -> Secret<String> {
    let mut text = String::new();
    if wanted.options.no_index {
        text.push_str("--no-index\n");
    }
    for place in &wanted.options.find_links {
        let place = place.expose();
        let place = if place.contains(':') { place.clone() } else { url_of(Path::new(place)) };
        let _ = writeln!(text, "--find-links {place}");
    }
    let sets = [("--no-binary", &wanted.options.no_binary), ("--only-binary", &wanted.options.only_binary)];
    // A later `:all:` would take back what came before.
    for (option, _) in sets.iter().filter(|(_, set)| set.is_all) {
        let _ = writeln!(text, "{option} :all:");
    }
    for (option, set) in sets {
        for project in &set.names {
            let _ = writeln!(text, "{option} {project}");
        }
    }
    text.push_str(&lines(&wanted.requirements, with_settings));
    Secret::new(text)
}

/// A constraints file.
pub(super) fn constraints_text(wanted: &Wanted) -> Secret<String> {
    Secret::new(lines(&wanted.constraints, false))
}

fn lines(requirements: &[WantedRequirement], with_settings: bool) -> String {
    let mut text = String::new();
    for requirement in requirements {
        if requirement.is_editable {
            text.push_str("-e ");
        }
        text.push_str(&line(&requirement.what));
        for (name, values) in requirement.config_settings.iter().filter(|_| with_settings) {
            for value in values {
                let _ = write!(text, " --config-settings {}", quoted(&format!("{name}={value}")));
            }
        }
        hashes(&mut text, &requirement.hashes);
        text.push('\n');
    }
    text
}

fn line(what: &What) -> String {
    match what {
        What::Named(requirement) => requirement.exposed(),
        What::Path(reference) => {
            let url = url_of(&reference.target);
            of_reference(reference, &url)
        }
        What::Url(reference) | What::Vcs(reference) => of_reference(reference, reference.target.expose()),
    }
}

/// `name[extra] @ url` where the name is known, else the URL with what belongs to it in its fragment.
fn of_reference<T>(reference: &Reference<T>, url: &str) -> String {
    let extras: Vec<_> = reference.extras.iter().map(ExtraName::as_str).collect();
    let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
    let mut fragment = Vec::new();
    fragment.extend(reference.subdirectory.as_ref().map(|folder| format!("subdirectory={folder}")));
    fragment.extend(reference.hashes.sha256.iter().next().map(|id| format!("sha256={id}")));
    let fragment = if fragment.is_empty() { String::new() } else { format!("#{}", fragment.join("&")) };
    let mut text = match &reference.name {
        Some(name) => format!("{name}{extras} @ {url}{fragment}"),
        // Extras behind a path are what pip and uv both read.
        None => format!("{url}{extras}{fragment}"),
    };
    if let Some(marker) = &reference.marker {
        let _ = write!(text, " ; {marker}");
    }
    text
}

fn url_of(path: &Path) -> String {
    url::Url::from_file_path(path).map_or_else(|()| path.display().to_string(), String::from)
}

fn hashes(text: &mut String, hashes: &WantedHashes) {
    for id in &hashes.sha256 {
        let _ = write!(text, " --hash=sha256:{id}");
    }
    for (algorithm, digests) in &hashes.others {
        for digest in digests {
            let _ = write!(text, " --hash={algorithm}:{digest}");
        }
    }
}

/// A word that may hold spaces.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::ThisProcess;
    use crate::installer::requirement::WantedSources;

    #[test]
    fn what_was_read_is_written_without_indexes() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        let id = "0".repeat(64);
        let file = format!(
            "-i https://user:secret@index.example/simple\n--no-index\n-f sub\n--only-binary :all:\n--no-binary a,b\nSix==1.0 --hash=sha256:{id}\n-e ./own[x]\n\
             ./wheels/demo-1.0-py3-none-any.whl\npkg[y] @ git+https://git.example/pkg@v1 ; python_version > '3'\n-c sub/c.txt\n"
        );
        std::fs::write(at("r.txt"), file).unwrap();
        std::fs::write(at("sub/c.txt"), "idna<3\n").unwrap();
        let requirements = [at("r.txt")];
        let sources = WantedSources {
            requirements: &requirements,
            constraints: &[],
            arguments: &[],
            editables: &[],
            folder: folder.path(),
        };
        let wanted = Wanted::read(&sources, &ThisProcess).unwrap();
        let text = requirements_text(&wanted, true).expose().replace(folder.path().to_str().unwrap(), "/F");
        let expected = format!(
            "--no-index\n--find-links file:///F/sub\n--only-binary :all:\n--no-binary a\n--no-binary b\nsix==1.0 --hash=sha256:{id}\n-e file:///F/own[x]\ndemo @ \
             file:///F/wheels/demo-1.0-py3-none-any.whl\npkg[y] @ git+https://git.example/pkg@v1 ; python_version > \"3\"\n"
        );
        assert_eq!(text, expected);
        assert_eq!(constraints_text(&wanted).expose(), "idna<3\n");
    }
}

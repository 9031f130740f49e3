//! What a path of the gateway means.
//!
//! ```text
//! /                                         status, for people
//! /status                                   status, as HTML or JSON
//! /metrics                                  OpenMetrics
//! /simple/                                  which projects there are
//! /simple/PROJECT/                          one project
//! /files/SOURCE/PROJECT/FILE                a file
//! /files/SOURCE/PROJECT/FILE.metadata       its metadata
//! /t/SECRET/...                             any of these, for a client that cannot send user-info
//! ```

use crate::index::ProjectName;

/// The longest path that is read, in bytes. The longest file name in use has about 200.
const LONGEST: usize = 2048;

/// The first component of a path that begins with the secret.
pub(super) const SECRET: &str = "t";

/// The end of the name of a file's metadata (PEP 658).
pub(super) const METADATA: &str = ".metadata";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// The status page.
    Status,
    /// The counters.
    Metrics,
    /// Which projects there are.
    Projects,
    /// The page of one project.
    Project(ProjectName),
    /// A file.
    File(FilePath),
    /// The metadata of a file.
    Metadata(FilePath),
    /// The right place is elsewhere: a path relative to the base of the gateway, without the leading slash.
    Moved(String),
    /// Nothing is there.
    Nothing,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilePath {
    /// The name of the source.
    pub source: String,
    /// The project.
    pub project: ProjectName,
    /// The name of the file.
    pub file: String,
}

/// Splits the secret off a path: the secret, if there is one, and the rest with its leading slash.
pub(super) fn split_secret(path: &str) -> (Option<&str>, &str) {
    let secret =
        path.strip_prefix('/').and_then(|path| path.strip_prefix(SECRET)).and_then(|path| path.strip_prefix('/'));
    match secret {
        None => (None, path),
        Some(rest) => rest.find('/').map_or((Some(rest), "/"), |end| (Some(&rest[..end]), &rest[end..])),
    }
}

/// Reads a path without the secret, as it stands in the request.
pub(super) fn parse(path: &str) -> Route {
    if path.len() > LONGEST {
        return Route::Nothing;
    }
    let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
    let parts: [Option<&str>; 5] = std::array::from_fn(|_| parts.next());
    match parts {
        [Some("" | "status"), None, ..] => Route::Status,
        [Some("metrics"), None, ..] => Route::Metrics,
        [Some("simple"), None, ..] => Route::Moved("simple/".to_owned()),
        [Some("simple"), Some(""), None, ..] => Route::Projects,
        [Some("simple"), Some(name), slash @ (None | Some("")), None, _] => {
            let Some(project) = decoded(name).and_then(|name| name.parse::<ProjectName>().ok()) else {
                return Route::Nothing;
            };
            if slash.is_some() && project.as_str() == name {
                Route::Project(project)
            } else {
                Route::Moved(format!("simple/{project}/"))
            }
        }
        [Some("files"), Some(source), Some(project), Some(file), None] => {
            let (Some(source), Ok(project), Some(file)) = (decoded(source), project.parse(), decoded(file)) else {
                return Route::Nothing;
            };
            match file.strip_suffix(METADATA) {
                Some(file) => Route::Metadata(FilePath { source, project, file: file.to_owned() }),
                None => Route::File(FilePath { source, project, file }),
            }
        }
        _ => Route::Nothing,
    }
}

/// The path of a file below the base of the gateway, without the leading slash.
pub(super) fn file_path(source: &str, project: &ProjectName, file: &str) -> String {
    let mut path = String::with_capacity(source.len() + file.len() + 48);
    path.push_str("files/");
    encode_into(&mut path, source);
    path.push('/');
    path.push_str(project.as_str());
    path.push('/');
    encode_into(&mut path, file);
    path
}

/// Percent-encodes whatever is not unreserved (RFC 3986), except `+` and `!`, which versions have and paths may have.
fn encode_into(path: &mut String, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~+!".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push(char::from(DIGITS[usize::from(byte >> 4)]));
            path.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// Takes percent-encoding off one component. `None` when what comes out could be a path or is no text.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digit = |at: usize| after.get(at).and_then(|&byte| char::from(byte).to_digit(16));
            bytes.push((digit(0)? * 16 + digit(1)?) as u8);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    let harmless = |byte: &u8| !byte.is_ascii_control() && !b"/\\".contains(byte);
    (!bytes.is_empty() && bytes.iter().all(harmless)).then(|| String::from_utf8(bytes).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn project(name: &str) -> ProjectName {
        name.parse().unwrap()
    }

    #[test]
    fn every_path() {
        let moved = |to: &str| Route::Moved(to.to_owned());
        let file = |name: &str| FilePath { source: "default".into(), project: project("six"), file: name.into() };
        for (path, expected) in [
            ("/", Route::Status),
            ("/status", Route::Status),
            ("/metrics", Route::Metrics),
            ("/simple", moved("simple/")),
            ("/simple/", Route::Projects),
            ("/simple/six/", Route::Project(project("six"))),
            ("/simple/six", moved("simple/six/")),
            ("/simple/Zope.Interface/", moved("simple/zope-interface/")),
            ("/simple/a%5Fb/", moved("simple/a-b/")),
            ("/simple/../", Route::Nothing),
            ("/simple/six/x", Route::Nothing),
            ("/files/default/six/six-1.whl", Route::File(file("six-1.whl"))),
            ("/files/default/six/six-1%2Bx.whl", Route::File(file("six-1+x.whl"))),
            ("/files/default/six/six-1.whl.metadata", Route::Metadata(file("six-1.whl"))),
            ("/files/default/six/a%2Fb", Route::Nothing),
            ("/files/default/six/a%00b", Route::Nothing),
            ("/files/default/six/", Route::Nothing),
            ("/files/default/six/a/b", Route::Nothing),
            ("//", Route::Nothing),
        ] {
            assert_eq!(parse(path), expected, "{path}");
        }
        assert_eq!(split_secret("/t/abc/simple/"), (Some("abc"), "/simple/"));
        assert_eq!(split_secret("/t/abc"), (Some("abc"), "/"));
        assert_eq!(split_secret("/simple/t/"), (None, "/simple/t/"));
    }

    proptest! {
        #[test]
        fn never_panics(path in "\\PC{0,60}", near in "/(simple|files|t)(/[%a-z0-9.]{0,8}){0,6}") {
            for path in [path, near] {
                let (_, rest) = split_secret(&path);
                let _ = parse(rest);
            }
        }

        #[test]
        fn a_file_is_found_again(source in "[^/\\\\\\p{Cc}]{1,8}", file in "[^/\\\\\\p{Cc}]{1,20}") {
            prop_assume!(!file.ends_with(METADATA));
            let path = format!("/{}", file_path(&source, &project("a-b"), &file));
            prop_assert_eq!(parse(&path), Route::File(FilePath { source, project: project("a-b"), file }));
        }
    }
}

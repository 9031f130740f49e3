//! Which file names are harmless: in a path, in a URL, and on a terminal.
//!
//! The names come from an index and go into folders, links and messages. What real indexes list are ASCII names of letters,
//! digits and `-_.+!~`; old ones hold spaces, brackets and letters of other scripts, which do no harm.

/// The longest name, in bytes: what a path component may have on common file systems.
const LONGEST: usize = 255;

/// What is wrong with a file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsafeName {
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// It is longer than a path component can be.
    #[error("is longer than 255 bytes")]
    TooLong,
    /// It leads to another folder.
    #[error("holds a path separator")]
    Separator,
    /// It would be hidden, lead upwards, or be read as an option.
    #[error("begins with `.` or `-` or a space, or ends with `.` or a space")]
    Ends,
    /// It is shown as something else than it is, or cannot be shown.
    #[error("holds a control character, or one that changes how text is shown")]
    Invisible,
    /// It means something to a URL or a shell.
    #[error("holds a character that has a meaning in URLs or paths")]
    Special,
    /// It is where the metadata of another file is served (PEP 658).
    #[error("ends with `.metadata`, which is where the metadata of another file is served")]
    Metadata,
}

/// Whether a file name is harmless.
///
/// # Errors
/// [`UnsafeName`] says what is wrong with it.
pub fn check_file_name(name: &str) -> Result<(), UnsafeName> {
    if name.is_empty() {
        return Err(UnsafeName::Empty);
    }
    if name.len() > LONGEST {
        return Err(UnsafeName::TooLong);
    }
    // Nearly every name is one of these, and there are thousands on a page.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+!~".contains(&byte);
    if !name.bytes().all(plain) {
        for character in name.chars() {
            match character {
                '/' | '\\' => return Err(UnsafeName::Separator),
                '<' | '>' | '"' | '\'' | '`' | '|' | '?' | '*' | ':' | '#' | '%' | '&' | ';' | '$' => {
                    return Err(UnsafeName::Special);
                }
                ' '..='~' => {}
                other if other.is_alphanumeric() => {}
                _ => return Err(UnsafeName::Invisible),
            }
        }
    }
    if name.starts_with(['.', '-', ' ']) || name.ends_with(['.', ' ']) {
        return Err(UnsafeName::Ends);
    }
    if name.ends_with(".metadata") {
        return Err(UnsafeName::Metadata);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        let long = "a".repeat(256);
        for (name, expected) in [
            ("six-1.17.0-py2.py3-none-any.whl", Ok(())),
            ("torch-2.1.0+cu118-cp311-cp311-linux_x86_64.whl", Ok(())),
            ("old project (final).zip", Ok(())),
            ("größe-1.0.tar.gz", Ok(())),
            ("", Err(UnsafeName::Empty)),
            (&long, Err(UnsafeName::TooLong)),
            ("../a.whl", Err(UnsafeName::Separator)),
            ("a\\b.whl", Err(UnsafeName::Separator)),
            ("..", Err(UnsafeName::Ends)),
            (".netrc", Err(UnsafeName::Ends)),
            ("-r.whl", Err(UnsafeName::Ends)),
            ("a.whl\n", Err(UnsafeName::Invisible)),
            ("a\0.whl", Err(UnsafeName::Invisible)),
            ("a\u{202e}lhw.whl", Err(UnsafeName::Invisible)),
            ("a\u{200b}.whl", Err(UnsafeName::Invisible)),
            ("a\u{85}.whl", Err(UnsafeName::Invisible)),
            ("a%2fb.whl", Err(UnsafeName::Special)),
            ("a:b.whl", Err(UnsafeName::Special)),
            ("a.whl?x", Err(UnsafeName::Special)),
            ("<script>.whl", Err(UnsafeName::Special)),
            ("a.whl.metadata", Err(UnsafeName::Metadata)),
        ] {
            assert_eq!(check_file_name(name), expected, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn a_harmless_name_is_one_component(name in ".{0,20}|[a-z./\\\\-]{0,12}") {
            if check_file_name(&name).is_ok() {
                let path = std::path::Path::new(&name);
                prop_assert_eq!(path.components().count(), 1);
                prop_assert_eq!(path.file_name(), Some(std::ffi::OsStr::new(&name)));
                let url = url::Url::parse("http://h/d/").unwrap().join(&name).unwrap();
                prop_assert_eq!(url.path_segments().unwrap().count(), 2);
                prop_assert_eq!((url.query(), url.fragment()), (None, None));
            }
        }
    }
}

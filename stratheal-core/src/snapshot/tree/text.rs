//! A tree as text: a line of JSON that says what follows, and one for each entry. The SHA-256 of the text is the name of the tree.
//!
//! Whoever reads one believes nothing: paths are plain components in order, below folders that the tree has itself, so that nothing is
//! ever put outside of where a tree is restored to, or through a link.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, BufRead, Write};
use std::path::{Component, Path};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::entry::{find, is_first};
use super::escape::{escape, unescape};
use super::{Attributes, Content, Entry, Node, Tree, Wheel, WheelFile};
use crate::objects::ContentId;
use crate::snapshot::Extended;
use crate::snapshot::extended::MOST_BYTES;

/// This format.
const FORMAT: u32 = 1;

/// The most entries of a tree.
pub(in crate::snapshot) const MOST_ENTRIES: usize = 2_000_000;

/// The longest line, in bytes: paths of the longest kind with each byte escaped, and all extended attributes.
const LONGEST_LINE: u64 = 512 << 10;

/// The longest first line, in bytes: it names all wheels.
const LONGEST_HEAD: u64 = 16 << 20;

/// Why a text is no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::snapshot) enum InvalidTree {
    #[error("line {line} cannot be used: {reason}")]
    Line { line: usize, reason: String },
    #[error("it has format {found}, and this version knows {FORMAT}: use a newer stratheal")]
    Newer { found: u32 },
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    format: u32,
    entries: usize,
    #[serde(default)]
    wheels: Cow<'a, [Wheel]>,
}

/// An entry as a line. Short names, because there are tens of thousands of them.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    /// Path.
    #[serde(borrow)]
    p: Cow<'a, str>,
    /// Type: `d`, `f`, `l` or `o`.
    t: char,
    /// Mode.
    m: u32,
    /// Owner and group.
    o: (u32, u32),
    /// Modification time in nanoseconds.
    n: i64,
    /// Size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<u64>,
    /// SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    h: Option<ContentId>,
    /// Wheel, and the path in it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    w: Option<(u32, Cow<'a, str>)>,
    /// Target of a link.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    l: Option<Cow<'a, str>>,
    /// The first name of the same file.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    k: Option<Cow<'a, str>>,
    /// Whether it has holes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    z: bool,
    /// Extended attributes: names, and values in base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    x: Vec<(String, String)>,
}

impl<'a> Row<'a> {
    fn of(entry: &'a Entry) -> Self {
        let Attributes { mode, uid, gid, mtime_ns } = entry.attributes;
        let row = |t| Row {
            p: escape(&entry.path),
            t,
            m: mode,
            o: (uid, gid),
            n: mtime_ns,
            s: None,
            h: None,
            w: None,
            l: None,
            k: None,
            z: false,
            x: extended_text(&entry.extended),
        };
        match &entry.node {
            Node::Folder => row('d'),
            Node::Other => row('o'),
            Node::Link(target) => Row { l: Some(escape(target)), ..row('l') },
            Node::File(Content { size, sha256, wheel, sparse, first }) => {
                let w = wheel.as_ref().map(|file| (file.wheel, Cow::Borrowed(file.path.as_str())));
                let k = first.as_deref().map(escape);
                Row { s: Some(*size), h: Some(*sha256), w, k, z: *sparse, ..row('f') }
            }
        }
    }

    fn entry(self, wheels: usize) -> Result<Entry, &'static str> {
        let path = unescape(&self.p).ok_or("its path is escaped wrongly")?;
        let is_plain = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
        // Components are what is left of a path that is written in another way.
        if !is_plain(&path) || path.components().collect::<std::path::PathBuf>().as_os_str() != path.as_os_str() {
            return Err("its path is not one of plain components");
        }
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err("its path has a byte that no path has");
        }
        if self.m > 0o7777 {
            return Err("its mode is none");
        }
        let node = match (self.t, self.s, self.h, self.l) {
            ('d', None, None, None) => Node::Folder,
            ('o', None, None, None) => Node::Other,
            ('l', None, None, Some(target)) => {
                let target = unescape(&target).filter(|target| !target.as_os_str().as_encoded_bytes().contains(&0));
                Node::Link(target.filter(|target| !target.as_os_str().is_empty()).ok_or("its target is none")?)
            }
            ('f', Some(size), Some(sha256), None) => {
                let wheel = self.w.map(|(wheel, path)| WheelFile { wheel, path: path.into_owned() });
                if wheel.as_ref().is_some_and(|file| file.wheel as usize >= wheels) {
                    return Err("its wheel is not among those of the tree");
                }
                let first =
                    self.k.map(|first| unescape(&first).ok_or("its other name is escaped wrongly")).transpose()?;
                Node::File(Content { size, sha256, wheel, sparse: self.z, first })
            }
            _ => return Err("its fields do not fit each other"),
        };
        let attributes = Attributes { mode: self.m, uid: self.o.0, gid: self.o.1, mtime_ns: self.n };
        let extended = parse_extended(&self.x)?;
        Ok(Entry { path, attributes, extended, node })
    }
}

fn extended_text(extended: &Extended) -> Vec<(String, String)> {
    let name = |name| escape(Path::new(name)).into_owned();
    extended.iter().map(|(of, value)| (name(of), BASE64.encode(value))).collect()
}

fn parse_extended(rows: &[(String, String)]) -> Result<Extended, &'static str> {
    let parse = |(name, value): &(String, String)| {
        let name = unescape(name).map(std::path::PathBuf::into_os_string).filter(|name| Extended::is_kept(name));
        Some((name?, BASE64.decode(value).ok()?))
    };
    let all: Option<Vec<_>> = rows.iter().map(parse).collect();
    let extended = Extended::new(all.ok_or("its extended attributes are none")?);
    let is_twice = extended.iter().zip(extended.iter().skip(1)).any(|((one, _), (next, _))| one == next);
    let is_fine = !is_twice && extended.bytes() <= MOST_BYTES;
    if is_fine { Ok(extended) } else { Err("its extended attributes are too many, or there twice") }
}

/// Writes a tree.
pub(in crate::snapshot) fn write_tree(tree: &Tree, to: &mut dyn Write) -> io::Result<()> {
    let head = Head { format: FORMAT, entries: tree.entries.len(), wheels: Cow::Borrowed(&tree.wheels) };
    serde_json::to_writer(&mut *to, &head)?;
    to.write_all(b"\n")?;
    let mut line = Vec::with_capacity(512);
    for entry in &tree.entries {
        line.clear();
        serde_json::to_writer(&mut line, &Row::of(entry))?;
        line.push(b'\n');
        to.write_all(&line)?;
    }
    Ok(())
}

/// How the line of a path begins, as it is written here.
fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut line = b"{\"p\":".to_vec();
    serde_json::to_writer(&mut line, &escape(path))?;
    line.push(b',');
    Ok(line)
}

/// Reads a tree. With `only`, nothing but that path and the folders on the way there: other lines are passed over.
///
/// # Errors
/// What the reader says, or [`InvalidTree`].
pub(in crate::snapshot) fn parse_tree(
    from: &mut dyn BufRead,
    only: Option<&Path>,
) -> io::Result<Result<Tree, InvalidTree>> {
    let wanted = only.map(|path| path.ancestors().map(beginning).collect::<io::Result<Vec<_>>>()).transpose()?;
    let mut line = Vec::new();
    let invalid = |line: usize, reason: &dyn std::fmt::Display| InvalidTree::Line { line, reason: reason.to_string() };
    if !next_line(from, &mut line, LONGEST_HEAD)? {
        return Ok(Err(invalid(1, &"it is cut off")));
    }
    // The format first: a later one may have other fields.
    match serde_json::from_slice::<Format>(&line) {
        Err(error) => return Ok(Err(invalid(1, &error))),
        Ok(Format { format }) if format > FORMAT => return Ok(Err(InvalidTree::Newer { found: format })),
        Ok(_) => {}
    }
    let head: Head<'static> = match serde_json::from_slice::<Head<'_>>(&line) {
        Err(error) => return Ok(Err(invalid(1, &error))),
        Ok(Head { format, entries, wheels }) => Head { format, entries, wheels: wheels.into_owned().into() },
    };
    if head.entries > MOST_ENTRIES {
        return Ok(Err(invalid(1, &"it has too many entries")));
    }
    let wheels = head.wheels.into_owned();
    let mut entries: Vec<Entry> = Vec::with_capacity(head.entries.min(1 << 16));
    let mut folders: HashSet<Vec<u8>> = HashSet::new();
    for number in 0..head.entries {
        let at = number + 2;
        if !next_line(from, &mut line, LONGEST_LINE)? {
            return Ok(Err(invalid(at, &"it is cut off")));
        }
        if wanted.as_ref().is_some_and(|wanted| !wanted.iter().any(|begins| line.starts_with(begins))) {
            continue;
        }
        let row: Row<'_> = match serde_json::from_slice(&line) {
            Err(error) => return Ok(Err(invalid(at, &error))),
            Ok(row) => row,
        };
        let entry = match row.entry(wheels.len()) {
            Err(reason) => return Ok(Err(invalid(at, &reason))),
            Ok(entry) => entry,
        };
        if let Err(reason) = follows(entries.last(), &entry, &mut folders) {
            return Ok(Err(invalid(at, &reason)));
        }
        let first = entry.content().and_then(|content| content.first.as_deref());
        // Where not all of them are looked at, the other name need not be there.
        if only.is_none() && first.is_some_and(|first| !is_first(find(&entries, first), &entry)) {
            return Ok(Err(invalid(at, &"it is no other name of the file that it names")));
        }
        entries.push(entry);
    }
    if next_line(from, &mut line, LONGEST_LINE)? || !line.is_empty() {
        return Ok(Err(invalid(head.entries + 2, &"it goes on")));
    }
    Ok(Ok(Tree { wheels, entries }))
}

/// Whether an entry may come after those before it: the root first, then in order, each in a folder of the tree.
fn follows(last: Option<&Entry>, entry: &Entry, folders: &mut HashSet<Vec<u8>>) -> Result<(), &'static str> {
    let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_owned();
    let is_folder = entry.node == Node::Folder;
    match last {
        None if !entry.path.as_os_str().is_empty() || !is_folder => return Err("the root is not the first"),
        None => {}
        Some(last) => {
            if bytes(&last.path) >= bytes(&entry.path) {
                return Err("it is out of order, or there twice");
            }
            let parent = entry.path.parent().unwrap_or(Path::new(""));
            if !folders.contains(parent.as_os_str().as_encoded_bytes()) {
                return Err("it lies in no folder of the tree");
            }
        }
    }
    if is_folder {
        folders.insert(bytes(&entry.path));
    }
    Ok(())
}

/// Reads a line without its end. False when there is no whole one; then what is there is in `line`.
fn next_line(from: &mut dyn BufRead, line: &mut Vec<u8>, longest: u64) -> io::Result<bool> {
    line.clear();
    io::Read::take(from, longest).read_until(b'\n', line)?;
    Ok(line.pop_if(|last| *last == b'\n').is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tree() -> Tree {
        let attributes = Attributes { mode: 0o755, uid: 1, gid: 2, mtime_ns: -3 };
        let extended = Extended::new(vec![("user.\u{7}".into(), vec![0, 255])]);
        let entry = |path: &str, node| Entry { path: path.into(), attributes, extended: Extended::default(), node };
        let first = Some("a-b".into());
        let again = Content { sparse: true, first, ..Content::new(4, ContentId::of(b"x"), None) };
        let file = |wheel| Node::File(Content::new(4, ContentId::of(b"x"), wheel));
        Tree {
            wheels: vec![Wheel { sha256: ContentId::of(b"w"), name: "w-1-py3-none-any.whl".into() }],
            entries: vec![
                entry("", Node::Folder),
                Entry { extended, ..entry("a", Node::Folder) },
                entry("a-b", Node::File(Content { first: None, ..again.clone() })),
                entry("a/b", file(Some(WheelFile { wheel: 0, path: "b".into() }))),
                entry("again", Node::File(again)),
                entry("link", Node::Link("/usr/bin/python3".into())),
                entry("pipe", Node::Other),
            ],
        }
    }

    fn text(tree: &Tree) -> String {
        let mut text = Vec::new();
        write_tree(tree, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn parse(text: &str) -> Result<Tree, InvalidTree> {
        parse_tree(&mut text.as_bytes(), None).unwrap()
    }

    #[test]
    fn it_comes_back() {
        let tree = tree();
        assert_eq!(parse(&text(&tree)), Ok(tree.clone()));
        assert!(tree.entry(Path::new("a/b")).is_some() && tree.entry(Path::new("a/c")).is_none());
        let text = text(&tree);
        let only = |path: &str| {
            let part = parse_tree(&mut text.as_bytes(), Some(Path::new(path))).unwrap().unwrap();
            part.entries.iter().map(|entry| entry.path.display().to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!([only("a/b"), only("a-b"), only("a/c")], [" a a/b", " a-b", " a"]);
        assert_eq!((tree.files().count(), tree.bytes()), (3, 12));
    }

    #[test]
    fn what_would_be_dangerous_is_refused() {
        let good = text(&tree());
        let with = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            parse(&good.replace(from, to))
        };
        for (from, to) in [
            (r#""p":"a/b""#, r#""p":"../b""#),
            (r#""p":"a/b""#, r#""p":"/a/b""#),
            (r#""p":"a/b""#, r#""p":"a//b""#),
            (r#""p":"a/b""#, r#""p":"a/./b""#),
            (r#""p":"a/b""#, r#""p":"a/b/""#),
            (r#""p":"a/b""#, r#""p":"a/\u0000""#),
            (r#""p":"a/b""#, r#""p":"a-b""#),
            (r#""p":"a/b""#, r#""p":"b/b""#),
            (r#""p":"pipe""#, r#""p":"link/x""#),
            (r#""p":"pipe""#, r#""p":"p\\xzz""#),
            (r#""w":[0,"#, r#""w":[1,"#),
            (r#""m":493"#, r#""m":65535"#),
            (r#""t":"o""#, r#""t":"f""#),
            (r#""l":"/usr/bin/python3""#, r#""l":"""#),
            (r#""k":"a-b""#, r#""k":"a/b/c""#),
            (r#""k":"a-b""#, r#""k":"/etc/passwd""#),
            (r#""k":"a-b""#, r#""k":"again""#),
            (r#""k":"a-b""#, r#""k":"link""#),
            (r#""k":"a-b""#, r#""s":5,"k":"a-b""#),
            (r#""x":[["user."#, r#""x":[["trusted."#),
            (r#""x":[["#, r#""x":[["user.a","=="],["#),
            (r#""entries":7"#, r#""entries":8"#),
            (r#""entries":7"#, r#""entries":6"#),
            (r#""entries":7"#, r#""entries":99999999"#),
        ] {
            assert!(matches!(with(from, to), Err(InvalidTree::Line { .. })), "{to}");
        }
        assert_eq!(with(r#""format":1"#, r#""format":2,"new":[]"#), Err(InvalidTree::Newer { found: 2 }));
        for length in 0..good.len() {
            assert!(parse(&good[..length]).is_err(), "cut off at {length}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(noise in "\\PC{0,80}", at: usize, byte: u8) {
            drop(parse(&noise));
            drop(parse(&format!("{{\"format\":1,\"entries\":1}}\n{noise}\n")));
            let mut bytes = text(&tree()).into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            drop(parse_tree(&mut bytes.as_slice(), None));
            drop(parse_tree(&mut bytes.as_slice(), Some(Path::new("a/b"))));
        }
    }
}

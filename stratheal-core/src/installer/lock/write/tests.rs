//! What is written, to the letter, and that it is read as what was meant.

use std::process::Command;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::index::ProjectName;
use crate::objects::ContentId;
use crate::testing::skipped;
use crate::testing::tools::{self, Tool};

fn url(url: &str) -> Secret<String> {
    Secret::new(url.to_owned())
}

#[test]
fn a_lock_to_the_letter() {
    let digest = ContentId::new([0xab; 32]);
    let file = |name: &str| LockedFile {
        name: name.to_owned(),
        upload_time: Some("2025-01-25T11:30:10.164985Z".parse().unwrap()),
        url: Some(url(&format!("https://files.example/{name}"))),
        path: None,
        size: Some(7),
        hashes: Hashes { sha256: Some(digest), others: [("blake2b".to_owned(), "ff".to_owned())].into() },
    };
    let entry = |name: &str, source| LockedPackage {
        name: name.parse().unwrap(),
        version: None,
        marker: None,
        requires_python: None,
        dependencies: Vec::new(),
        index: None,
        source,
        attestation_identities: Vec::new(),
        tool: Table::new(),
    };
    let wheels = vec![file("a-1-py3-none-any.whl"), file("a-1-cp312-cp312-win_amd64.whl")];
    let files = LockedPackage {
        version: Some("1".parse().unwrap()),
        marker: Some("os_name=='nt' or 'x' in extras".parse().unwrap()),
        requires_python: Some(">=3.8, <4".parse().unwrap()),
        dependencies: vec![Table::from_iter([("name".to_owned(), Value::from("b"))])],
        index: Some(url("https://index.example/simple/")),
        attestation_identities: vec![Table::from_iter([("kind".to_owned(), Value::from("P \"q\""))])],
        ..entry("a", LockedSource::Files { sdist: Some(file("a-1.tar.gz")), wheels })
    };
    let directory = LockedDirectory { path: "../b".to_owned(), is_editable: true, subdirectory: None };
    let vcs = LockedVcs {
        kind: "git".to_owned(),
        url: Some(url("https://git.example/c")),
        path: None,
        requested_revision: None,
        commit_id: "abc".to_owned(),
        subdirectory: Some("d".to_owned()),
    };
    let mut lock =
        Lock::new(vec![entry("c", LockedSource::Vcs(vcs)), entry("b", LockedSource::Directory(directory)), files]);
    lock.environments = vec!["sys_platform == 'linux'".parse().unwrap()];
    lock.tool = "[x]\nk = 1\n".parse().unwrap();
    let digest = digest.to_string();
    let row = |name: &str| {
        format!(
            "{{ name = \"{name}\", upload-time = 2025-01-25T11:30:10.164985Z, url = \"https://files.example/{name}\", \
             size = 7, hashes = {{ blake2b = \"ff\", sha256 = \"{digest}\" }} }}"
        )
    };
    let expected = format!(
        r#"lock-version = "1.0"
environments = ["sys_platform == \"linux\""]
extras = []
dependency-groups = []
created-by = "stratheal"

[[packages]]
name = "a"
version = "1"
marker = "os_name == \"nt\" or \"x\" in extras"
requires-python = ">=3.8,<4"
dependencies = [
    {{ name = "b" }},
]
index = "https://index.example/simple/"
sdist = {}
wheels = [
    {},
    {},
]
attestation-identities = [
    {{ kind = "P \"q\"" }},
]

[[packages]]
name = "b"
directory = {{ path = "../b", editable = true }}

[[packages]]
name = "c"
vcs = {{ type = "git", url = "https://git.example/c", commit-id = "abc", subdirectory = "d" }}

[tool.x]
k = 1
"#,
        row("a-1.tar.gz"),
        row("a-1-cp312-cp312-win_amd64.whl"),
        row("a-1-py3-none-any.whl")
    );
    assert_eq!(lock.to_toml(), expected);
    read_by_packaging(&expected);
}

/// What is written is a lock to others, too.
fn read_by_packaging(text: &str) {
    const PROGRAM: &str = "
import sys, tomllib
from pip._vendor.packaging.pylock import Pylock
lock = Pylock.from_dict(tomllib.load(open(sys.argv[1], 'rb')))
print(lock.created_by, *[package.name for package in lock.packages])
";
    let tool = match Tool::new(tools::PIP) {
        Ok(tool) => tool,
        Err(error) => return skipped("a lock read by packaging", &error),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pylock.toml");
    std::fs::write(&path, text).unwrap();
    let mut python = Command::new(tool.program("python"));
    tools::clean(&mut python, folder.path());
    let said = python.args(["-c", PROGRAM]).arg(&path).output().unwrap();
    let complaint = String::from_utf8_lossy(&said.stderr);
    if complaint.contains("No module named 'tomllib'") {
        return skipped("a lock read by packaging", "this Python is older than 3.11");
    }
    assert_eq!(String::from_utf8_lossy(&said.stdout), "stratheal a b c\n", "{complaint}");
}

fn text() -> impl Strategy<Value = String> {
    "[ -~é\"\\\\]{1,12}"
}

fn hashes() -> impl Strategy<Value = Hashes> {
    let others = btree_map("[a-z0-9._]{1,6}", text(), 0..3);
    (option::of(any::<[u8; 32]>()), others).prop_map(|(sha256, mut others)| {
        others.remove("sha256");
        if sha256.is_none() {
            others.insert("md5".to_owned(), "0".to_owned());
        }
        Hashes { sha256: sha256.map(ContentId::new), others }
    })
}

fn table() -> impl Strategy<Value = Table> {
    let value = prop_oneof![
        text().prop_map(Value::String),
        any::<i64>().prop_map(Value::Integer),
        any::<bool>().prop_map(Value::Boolean),
        (-1e9..1e9).prop_map(Value::Float),
    ];
    let value = value.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::Array),
            btree_map(text(), inner, 0..3).prop_map(|entries| Value::Table(entries.into_iter().collect())),
        ]
    });
    btree_map(text(), value, 0..3).prop_map(|entries| entries.into_iter().collect())
}

fn place() -> impl Strategy<Value = (Option<Secret<String>>, Option<String>)> {
    (option::of(text()), text(), any::<bool>()).prop_map(|(url, path, is_both)| {
        let path = (is_both || url.is_none()).then_some(path);
        (url.map(Secret::new), path)
    })
}

fn file(name: String) -> impl Strategy<Value = LockedFile> {
    let time = proptest::sample::select(&["2025-01-25T11:30:10.1Z", "2025-01-25T11:30:10+01:00", "2025-01-25"][..]);
    (option::of(time), place(), option::of(0..u64::MAX / 2), hashes()).prop_map(
        move |(time, (url, path), size, hashes)| LockedFile {
            name: name.clone(),
            upload_time: time.map(|time| time.parse().unwrap()),
            url,
            path,
            size,
            hashes,
        },
    )
}

fn source(name: &str) -> impl Strategy<Value = LockedSource> + use<> {
    let stem = name.replace('-', "_");
    let wheel = file(format!("{stem}-1.0-py3-none-any.whl"));
    let sdist = file(format!("{stem}-1.0.tar.gz"));
    let inside = || option::of("[a-z]{1,4}(/[a-z]{1,4})?");
    let word = || "[a-z0-9.]{1,8}";
    prop_oneof![
        (option::of(sdist), wheel).prop_map(|(sdist, wheel)| LockedSource::Files { sdist, wheels: vec![wheel] }),
        (word(), place(), option::of(text()), word(), inside()).prop_map(
            |(kind, (url, path), requested_revision, commit_id, subdirectory)| {
                LockedSource::Vcs(LockedVcs { kind, url, path, requested_revision, commit_id, subdirectory })
            }
        ),
        (word(), any::<bool>(), inside()).prop_map(|(path, is_editable, subdirectory)| {
            LockedSource::Directory(LockedDirectory { path, is_editable, subdirectory })
        }),
        (place(), option::of(0..9_u64), hashes(), inside()).prop_map(|((url, path), size, hashes, subdirectory)| {
            LockedSource::Archive(LockedArchive { url, path, size, upload_time: None, hashes, subdirectory })
        }),
    ]
}

fn entry(name: ProjectName) -> impl Strategy<Value = LockedPackage> {
    let marker = proptest::sample::select(
        &["os_name == 'nt'", "'x' in extras and extra == \"a'b\"", "'g' in dependency_groups"][..],
    );
    let rest = (option::of(text()), vec(table(), 0..2), table(), vec(table(), 0..2));
    (source(name.as_str()), option::of(marker), any::<bool>(), rest).prop_map(
        move |(source, marker, is_versioned, (index, dependencies, tool, mut identities))| {
            for identity in &mut identities {
                identity.insert("kind".to_owned(), Value::from("k"));
            }
            LockedPackage {
                name: name.clone(),
                version: is_versioned.then(|| "1.0".parse().unwrap()),
                marker: marker.map(|marker| marker.parse().unwrap()),
                requires_python: is_versioned.then(|| ">=3.8,!=3.9.*".parse().unwrap()),
                dependencies,
                index: index.map(Secret::new),
                source,
                attestation_identities: identities,
                tool,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_written_is_read(a in entry("a-b".parse().unwrap()), b in entry("c".parse().unwrap()), tool in table(), created_by in text(), known: bool) {
        let tool: Table = tool.into_iter().filter(|(_, value)| value.is_table()).collect();
        let lock = Lock {
            tool,
            created_by,
            extras: known.then(Vec::new),
            default_groups: vec!["g".parse().unwrap()],
            ..Lock::new(vec![b.clone(), a.clone()])
        };
        let text = lock.to_toml();
        let read = Lock::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert!(read.notes.is_empty());
        prop_assert_eq!(read.lock.to_toml(), text);
        prop_assert_eq!(read.lock, Lock { packages: vec![a, b], ..lock });
    }
}

//! Locks as tools write them, and what is wrong with others.

use proptest::prelude::*;

use super::*;
use crate::index::fake::Fake;
use crate::objects::ContentId;

/// The head of a lock, and a package with these lines.
fn with_package(lines: &str) -> String {
    format!("lock-version = '1.0'\ncreated-by = 'x'\n[[packages]]\nname = 'a-b'\n{lines}\n")
}

fn problem(text: &str) -> String {
    Lock::parse(text).map_or_else(|error| error.to_string(), |parsed| format!("read: {:?}", parsed.notes))
}

#[test]
fn everything_a_lock_can_say() {
    let digest = "0".repeat(64);
    let text = format!(
        r#"
lock-version = '1.0'
environments = ["sys_platform == 'linux'", "os_name=='nt'"]
requires-python = '>=3.9'
extras = ['Socks_5']
dependency-groups = ['dev']
default-groups = ['all']
created-by = 'some-tool'

[[packages]]
name = 'a-b'
version = '1.0'
marker = "'dev' in dependency_groups"
requires-python = '>=3.8, <4'
dependencies = [{{ name = 'c' }}]
index = 'https://me:pw@index.example/simple/'
wheels = [
  {{ upload-time = 2025-01-25T11:30:10.164985+00:00, url = 'https://files.example/a_b-1.0-py3-none-any.whl?token=x', size = 7, hashes = {{ SHA256 = '{digest}', blake2b = 'ff' }} }},
  {{ name = 'A.B-1.0-1-cp312-abi3-linux_x86_64.whl', path = 'wheels\x.whl', hashes = {{ md5 = '00' }} }},
]
[packages.sdist]
path = '../d/a_b-1.0.tar.gz'
hashes = {{ sha256 = '{digest}' }}
[[packages.attestation-identities]]
kind = 'Some Publisher'
repository = 'x/y'
[packages.tool.some]
key = 1

[[packages]]
name = 'c'
vcs = {{ type = 'git', url = 'https://git.example/c', requested-revision = 'main', commit-id = 'abc', subdirectory = 'd/e' }}
[[packages]]
name = 'd'
directory = {{ path = '../d', editable = true }}
[[packages]]
name = 'e'
archive = {{ url = 'https://files.example/e-1-py3-none-any.whl', hashes = {{ sha512 = 'x' }}, size = 1 }}
wheels = []
[tool.other]
x = [1]
"#
    );
    let parsed = Lock::parse(&text).unwrap();
    let lock = &parsed.lock;
    assert_eq!(parsed.notes, Vec::<String>::new());
    assert_eq!((lock.environments.len(), lock.packages.len(), lock.tool.len()), (2, 4, 1));
    assert_eq!(lock.extras.as_ref().unwrap()[0].as_str(), "socks-5");
    let package = &lock.packages[0];
    let LockedSource::Files { sdist: Some(sdist), wheels } = &package.source else { panic!("files") };
    assert_eq!(wheels[0].name, "a_b-1.0-py3-none-any.whl");
    assert_eq!(wheels[0].hashes.sha256, Some(ContentId::new([0; 32])));
    assert_eq!((wheels[0].size, wheels[0].hashes.others["blake2b"].as_str()), (Some(7), "ff"));
    assert_eq!(
        (wheels[1].name.as_str(), wheels[1].path.as_deref()),
        ("A.B-1.0-1-cp312-abi3-linux_x86_64.whl", Some("wheels\\x.whl"))
    );
    assert_eq!((sdist.name.as_str(), package.attestation_identities.len()), ("a_b-1.0.tar.gz", 1));
    let LockedSource::Vcs(vcs) = &lock.packages[1].source else { panic!("a repository") };
    assert_eq!((vcs.commit_id.as_str(), vcs.subdirectory.as_deref()), ("abc", Some("d/e")));
    assert!(matches!(&lock.packages[2].source, LockedSource::Directory(directory) if directory.is_editable));
    assert!(matches!(&lock.packages[3].source, LockedSource::Archive(archive) if archive.size == Some(1)));
    assert!(!format!("{parsed:?}").contains("pw") && !format!("{parsed:?}").contains("token"));
}

#[test]
fn what_is_newer_or_unknown_is_noted() {
    let text = with_package(
        "new = 1\nwheels = [{ url = 'https://h.example/a_b-1-py3-none-any.whl', hashes = { md5 = '0' }, odd = 2 }]",
    );
    let text = text.replace("'1.0'", "'1.3'").replace("created-by", "more = []\ncreated-by");
    assert_eq!(
        Lock::parse(&text).unwrap().notes,
        [
            "the lock has version 1.3 of the format, and version 1.0 is known",
            "more: a key that is not known",
            "package `a-b` (packages[0]): wheels[0].odd: a key that is not known",
            "package `a-b` (packages[0]): new: a key that is not known",
        ]
    );
}

#[test]
fn what_is_refused_names_package_and_key() {
    let here = "package `a-b` (packages[0])";
    for (text, expected) in [
        ("x = [".to_owned(), "the lock is no TOML in line 1: ".to_owned()),
        ("a = 1\na = 2".to_owned(), "the lock is no TOML in line 2: ".to_owned()),
        (String::new(), "`lock-version`: must be there".to_owned()),
        (
            "lock-version = '2.0'".to_owned(),
            "the lock has version 2.0 of the format, and this program knows version 1".to_owned(),
        ),
        ("lock-version = 1.0".to_owned(), "`lock-version`: must be a text".to_owned()),
        ("lock-version = '1.0'".to_owned(), "`created-by`: must be there".to_owned()),
        ("lock-version = '1.0'\ncreated-by = 'x'".to_owned(), "`packages`: must be there".to_owned()),
        (
            "lock-version = '1.0'\ncreated-by = 'x'\npackages = [1]".to_owned(),
            "`packages[0]`: must be a table".to_owned(),
        ),
        (
            "lock-version = '1.0'\ncreated-by = 'x'\npackages = [{}]".to_owned(),
            "`packages[0].name`: must be there".to_owned(),
        ),
        (
            "lock-version = '1.0'\nenvironments = ['x']".to_owned(),
            "`environments[0]`: `x` needs a marker variable".to_owned(),
        ),
        ("lock-version = '1.0'\nrequires-python = 'x'".to_owned(), "`requires-python`: ".to_owned()),
        (with_package(""), format!("{here}: it has no source: ")),
        (with_package("wheels = []"), format!("{here}: it has no source: ")),
        (with_package("vcs = {}\ndirectory = {}"), format!("{here}: it has several sources, ")),
        (with_package("archive = {}\nsdist = {}"), format!("{here}: it has several sources, ")),
        (with_package("marker = 'x'"), format!("{here}, `marker`: `x` needs a marker variable")),
        (with_package("version = 'x'"), format!("{here}, `version`: ")),
        (with_package("vcs = { type = 'git', url = 'u' }"), format!("{here}, `vcs.commit-id`: must be there")),
        (
            with_package("vcs = { type = 'git', commit-id = 'c' }"),
            format!("{here}, `vcs`: `url` or `path` must be there"),
        ),
        (
            with_package("vcs = { type = 'git', url = 'u', commit-id = '--x' }"),
            format!("{here}, `vcs.commit-id`: must not look like an option"),
        ),
        (
            with_package("directory = { path = '.', subdirectory = '../x' }"),
            format!("{here}, `directory.subdirectory`: must be a path inside"),
        ),
        (
            with_package("directory = { path = '.', editable = 1 }"),
            format!("{here}, `directory.editable`: must be true or false"),
        ),
        (with_package("archive = { url = 'u' }"), format!("{here}, `archive.hashes`: must be there")),
        (
            with_package("archive = { url = 'u', hashes = {} }"),
            format!("{here}, `archive.hashes`: must have at least one hash"),
        ),
        (with_package("attestation-identities = [{}]"), format!("{here}: it has no source: ")),
        (
            with_package("directory = { path = '.' }\nattestation-identities = [{}]"),
            format!("{here}, `attestation-identities[0].kind`: must be there"),
        ),
    ] {
        let problem = problem(&text);
        assert!(problem.starts_with(&expected), "{text}: {problem}");
    }
}

#[test]
fn a_file_that_is_refused_names_package_and_key() {
    let wheel = "url = 'https://h.example/a_b-1-py3-none-any.whl'";
    for (text, expected) in [
        ("url = 'https://h.example/'", "name`: must be there"),
        ("url = 'https://h.example/%2e%2e%2fa_b-1-py3-none-any.whl'", "name`: it holds a path separator"),
        ("url = 'https://h.example/x.whl'", "name`: `x.whl` is no name"),
        ("url = 'https://h.example/c-1-py3-none-any.whl'", "name`: `c-1-py3-none-any.whl` is no wheel of this package"),
        ("url = 'https://h.example/a_b-2-py3-none-any.whl'", "name`: `a_b-2-py3-none-any.whl` is no wheel"),
        ("url = 'https://h.example/a_b-1.tar.gz'", "name`: `a_b-1.tar.gz` is no wheel"),
        ("url = \"https://h.example/a_b-1-py3-none-any.whl\\u0007\"", "url`: must not have control characters"),
        (wheel, "hashes`: must be there"),
        (&format!("{wheel}, size = -1"), "size`: must be a whole number"),
        (&format!("{wheel}, upload-time = 'x'"), "upload-time`: must be a date"),
        (&format!("{wheel}, hashes = {{ sha256 = '0' }}"), "hashes.sha256`: must have 64"),
        (&format!("{wheel}, hashes = {{ md5 = 0 }}"), "hashes.md5`: must be a text"),
    ] {
        let problem = problem(&with_package(&format!("version = '1'\nwheels = [{{ {text} }}]")));
        assert!(
            problem.starts_with(&format!("package `a-b` (packages[0]), `wheels[0].{expected}")),
            "{text}: {problem}"
        );
    }
}

#[test]
fn bounds() {
    let deep = format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(problem(&deep).starts_with("the lock is no TOML"), "{}", problem(&deep));
    let many = format!("lock-version = '1.0'\ncreated-by = 'x'\npackages = [{}]", "{},".repeat(MOST_PACKAGES + 1));
    assert_eq!(problem(&many), "the lock lists more than 100000 packages");
    let fake = Fake::new(&[], &[("/p/pylock.toml", "lock-version = '3'")]);
    let error = |path: &str| Lock::read(Path::new(path), &fake).unwrap_err().to_string();
    assert!(error("/p/pylock.toml").contains("version 3"));
    assert_eq!(error("/p/other.toml"), "cannot read /p/other.toml");
    let mut fake = fake;
    fake.files.insert("/p/latin.toml".into(), b"a = 1\nb = '\xe9'".to_vec());
    let error = Lock::read(Path::new("/p/latin.toml"), &fake).unwrap_err().to_string();
    assert_eq!(error, "the lock is no TOML in line 2: it is not UTF-8");
}

proptest! {
    #[test]
    fn never_panics(noise in "\\PC{0,80}", near in "((name|version|marker|wheels|sdist|archive|vcs|directory|hashes|url|path|size) = ('a-b'|'1'|1|\\[\\]|\\{\\}|\\[\\{url='/a_b-1-py3-none-any.whl',hashes=\\{md5='0'\\}\\}\\])\n){0,5}") {
        let _ = (Lock::parse(&noise), Lock::parse(&with_package(&near)));
        let _ = Lock::parse(&with_package("").replace("[[packages]]\nname = 'a-b'", &format!("packages = []\n{near}")));
    }
}

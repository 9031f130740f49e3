//! What is found where, and which place weighs more.

use proptest::prelude::*;

use super::*;
use crate::index::surroundings::fake::Fake;
use crate::index::{ProjectName, Trust};

const PIP: &str = "/py/lib/python3.12/site-packages/pip/_internal/models/index.py";
const SOURCE: &str = "PyPI = PackageIndex(\"https://builtin.example/\", file_storage_domain=\"x\")\n";

fn options() -> DiscoverOptions {
    DiscoverOptions {
        folder: "/p/sub".into(),
        interpreter: Some("/py/bin/python".into()),
        requirements: vec!["/p/requirements.txt".into()],
        ..DiscoverOptions::default()
    }
}

/// The chain as `name url`, and where the default was found.
fn told(found: &Discovered) -> (Vec<String>, String) {
    let sources = found.chain.sources.iter().map(|source| {
        let urls: Vec<_> = source.members.iter().map(|member| member.url.as_str()).collect();
        format!("{} {}", source.name, urls.join(" "))
    });
    (sources.collect(), found.default_from.clone())
}

fn notes(found: &Discovered, kind: NoteKind) -> Vec<String> {
    let notes = found.notes.iter().filter(|note| note.kind == kind);
    notes.map(|note| format!("{}: {}", note.from, note.what)).collect()
}

/// Every place says something else; then the weightiest one falls silent, one after the other.
#[test]
fn the_order_of_weight() {
    let mut options = options();
    options.index = Some("https://option.example/simple".into());
    options.settings.url = Some("https://setting.example/simple".into());
    let mut fake = Fake::new(
        &[
            ("UV_DEFAULT_INDEX", "https://uv-default.example/simple"),
            ("UV_INDEX_URL", "https://uv-url.example/simple"),
            ("PIP_INDEX_URL", "https://pip.example/simple"),
            ("HOME", "/home/me"),
        ],
        &[
            ("/p/requirements.txt", "-i https://requirements.example/simple\n"),
            (
                "/p/pyproject.toml",
                "[tool.uv]\nindex-url = 'https://uv-project.example/simple'\n\
              [[tool.poetry.source]]\nname='x'\nurl='https://poetry.example/simple'\n",
            ),
            ("/home/me/.config/uv/uv.toml", "index-url = 'https://uv-user.example/simple'"),
            ("/etc/pip.conf", "[global]\nindex-url = https://pip-global.example/simple"),
            ("/home/me/.config/pip/pip.conf", "[global]\nindex-url = https://pip-user.example/simple"),
            ("/py/pip.conf", "[global]\nindex-url = https://pip-environment.example/simple"),
            (PIP, SOURCE),
        ],
    );
    fake.uv = Some("https://uv-builtin.example/simple".into());
    let expect = |options: &DiscoverOptions, fake: &Fake, host: &str| {
        let found = discover(options, fake).unwrap();
        let default = found.chain.sources.last().unwrap();
        assert_eq!(default.members[0].url.host_str(), Some(host));
        found.default_from
    };
    assert_eq!(expect(&options, &fake, "option.example"), "the option --index");
    options.index = None;
    assert_eq!(expect(&options, &fake, "setting.example"), "the setting [index] url");
    options.settings.url = None;
    assert_eq!(expect(&options, &fake, "requirements.example"), "/p/requirements.txt");
    fake.files.remove(Path::new("/p/requirements.txt"));
    for (variable, host) in [("UV_DEFAULT_INDEX", "uv-default"), ("UV_INDEX_URL", "uv-url"), ("PIP_INDEX_URL", "pip")] {
        assert_eq!(expect(&options, &fake, &format!("{host}.example")), format!("the variable {variable}"));
        fake.variables.remove(variable);
    }
    expect(&options, &fake, "uv-project.example");
    fake.files.insert("/p/uv.toml".into(), b"index-url = 'https://uv-toml.example/'".to_vec());
    expect(&options, &fake, "uv-toml.example");
    fake.files.remove(Path::new("/p/uv.toml"));
    let poetry = b"[[tool.poetry.source]]\nname='x'\nurl='https://poetry.example/simple'\n";
    fake.files.insert("/p/pyproject.toml".into(), poetry.to_vec());
    expect(&options, &fake, "uv-user.example");
    fake.files.remove(Path::new("/home/me/.config/uv/uv.toml"));
    for (file, host) in [
        ("/py/pip.conf", "pip-environment.example"),
        ("/home/me/.config/pip/pip.conf", "pip-user.example"),
        ("/etc/pip.conf", "pip-global.example"),
        ("/p/pyproject.toml", "poetry.example"),
        (PIP, "builtin.example"),
    ] {
        expect(&options, &fake, host);
        fake.files.remove(Path::new(file));
    }
    assert_eq!(expect(&options, &fake, "uv-builtin.example"), "the default of uv");
    fake.uv = None;
    let error = discover(&options, &fake).unwrap_err();
    assert_eq!(error, DiscoverError::NoIndex);
    assert!(error.to_string().contains("--index") && error.to_string().contains("stratheal.toml"));
}

#[test]
fn extra_indexes_come_before_the_default() {
    let mut options = options();
    options.extra = vec!["https://option.example/simple/".into()];
    options.mirrors = vec!["https://mirror.example/simple".into()];
    options.settings.mirrors =
        vec![MirrorSettings { url: "https://files.example/simple/".into(), trust: Trust::Files }];
    options.settings.extra = vec![SourceSettings {
        name: Some("torch".into()),
        url: "https://torch.example/whl".into(),
        only: vec!["torch*".into()],
        is_mutable: true,
        ..SourceSettings::default()
    }];
    let fake = Fake::new(
        &[
            ("UV_INDEX", "private=https://me:pw@private.example/simple https://option.example/simple"),
            (
                "PIP_EXTRA_INDEX_URL",
                "https://private.example/simple ./relative file:///srv/simple https://builtin.example/simple/",
            ),
        ],
        &[
            (PIP, SOURCE),
            (
                "/p/pyproject.toml",
                "[[tool.uv.index]]\nname='pinned'\nurl='https://pinned.example/'\nexplicit=true\n[[tool.uv.index]]\nname='unused'\n\
                 url='https://unused.example/'\nexplicit=true\n[tool.uv.sources]\nSix_x={index='pinned'}\n\
                 [[tool.poetry.source]]\nname='late'\nurl='https://late.example/'\npriority='supplemental'\n",
            ),
        ],
    );
    let found = discover(&options, &fake).unwrap();
    let (chain, from) = told(&found);
    assert_eq!(
        chain,
        [
            "torch https://torch.example/whl/",
            "pinned https://pinned.example/",
            "extra-1 https://option.example/simple/",
            "private https://private.example/simple/",
            "default https://builtin.example/simple/ https://mirror.example/simple/ https://files.example/simple/",
            "late https://late.example/",
        ]
    );
    assert_eq!(from, format!("the default of pip, {PIP}"));
    let [torch, pinned, ..] = found.chain.sources.as_slice() else { panic!("sources") };
    assert!(!torch.immutable && pinned.immutable);
    let six: ProjectName = "six.x".parse().unwrap();
    assert_eq!((torch.is_asked_about(&six), pinned.is_asked_about(&six)), (false, true));
    let trust: Vec<_> = found.chain.sources[4].members.iter().map(|member| member.trust).collect();
    assert_eq!(trust, [Trust::Pages, Trust::Pages, Trust::Files]);
    let bypass = notes(&found, NoteKind::Bypass);
    assert!(
        bypass.iter().any(|note| note.ends_with("./relative"))
            && bypass.iter().any(|note| note.ends_with("/srv/simple"))
    );
    assert_eq!(notes(&found, NoteKind::NotUsed), ["/p/pyproject.toml, [tool.uv], [[index]]: https://unused.example/"]);
    let project: Vec<_> = found.project.iter().map(|index| (index.url.as_str(), index.from.as_str())).collect();
    assert_eq!(project, [("https://late.example/", "/p/pyproject.toml, [[tool.poetry.source]]")]);
}

#[test]
fn nothing_is_passed_over_in_silence() {
    let fake = Fake::new(
        &[
            ("PIP_INDEX_URL", "https://a.example/simple"),
            ("UV_FIND_LINKS", "./wheels"),
            ("PIP_NO_INDEX", "1"),
            ("PIP_CERT", "/ca.pem"),
            ("PIP_PROXY", "http://u:secret@proxy.example:3128"),
            ("HOME", "/h"),
        ],
        &[
            (
                "/p/requirements.txt",
                "x @ git+https://user:secret@git.example/x\n--extra-index-url https://b.example/simple\n",
            ),
            (
                "/h/.config/pip/pip.conf",
                "[global]\nindex-url = https://u:secret@c.example/simple\ntrusted-host = c.example\n",
            ),
            ("/p/pyproject.toml", "[[[ secret"),
            ("/h/.netrc", "machine a.example login me password pw"),
        ],
    );
    let found = discover(&options(), &fake).unwrap();
    assert_eq!(told(&found).0, ["extra-1 https://b.example/simple/", "default https://a.example/simple/"]);
    assert_eq!(
        notes(&found, NoteKind::Bypass),
        [
            "/p/requirements.txt: git+https://***@git.example/x",
            "/p/requirements.txt: https://b.example/simple",
            "the variable UV_FIND_LINKS: ./wheels",
            "the variable PIP_NO_INDEX: 1",
        ]
    );
    let files = "/h/.config/pip/pip.conf, [global] index-url: https://***@c.example/simple";
    assert_eq!(notes(&found, NoteKind::NotUsed), [files]);
    assert_eq!(notes(&found, NoteKind::Damaged), ["/p/pyproject.toml: it is no valid TOML"]);
    assert_eq!(found.network.certificates, [PathBuf::from("/ca.pem")]);
    assert_eq!(found.network.trusted_hosts, ["c.example"]);
    assert!(found.network.proxy.is_some());
    assert!(found.credentials.for_url(&found.chain.sources[1].members[0].url).is_some());
    assert!(!format!("{found:?}").contains("secret"));
}

#[test]
fn credentials_of_named_indexes() {
    let fake = Fake::new(
        &[
            ("UV_DEFAULT_INDEX", "my-index=https://a.example/simple"),
            ("UV_INDEX_MY_INDEX_USERNAME", "me"),
            ("UV_INDEX_MY_INDEX_PASSWORD", "pw"),
            ("UV_INDEX", "https://t%40ken@b.example/simple"),
            ("NETRC", "/n"),
        ],
        &[("/n", "machine b.example password")],
    );
    let found = discover(&options(), &fake).unwrap();
    let basic = |at: usize| found.credentials.for_url(&found.chain.sources[at].members[0].url).unwrap();
    assert_eq!((basic(0).user.expose().as_str(), basic(1).password.expose().as_str()), ("t@ken", "pw"));
    assert_eq!(found.chain.sources[0].members[0].url.as_str(), "https://b.example/simple/");
    let damaged = notes(&found, NoteKind::Damaged);
    assert_eq!(damaged.iter().filter(|note| note.starts_with("/n: line 1 ")).count(), 1, "{damaged:?}");
}

/// What weighs less may be a public index, on which anybody can own the name of a private project.
#[test]
fn a_default_that_cannot_be_used_is_not_replaced() {
    for (text, why) in [
        ("file:///srv/simple", "only http and https can be asked"),
        ("../simple", "it is no absolute URL"),
        ("https://[", "it is no valid URL"),
    ] {
        let fake = Fake::new(&[("PIP_INDEX_URL", text)], &[(PIP, SOURCE)]);
        let Err(DiscoverError::Unusable { from, why: told, .. }) = discover(&options(), &fake) else {
            panic!("{text}")
        };
        assert_eq!((from.as_str(), told), ("the variable PIP_INDEX_URL", why));
    }
    let mut options = options();
    options.mirrors = vec!["mirror".into()];
    assert!(discover(&options, &Fake::new(&[], &[(PIP, SOURCE)])).is_err());
}

#[test]
fn switches_of_the_tools() {
    let files = [
        ("/h/.config/uv/uv.toml", "index-url = 'https://uv.example/'"),
        ("/other.toml", "index-url = 'https://other.example/'"),
        ("/h/.config/pip/pip.conf", "[global]\nindex-url = https://pip.example/"),
        ("/pip.conf", "[global]\nindex-url = https://file.example/"),
        (PIP, SOURCE),
    ];
    for (variables, host) in [
        (&[][..], "uv.example"),
        (&[("UV_CONFIG_FILE", "/other.toml")], "other.example"),
        (&[("UV_NO_CONFIG", "1")], "pip.example"),
        (&[("UV_NO_CONFIG", "1"), ("PIP_CONFIG_FILE", "/pip.conf")], "file.example"),
        (&[("UV_NO_CONFIG", "true"), ("PIP_CONFIG_FILE", "/dev/null")], "builtin.example"),
    ] {
        let fake = Fake::new(&[variables, &[("HOME", "/h")]].concat(), &files);
        let found = discover(&options(), &fake).unwrap();
        assert_eq!(found.chain.sources[0].members[0].url.host_str(), Some(host), "{variables:?}");
    }
    let mut only = options();
    only.only_settings = true;
    let fake = Fake::new(&[("PIP_INDEX_URL", "https://pip.example/")], &files);
    assert_eq!(told(&discover(&only, &fake).unwrap()).0, ["default https://builtin.example/simple/"]);
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,60}", near in "(\\[tool\\.uv\\]|\\[global\\]|index-url|=|'|\"|\n|https?://|a:b@|[a-z./ ]{0,3}){0,20}") {
        for text in [&text, &near] {
            let paths = ["/p/pyproject.toml", "/p/uv.toml", "/etc/pip.conf", "/p/requirements.txt", PIP];
            let files: Vec<_> = paths.iter().map(|&path| (path, text.as_str())).collect();
            let _ = discover(&options(), &Fake::new(&[("PIP_EXTRA_INDEX_URL", text), ("UV_INDEX", text)], &files));
        }
    }
}

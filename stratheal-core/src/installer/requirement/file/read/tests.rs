//! Whole files: what they say, what is refused, hashes and pins.

use proptest::prelude::*;

use super::*;
use crate::index::fake::Fake;
use crate::installer::requirement::{ExtraName, Marker, MarkerEnvironment, Pin, ProjectSet};

/// A digest in hexadecimal digits.
fn digest(digit: char) -> String {
    String::from(digit).repeat(64)
}

fn read_with(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Wanted, RequirementError> {
    let fake = Fake::new(variables, files);
    let requirements = ["r.txt".into()];
    let folder = Path::new("/p");
    let sources =
        WantedSources { requirements: &requirements, constraints: &[], arguments: &[], editables: &[], folder };
    Wanted::read(&sources, &fake)
}

fn read(text: &str) -> Result<Wanted, RequirementError> {
    read_with(&[], &[("/p/r.txt", text)])
}

fn shown(requirements: &[WantedRequirement]) -> Vec<String> {
    requirements.iter().map(|wanted| format!("{} {}", wanted.origin, wanted.what.shown())).collect()
}

#[test]
fn a_project_with_several_files() {
    let files = [
        (
            "/p/r.txt",
            "# what we need\n-r sub/base.txt\r\nflask [async] >= 3 , < 4 # why\n\n-c constraints.txt\n-e ./libs/ours[fast]\n",
        ),
        (
            "/p/sub/base.txt",
            "\u{feff}six==1.17.0 \\\n    --hash=sha256:${DIGEST} \\\n    --hash sha256:${OTHER}\n-r ../sub/./more.txt\n",
        ),
        ("/p/sub/more.txt", "numpy; python_version < '3.9'\n./wheels/a-1-py3-none-any.whl\n"),
        ("/p/constraints.txt", "werkzeug<3.1\n-r sub/more.txt\n"),
    ];
    let variables = [("DIGEST", &*digest('a')), ("OTHER", &*digest('b'))];
    let wanted = read_with(&variables, &files).unwrap();
    assert_eq!(
        shown(&wanted.requirements),
        [
            "/p/sub/base.txt:1 six==1.17.0",
            "/p/sub/more.txt:1 numpy; python_version < \"3.9\"",
            "/p/sub/more.txt:2 /p/wheels/a-1-py3-none-any.whl",
            "/p/r.txt:3 flask[async]>=3,<4",
            "/p/r.txt:6 /p/libs/ours",
        ]
    );
    assert_eq!(shown(&wanted.constraints), ["/p/constraints.txt:1 werkzeug<3.1"]);
    assert_eq!(wanted.requirements[0].hashes.sha256.len(), 2);
    let [.., ours] = &wanted.requirements[..] else { panic!("five") };
    assert!(ours.is_editable && ours.what.extras() == ["fast".parse::<ExtraName>().unwrap()]);
    let names: Vec<_> = wanted.files.iter().map(|(path, _)| path.display().to_string()).collect();
    assert_eq!(names, ["/p/r.txt", "/p/sub/base.txt", "/p/sub/more.txt", "/p/constraints.txt"]);
    assert_eq!(wanted.files[0].1, ContentId::of(files[0].1.as_bytes()));
}

#[test]
fn options() {
    let text = "-i https://${USER}:pw@a.example/simple\n--extra-index-url=https://b.example --extra-index-url https://b.example\n\
                --no-binary=:all:\n--only-binary Six,numpy\n--prefer-binary --pre --trusted-host h.example:8080\n\
                --require-hashes --no-require-hashes\n--use-feature fast-deps\n-f wheels -f ./none\n--no-index\n\
                a -C one=1 --config-settings=\"--build-option=--x y\" -C one=2 --global-option='-v' --pre\n\
                --hash=sha256:00\n-e 'b @ git+https://git.example/b ; os_name == \"nt\"' -Cc=d\n-e ./c ; os_name == 'nt'\n-e ./d; os_name=='nt' -C x=y\n";
    let mut fake = Fake::new(&[("USER", "me")], &[("/p/sub/r.txt", text)]);
    fake.links.insert("/p/sub/wheels".into(), "/p/sub/wheels".into());
    let (requirements, folder) = (["sub/r.txt".into()], Path::new("/p"));
    let sources =
        WantedSources { requirements: &requirements, constraints: &[], arguments: &[], editables: &[], folder };
    let wanted = Wanted::read(&sources, &fake).unwrap();
    let options = &wanted.options;
    let urls =
        |urls: &[crate::base::redact::Secret<String>]| urls.iter().map(|url| url.expose().clone()).collect::<Vec<_>>();
    assert_eq!(options.index_url.as_ref().unwrap().expose(), "https://me:pw@a.example/simple");
    assert_eq!(urls(&options.extra_index_urls), ["https://b.example"]);
    assert_eq!(urls(&options.find_links), ["/p/sub/wheels", "/p/none"]);
    let some =
        |names: &[&str]| ProjectSet { is_all: false, names: names.iter().map(|name| name.parse().unwrap()).collect() };
    let all = ProjectSet { is_all: true, ..ProjectSet::default() };
    assert_eq!((&options.no_binary, &options.only_binary), (&all, &some(&["six", "numpy"])));
    assert_eq!((&options.all_releases, &options.only_final), (&all, &some(&[])));
    assert!(options.prefer_binary && options.no_index && !options.require_hashes);
    assert_eq!(
        (&options.trusted_hosts[..], &options.features[..]),
        (&["h.example:8080".to_owned()][..], &["fast-deps".to_owned()][..])
    );
    assert_eq!(wanted.requirements[0].config_settings["one"], ["1", "2"]);
    assert_eq!(wanted.requirements[0].config_settings["--build-option"], ["--x y"]);
    assert_eq!(wanted.requirements[0].global_options, ["-v"]);
    assert_eq!(wanted.requirements[1].config_settings["c"], ["d"]);
    let windows: Marker = "os_name == 'nt'".parse().unwrap();
    for editable in &wanted.requirements[1..] {
        assert!(editable.is_editable && editable.what.marker() == Some(&windows), "{editable:?}");
    }
    assert_eq!(wanted.requirements[3].config_settings["x"], ["y"]);
    let notes: Vec<_> = wanted.notes.iter().map(|note| format!("{}: {}", note.origin, note.text)).collect();
    assert_eq!(
        notes,
        [
            "/p/sub/r.txt:10: `--pre` means nothing on the line of a requirement",
            "/p/sub/r.txt:11: `--hash` means nothing without a requirement",
        ]
    );
    assert!(!format!("{wanted:?}").contains("pw"));
}

#[test]
fn what_is_refused_says_where() {
    for (text, expected) in [
        ("a\nb>=1.*", "/p/r.txt:2: `b>=1.*` has `.*` behind an operator other than `==` and `!=`, at character 4"),
        (
            "a @ https://me:pw@h.example x",
            "/p/r.txt:1: `a @ https://***@h.example x` has something behind it that belongs to no requirement, at character 29",
        ),
        ("a>=${B}", "/p/r.txt:1: `a>=${B}` has no version as PEP 440 defines it"),
        ("--extra-index https://u:pw@h.example\n--index-u=https://u:pw@h.example", ""),
        (
            "--requirements x",
            "/p/r.txt:1: a requirements file has no option `--requirements`: did you mean `--requirement`?",
        ),
        ("--zzz", "/p/r.txt:1: a requirements file has no option `--zzz`"),
        ("--hash-it=pw", "/p/r.txt:1: a requirements file has no option `--hash-it`: did you mean `--hash`?"),
        ("-i", "/p/r.txt:1: `-i` has no value for `--index-url`"),
        ("--pre=pw", "/p/r.txt:1: `--pre` has a value for `--pre`, which takes none"),
        ("-i https://h.example pw", "/p/r.txt:1: `-i` has a word among its options that belongs to none of them"),
        ("-i 'https://pw", "/p/r.txt:1: `-i` has a quote that is not closed, or ends with a backslash"),
        ("a --hash=md5:00", "/p/r.txt:1: `a` has a hash that is none of sha256, sha384 and sha512"),
        ("a -C pw", "/p/r.txt:1: `a` needs `--config-settings KEY=VALUE`"),
        (
            "-e https://h.example/a.zip",
            "/p/r.txt:1: `-e` is no path and no repository such as `git+https://`, and only these can be editable, at character 1",
        ),
        ("-e . -e x", "/p/r.txt:1: `-e` has two editables on one line"),
        ("--no-binary -", "/p/r.txt:1: `--no-binary` needs `:all:`, `:none:`, or names of projects"),
        (
            "-r https://me:pw@h.example/r.txt",
            "/p/r.txt:1: https://***@h.example/r.txt is not on this machine: fetch it, look at it, and include the copy",
        ),
        ("\n-r r.txt", "/p/r.txt:2: /p/r.txt includes itself"),
        ("-r loop.txt", "/p/loop.txt:1: /p/r.txt includes itself"),
        ("-r none.txt", "cannot read /p/none.txt"),
        ("-c constraints.txt", "/p/constraints.txt:1: `a[b]` has extras, and a constraint cannot have any"),
        (
            "# coding: koi8-r",
            "/p/r.txt says that it is in `koi8-r`, and only UTF-8 and Latin-1 are known: write it in UTF-8",
        ),
    ] {
        let files = [("/p/r.txt", text), ("/p/loop.txt", "-r ./r.txt"), ("/p/constraints.txt", "a[b]")];
        let said = read_with(&[("B", "pw pw")], &files).map_or_else(|error| error.to_string(), |_| String::new());
        assert_eq!(said, expected, "{text}");
    }
}

#[test]
fn arguments() {
    let arguments = ["six>1".to_owned(), "./a b".to_owned()];
    let editables = ["./c \"d\"[x]".to_owned()];
    let sources = WantedSources {
        requirements: &[],
        constraints: &["c.txt".into()],
        arguments: &arguments,
        editables: &editables,
        folder: Path::new("/p"),
    };
    let wanted = Wanted::read(&sources, &Fake::new(&[], &[("/p/c.txt", "six<2")])).unwrap();
    assert_eq!(shown(&wanted.requirements), ["argument 1 six>1", "argument 2 /p/a b", "argument 3 /p/c \"d\""]);
    assert_eq!(shown(&wanted.constraints), ["/p/c.txt:1 six<2"]);
    let options = ["-r x".to_owned()];
    let error = Wanted::read(&WantedSources { arguments: &options, ..sources }, &Fake::default()).unwrap_err();
    assert_eq!(error.to_string(), "argument 1: `-r` is an option, and a requirement is needed here");
}

#[test]
fn hashes_of_all_or_none() {
    let hash = format!("--hash=sha256:{}", digest('a'));
    let fragment = format!("#sha256={}", digest('b'));
    for (text, expected) in [
        ("a>1".to_owned(), Ok(false)),
        (format!("https://h.example/a.whl{fragment}"), Ok(false)),
        (
            format!(
                "a==1 {hash}\nhttps://h.example/a.zip {hash}\n./b.whl {hash}\nb @ https://h.example/b.whl{fragment}"
            ),
            Ok(true),
        ),
        (format!("a==1 {hash}\nb==2"), Err("/p/r.txt:2: `b==2` has no hash, and hashes are required of all or none")),
        (
            format!("a==1.* {hash}"),
            Err("/p/r.txt:1: `a==1.*` is not pinned to one version with `==`, and hashes are required of all or none"),
        ),
        (
            "--require-hashes\na==1".to_owned(),
            Err("/p/r.txt:2: `a==1` has no hash, and hashes are required of all or none"),
        ),
        (
            format!("a==1 {hash}\n-e ."),
            Err("/p/r.txt:2: `/p` is an editable, which has no hash, and hashes are required of all or none"),
        ),
        (
            format!("a==1 {hash}\ngit+https://me:pw@h.example/b"),
            Err(
                "/p/r.txt:2: `git+https://***@h.example/b` is a repository, which has no hash, and hashes are required of all or none",
            ),
        ),
        (
            format!("a @ git+https://h.example/b {hash}"),
            Err(
                "/p/r.txt:1: `a @ git+https://h.example/b` is a repository, which has no hash, and hashes are required of all or none",
            ),
        ),
    ] {
        let mode = read(&text).unwrap().hash_mode().map_err(|error| error.to_string());
        assert_eq!(mode, expected.map_err(str::to_owned), "{text}");
    }
}

fn environment() -> MarkerEnvironment {
    crate::installer::requirement::linux()
}

#[test]
fn pins() {
    let (a, b) = (format!("--hash=sha256:{}", digest('a')), format!("--hash=sha256:{}", digest('b')));
    let told = |pins: Vec<Pin>| {
        let pin = |pin: Pin| {
            format!("{}=={}{:?}", pin.name, pin.version, pin.extras.iter().map(ExtraName::as_str).collect::<Vec<_>>())
        };
        pins.into_iter().map(pin).collect::<Vec<_>>().join(" ")
    };
    for (text, expected) in [
        (format!("b==2 {b}\na[y]==1 {a}\na[x]==1 {a}"), Some("a==1[\"x\", \"y\"] b==2[]")),
        (format!("a==1 {a}\nb; os_name == 'nt'"), Some("a==1[]")),
        (format!("a==1 {a}\nb==1; os_name == 'posix'"), None),
        (format!("a==1 {a}\na==2 {a}"), None),
        (format!("a==1 {a}\na==1 {b}"), None),
        (format!("a==1 {a}\n./b.whl {b}"), None),
        (format!("a>=1 {a}"), None),
        (format!("a==1 --hash=sha512:{}", "0".repeat(128)), None),
        (format!("-c c.txt\na==1 {a}"), Some("a==1[]")),
        (format!("-c c.txt\na==3 {a}"), None),
        (String::new(), Some("")),
    ] {
        let wanted = read_with(&[], &[("/p/r.txt", &text), ("/p/c.txt", "a<3\na<1; os_name == 'nt'")]).unwrap();
        assert_eq!(wanted.pins(&environment()).unwrap().map(told).as_deref(), expected, "{text}");
    }
    let error = read("a; os_name ~= '1.0'").unwrap().pins(&environment()).unwrap_err();
    assert_eq!(error.to_string(), "/p/r.txt:1: the marker has no answer");
}

proptest! {
    #[test]
    fn never_panics(noise in "\\PC{0,80}", near in "(-r r.txt|-r s.txt|-e|-i|--hash=|sha256:00|a==1|;|os_name=='a'|./b|\n| |\\\\|#|\\$\\{A\\}|'|git\\+h://){0,20}") {
        for text in [&noise, &near] {
            if let Ok(wanted) = read_with(&[("A", "-r")], &[("/p/r.txt", text), ("/p/s.txt", near.as_str())]) {
                let _ = (wanted.hash_mode(), wanted.pins(&environment()));
            }
        }
    }
}

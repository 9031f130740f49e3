//! Members that are equal, stale, partial, empty, or lie.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::index::{PageContext, PageLimits, PageMeta, Yanked};

/// A page with these files, each with the text that stands for its content; an empty one for a file without a hash.
fn page(number: usize, serial: Option<u64>, files: &[(&str, &str)]) -> Arc<ProjectPage> {
    let base = Url::parse(&format!("https://m{number}.example/f/")).unwrap();
    let files = files.iter().map(|(name, content)| {
        let sha256 = (!content.is_empty()).then(|| ContentId::of(content.as_bytes()));
        IndexFile {
            name: (*name).to_owned(),
            url: base.join(name).unwrap(),
            hashes: Hashes { sha256, ..Hashes::default() },
            size: None,
            upload_time: None,
            requires_python: None,
            yanked: Yanked::No,
            core_metadata: crate::index::CoreMetadata::Absent,
            gpg_sig: None,
            provenance: None,
            unknown: Map::new(),
        }
    });
    Arc::new(ProjectPage {
        name: "six".parse().unwrap(),
        meta: PageMeta { api_version: (1, 0), last_serial: serial, tracks: Vec::new(), unknown: Map::new() },
        files: files.collect(),
        versions: None,
        status: None,
        alternate_locations: Vec::new(),
        unknown: Map::new(),
    })
}

fn member(number: usize, trust: Trust, answer: Answer) -> MemberAnswer {
    MemberAnswer { url: Url::parse(&format!("https://user:pw@m{number}.example/simple/")).unwrap(), trust, answer }
}

type Said<'a> = (Option<u64>, &'a [(&'a str, &'a str)]);

fn members(pages: &[Said<'_>]) -> Vec<MemberAnswer> {
    let answer = |(number, (serial, files)): (usize, &Said<'_>)| {
        member(number, Trust::Pages, Answer::Page(page(number, *serial, files)))
    };
    pages.iter().enumerate().map(answer).collect()
}

#[track_caller]
fn offer(answers: Vec<MemberAnswer>) -> Offer {
    match merge(answers) {
        Merged::Offer(offer) => offer,
        other => panic!("{other:?}"),
    }
}

/// The files that are offered, each with the numbers of its members, and the names that are refused.
fn told(offer: &Offer) -> (Vec<(String, Vec<usize>)>, Vec<&str>) {
    let files = offer.page.files.iter().map(|file| {
        let locations = offer.locations(&file.name);
        for location in &locations {
            assert!(location.url.as_str().starts_with(&format!("https://m{}.example/f/", location.member)));
        }
        (file.name.clone(), locations.iter().map(|location| location.member).collect())
    });
    (files.collect(), offer.refused.iter().map(|file| file.name.as_str()).collect())
}

#[test]
fn members_that_differ() {
    type Case<'a> = (&'a str, &'a [Said<'a>], &'a [(&'a str, &'a [usize])], &'a [&'a str]);
    let (one, two) = (("one", "1"), ("two", "2"));
    let cases: &[Case<'_>] = &[
        ("equal", &[(None, &[one, two]), (None, &[one, two])], &[("one", &[0, 1]), ("two", &[0, 1])], &[]),
        (
            "a stale mirror, serials",
            &[(Some(9), &[one, two]), (Some(5), &[one])],
            &[("one", &[0, 1]), ("two", &[0])],
            &[],
        ),
        (
            "a stale mirror first, serials",
            &[(Some(5), &[one]), (Some(9), &[one, two])],
            &[("one", &[1, 0]), ("two", &[1])],
            &[],
        ),
        (
            "a stale mirror first, no serials",
            &[(None, &[one]), (None, &[one, two])],
            &[("one", &[0, 1]), ("two", &[1])],
            &[],
        ),
        (
            "a partial mirror of the same serial",
            &[(Some(9), &[one, two]), (Some(9), &[one])],
            &[("one", &[0, 1])],
            &["two"],
        ),
        ("a file that was deleted", &[(Some(9), &[one]), (Some(5), &[one, two])], &[("one", &[0, 1])], &["two"]),
        ("a mirror without serial adds", &[(Some(9), &[one]), (None, &[one, two])], &[("one", &[0, 1])], &["two"]),
        (
            "a later page cannot judge one without serial",
            &[(None, &[one, two]), (Some(9), &[one])],
            &[("one", &[0, 1]), ("two", &[0])],
            &[],
        ),
        (
            "a mirror that lies with a newer serial",
            &[(Some(9), &[one]), (Some(10), &[one, two])],
            &[("one", &[1, 0]), ("two", &[1])],
            &[],
        ),
        ("an empty page, no serials", &[(None, &[]), (None, &[one])], &[("one", &[1])], &[]),
        ("an empty mirror, serials", &[(Some(9), &[one]), (Some(1), &[])], &[("one", &[0])], &[]),
        (
            "other bytes under one name",
            &[(Some(9), &[one, two]), (Some(9), &[("one", "x"), two])],
            &[("two", &[0, 1])],
            &["one"],
        ),
        ("hashes on one page only", &[(None, &[("one", "")]), (None, &[one])], &[("one", &[0, 1])], &[]),
        ("no hashes anywhere", &[(None, &[("one", "")]), (None, &[("one", "")])], &[("one", &[0, 1])], &[]),
        ("one of three lies about bytes", &[(None, &[one]), (None, &[one]), (None, &[("one", "x")])], &[], &["one"]),
        ("each has something", &[(None, &[one]), (None, &[two])], &[("one", &[0]), ("two", &[1])], &[]),
        (
            "newest of one outweighs all that have it",
            &[(Some(3), &[two]), (Some(9), &[]), (Some(5), &[two])],
            &[],
            &["two"],
        ),
        (
            "it does not outweigh one of unknown age before it",
            &[(None, &[two]), (Some(9), &[]), (Some(5), &[two])],
            &[("two", &[0, 2])],
            &[],
        ),
    ];
    for (what, pages, files, refused) in cases {
        let offer = offer(members(pages));
        let files: Vec<_> = files.iter().map(|(name, places)| ((*name).to_owned(), places.to_vec())).collect();
        assert_eq!(told(&offer), (files, refused.to_vec()), "{what}");
    }
}

#[test]
fn a_hash_from_anywhere_that_is_trusted_is_used() {
    let offer = offer(members(&[(Some(9), &[("one", "")]), (Some(5), &[("one", "1")])]));
    assert_eq!(offer.page.files[0].hashes.sha256, Some(ContentId::of(b"1")));
    assert_eq!(offer.page.files[0].url.host_str(), Some("m0.example"));
}

#[test]
fn what_is_said_comes_from_the_newest_page() {
    let yank = |number, serial, yanked: &str| {
        let mut page = page(number, serial, &[("one", "1")]);
        Arc::make_mut(&mut page).files[0].yanked = Yanked::Yes(yanked.to_owned());
        member(number, Trust::Pages, Answer::Page(page))
    };
    let yanked = |answers| offer(answers).page.files[0].yanked.clone();
    assert_eq!(yanked(vec![yank(0, Some(5), "old"), yank(1, Some(9), "new")]), Yanked::Yes("new".into()));
    assert_eq!(yanked(vec![yank(0, None, "first"), yank(1, Some(9), "later")]), Yanked::Yes("first".into()));
    assert_eq!(yanked(vec![yank(0, None, "first"), yank(1, None, "later")]), Yanked::Yes("first".into()));
}

#[test]
fn members_for_files_only_serve_known_bytes() {
    let files_only =
        |number, files: &[(&str, &str)]| member(number, Trust::Files, Answer::Page(page(number, Some(99), files)));
    let trusted = &members(&[(Some(9), &[("one", "1"), ("none", "")])])[0];
    for (what, files, expected) in [
        ("the same bytes", &[("one", "1")][..], vec![0, 1]),
        ("other bytes", &[("one", "x")], vec![0]),
        ("no hash", &[("one", "")], vec![0]),
        ("adds a version", &[("one", "1"), ("two", "2")], vec![0, 1]),
        ("takes everything away", &[], vec![0]),
        ("no hash is known", &[("none", "1")], vec![0]),
    ] {
        let offer = offer(vec![trusted.clone(), files_only(1, files)]);
        assert_eq!(told(&offer), (vec![("one".into(), expected), ("none".into(), vec![0])], vec![]), "{what}");
    }
    // Alone it says nothing at all.
    let down = member(0, Trust::Pages, Answer::Failed("timed out".into()));
    assert!(matches!(merge(vec![down, files_only(1, &[("one", "1")])]), Merged::Unknown(_)));
    assert!(matches!(merge(vec![files_only(0, &[("one", "1")])]), Merged::Unknown(_)));
    let missing = member(0, Trust::Pages, Answer::Missing);
    assert!(matches!(merge(vec![missing, files_only(1, &[("one", "1")])]), Merged::Missing));
}

#[test]
fn missing_only_when_all_say_so() {
    let missing = |number| member(number, Trust::Pages, Answer::Missing);
    let down = member(1, Trust::Pages, Answer::Failed("answered 503".into()));
    assert!(matches!(merge(vec![missing(0), missing(1)]), Merged::Missing));
    assert!(matches!(merge(Vec::new()), Merged::Unknown(_)));
    let Merged::Unknown(failed) = merge(vec![missing(0), down.clone()]) else { panic!("not known") };
    assert_eq!(failed, [("https://***@m1.example/simple/".to_owned(), "answered 503".to_owned())]);
    // A page from anywhere is an answer, also beside a 404 and a failure.
    let answers = [vec![missing(0), down], members(&[(None, &[("one", "1")])])].concat();
    let offer = offer(answers);
    assert_eq!(offer.locations("one")[0].member, 2);
    assert_eq!(offer.locations("two"), []);
}

#[test]
fn the_url_is_that_of_the_first_member_that_has_the_file() {
    let (one, two) = (("one", "1"), ("two", "2"));
    for (pages, expected) in [
        (&[(None, &[one][..]), (None, &[one, two])][..], &["m0", "m1"][..]),
        (&[(Some(5), &[one]), (Some(9), &[one, two])], &["m0", "m1"]),
        (&[(Some(5), &[one]), (Some(6), &[one]), (Some(9), &[one, two])], &["m0", "m2"]),
        (&[(None, &[("one", "")]), (Some(9), &[one])], &["m0"]),
    ] {
        let page = offer(members(pages)).page;
        let hosts: Vec<_> = page.files.iter().filter_map(|file| file.url.host_str()?.split('.').next()).collect();
        assert_eq!(hosts, expected, "{pages:?}");
    }
    let only_files = member(0, Trust::Files, Answer::Page(page(0, None, &[one])));
    let listed = member(1, Trust::Pages, Answer::Page(page(1, None, &[one])));
    assert_eq!(offer(vec![only_files, listed]).page.files[0].url.host_str(), Some("m1.example"));
}

#[test]
fn a_refusal_names_both_hashes_and_where_they_are() {
    let offer = offer(members(&[(None, &[("one", "1")]), (None, &[("one", "x")])]));
    let reason = offer.refused[0].reason.to_string();
    for part in
        [&ContentId::of(b"1").to_string(), &ContentId::of(b"x").to_string(), "https://***@m0.example/", "m1.example"]
    {
        assert!(reason.contains(part), "{reason}");
    }
    assert!(!reason.contains("pw"));
}

#[test]
fn the_page_promises_what_all_promise() {
    let read = |versions: serde_json::Value, api: &str| {
        let context = PageContext {
            project: "six".parse().unwrap(),
            base: Url::parse("https://m.example/").unwrap(),
            limits: PageLimits::default(),
        };
        let body = json!({"meta": {"api-version": api}, "versions": versions, "files": []}).to_string();
        Arc::new(ProjectPage::from_json(body.as_bytes(), &context).unwrap().page)
    };
    let both = |a, b| offer(vec![member(0, Trust::Pages, Answer::Page(a)), member(1, Trust::Pages, Answer::Page(b))]);
    let offer = both(read(json!(["1", "2"]), "1.4"), read(json!(["2", "3"]), "1.1"));
    assert_eq!((offer.page.meta.api_version, offer.page.versions.as_ref().map(Vec::len)), ((1, 1), Some(3)));
    let offer = both(read(json!(["1"]), "1.4"), read(json!(null), "1.0"));
    assert_eq!((offer.page.meta.api_version, &offer.page.versions), ((1, 0), &None));
}

/// What a member says in a property: a serial, and for each of a few names nothing or one of a few contents.
fn any_members() -> impl Strategy<Value = Vec<MemberAnswer>> {
    let files = proptest::collection::vec(proptest::option::of("[12]?"), 4);
    let member = (proptest::option::of(1..4_u64), files, proptest::bool::weighted(0.7), 0..4_u8);
    proptest::collection::vec(member, 0..5).prop_map(|members| {
        let answers = members.into_iter().enumerate().map(|(number, (serial, files, trusted, kind))| {
            let named = ["a", "b", "c", "d"].into_iter().zip(&files);
            let files: Vec<_> = named.filter_map(|(name, content)| Some((name, content.as_deref()?))).collect();
            let answer = match kind {
                0 => Answer::Missing,
                1 => Answer::Failed("down".to_owned()),
                _ => Answer::Page(page(number, serial, &files)),
            };
            self::member(number, if trusted { Trust::Pages } else { Trust::Files }, answer)
        });
        answers.collect()
    })
}

proptest! {
    /// Whatever members say: what is offered was listed by a trusted one, and all places of a file have its hash.
    #[test]
    fn nothing_comes_from_nowhere(answers in any_members()) {
        let Merged::Offer(offer) = merge(answers.clone()) else { return Ok(()) };
        let listed = |member: usize, name: &str| match &answers[member].answer {
            Answer::Page(page) => page.file(name).cloned(),
            _ => None,
        };
        for file in &offer.page.files {
            let locations = offer.locations(&file.name);
            prop_assert!(locations.iter().any(|location| answers[location.member].trust == Trust::Pages));
            for location in locations {
                let hash = listed(location.member, &file.name).and_then(|listed| listed.hashes.sha256);
                let is_trusted = answers[location.member].trust == Trust::Pages;
                prop_assert!(hash == file.hashes.sha256 && (hash.is_some() || is_trusted) || hash.is_none() && is_trusted);
            }
        }
        for refused in &offer.refused {
            prop_assert!(offer.page.file(&refused.name).is_none());
        }
    }

    /// A member for files only never changes which files there are.
    #[test]
    fn members_for_files_change_no_list(answers in any_members()) {
        let names = |answers: Vec<MemberAnswer>| match merge(answers) {
            Merged::Offer(offer) => Some(offer.page.files.iter().map(|file| (file.name.clone(), file.hashes.clone())).collect::<Vec<_>>()),
            _ => None,
        };
        let trusted = answers.iter().filter(|answer| answer.trust == Trust::Pages).cloned().collect();
        prop_assert_eq!(names(answers), names(trusted));
    }
}

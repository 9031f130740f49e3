//! Pages that are written and read again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use url::Url;

use super::*;
use crate::index::{PageContext, PageLimits, PageMeta, ProjectStatus};
use crate::objects::ContentId;

fn context() -> PageContext {
    PageContext {
        project: "six".parse().unwrap(),
        base: Url::parse("https://index.example/simple/six/").unwrap(),
        limits: PageLimits::default(),
    }
}

fn file(name: &str) -> IndexFile {
    IndexFile {
        name: name.to_owned(),
        url: Url::parse("https://files.example/f/").unwrap().join(name).unwrap(),
        hashes: Hashes { sha256: Some(ContentId::of(name.as_bytes())), ..Hashes::default() },
        size: Some(1),
        upload_time: None,
        requires_python: None,
        yanked: Yanked::No,
        core_metadata: CoreMetadata::Absent,
        gpg_sig: None,
        provenance: None,
        unknown: Map::new(),
    }
}

fn page(files: Vec<IndexFile>) -> ProjectPage {
    ProjectPage {
        name: "six".parse().unwrap(),
        meta: PageMeta { api_version: (1, 4), last_serial: None, tracks: Vec::new(), unknown: Map::new() },
        files,
        versions: Some(Vec::new()),
        status: None,
        alternate_locations: Vec::new(),
        unknown: Map::new(),
    }
}

fn json_of(page: &ProjectPage, metadata: MetadataRule) -> Value {
    serde_json::from_slice(&page.to_json(metadata, |file| file.url.to_string()).unwrap()).unwrap()
}

#[test]
fn the_version_that_is_claimed() {
    let claimed = |page: &ProjectPage| json_of(page, MetadataRule::AsGiven)["meta"]["api-version"].clone();
    let mut page = page(vec![file("a-1.whl")]);
    assert_eq!(claimed(&page), json!("1.4"));
    page.meta.api_version = (1, 9);
    assert_eq!(claimed(&page), json!("1.4"));
    page.meta.api_version = (1, 1);
    assert_eq!(claimed(&page), json!("1.1"));
    page.files[0].size = None;
    assert_eq!(claimed(&page), json!("1.0"));
    page.files[0].size = Some(1);
    page.versions = None;
    assert_eq!(claimed(&page), json!("1.0"));
}

#[test]
fn rules_of_metadata() {
    let mut given = file("a-1-py3-none-any.whl");
    given.core_metadata = CoreMetadata::Present(given.hashes.clone());
    let hash = given.hashes.sha256.unwrap().to_string();
    let page = page(vec![given, file("b-1-py3-none-any.whl"), file("c-1.tar.gz")]);
    for (rule, expected) in [
        (MetadataRule::AsGiven, [json!({"sha256": hash}), json!(false), json!(false)]),
        (MetadataRule::Never, [json!(false), json!(false), json!(false)]),
        (MetadataRule::EveryWheel, [json!({"sha256": hash}), json!(true), json!(false)]),
    ] {
        let json = json_of(&page, rule);
        for (file, expected) in json["files"].as_array().unwrap().iter().zip(&expected) {
            assert_eq!((&file["core-metadata"], &file["data-dist-info-metadata"]), (expected, expected), "{rule:?}");
        }
        let html = page.to_html(rule, |file| file.url.to_string());
        let count = expected.iter().filter(|value| **value != json!(false)).count();
        assert_eq!(html.matches("data-core-metadata=").count(), count);
        assert_eq!(html.matches("data-dist-info-metadata=").count(), count);
    }
}

#[test]
fn other_urls_may_stand_in_the_page() {
    let page = page(vec![file("a-1.whl")]);
    let moved = |file: &IndexFile| format!("/secret/files/{}", file.name);
    let hash = page.files[0].hashes.sha256.unwrap();
    let json: Value = serde_json::from_slice(&page.to_json(MetadataRule::AsGiven, moved).unwrap()).unwrap();
    assert_eq!(json["files"][0]["url"], "/secret/files/a-1.whl");
    assert!(
        page.to_html(MetadataRule::AsGiven, moved).contains(&format!("href=\"/secret/files/a-1.whl#sha256={hash}\""))
    );
}

#[test]
fn hostile_text_stays_text() {
    let mut hostile = file("a-1.whl");
    let text = "\"><script>alert('1')</script>&lt;\u{0}\r\n--><a href='evil-1.whl'>";
    hostile.yanked = Yanked::Yes(text.to_owned());
    hostile.requires_python = Some(text.to_owned());
    hostile.provenance = Some(text.to_owned());
    let mut page = page(vec![hostile]);
    page.status = Some(ProjectStatus { status: text.to_owned(), reason: Some(text.to_owned()) });
    page.meta.tracks = vec![text.to_owned()];
    let html = page.to_html(MetadataRule::AsGiven, |_| text.to_owned());
    assert_eq!(
        html.matches("<script").count() + html.matches("<a href='evil").count() + html.matches("-->").count(),
        0
    );
    let html = page.to_html(MetadataRule::AsGiven, |file| file.url.to_string());
    let back = ProjectPage::from_html(html.as_bytes(), &context()).unwrap().page;
    assert_eq!(back.files.len(), 1);
    assert_eq!(back.files[0].requires_python.as_deref(), Some(text.replace('\0', "\u{fffd}").as_str()));
}

fn hashes() -> impl Strategy<Value = Hashes> {
    let others = proptest::collection::btree_map("(md5|sha512|blake2b_256)", "[0-9a-f]{2,20}", 0..3);
    (proptest::option::of(any::<[u8; 32]>()), others)
        .prop_map(|(sha256, others)| Hashes { sha256: sha256.map(ContentId::new), others })
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,12}|[<>&\"' \\n]{0,8}"
}

prop_compose! {
    fn any_file()(
        name in "[a-z]{1,8}-[0-9]{1,3}(\\.whl|\\.tar\\.gz)",
        hashes in hashes(),
        size: Option<u64>,
        time in proptest::option::of(0_i64..4_000_000_000_000_000),
        requires_python in proptest::option::of(text()),
        yanked in proptest::option::of(text()),
        metadata in proptest::option::of(hashes()),
        gpg_sig: Option<bool>,
        provenance in proptest::option::of(text()),
        extra in proptest::option::of(text()),
    ) -> IndexFile {
        IndexFile {
            hashes,
            size,
            upload_time: time.map(|time| Timestamp::from_microsecond(time).unwrap()),
            requires_python,
            yanked: yanked.map_or(Yanked::No, Yanked::Yes),
            core_metadata: metadata.map_or(CoreMetadata::Absent, CoreMetadata::Present),
            gpg_sig,
            provenance,
            unknown: extra.into_iter().map(|text| ("extra".to_owned(), json!([text]))).collect(),
            ..file(&name)
        }
    }
}

prop_compose! {
    fn any_page()(
        files in proptest::collection::vec(any_file(), 0..6),
        versions in proptest::option::of(proptest::collection::vec(text(), 0..3)),
        status in proptest::option::of((text(), proptest::option::of(text()))),
        tracks in proptest::collection::vec(text(), 0..2),
        alternate_locations in proptest::collection::vec(text(), 0..2),
        last_serial: Option<u64>,
        extra in proptest::option::of(text()),
    ) -> ProjectPage {
        // Names are unique on a page.
        let files: BTreeMap<String, IndexFile> = files.into_iter().map(|file| (file.name.clone(), file)).collect();
        let mut page = page(files.into_values().collect());
        page.versions = versions;
        page.status = status.map(|(status, reason)| ProjectStatus { status, reason });
        page.alternate_locations = alternate_locations;
        page.unknown = extra.into_iter().map(|text| ("extra".to_owned(), json!({"text": text}))).collect();
        page.meta = PageMeta { last_serial, tracks, unknown: page.unknown.clone(), api_version: page.honest_version() };
        page
    }
}

proptest! {
    #[test]
    fn json_and_back(page in any_page()) {
        let body = page.to_json(MetadataRule::AsGiven, |file| file.url.to_string()).unwrap();
        let back = ProjectPage::from_json(&body, &context()).unwrap();
        prop_assert_eq!(back.left_out.count, 0);
        prop_assert_eq!(back.page, page);
    }

    /// HTML says less, but what it says is the same.
    #[test]
    fn html_and_back(page in any_page()) {
        let html = page.to_html(MetadataRule::AsGiven, |file| file.url.to_string());
        let back = ProjectPage::from_html(html.as_bytes(), &context()).unwrap().page;
        // Without the characters that HTML has other ideas about.
        let plain = |text: &Option<String>| text.as_ref().map(|text| text.replace('\0', "\u{fffd}"));
        prop_assert_eq!(&back.meta.last_serial, &page.meta.last_serial);
        prop_assert_eq!(back.files.len(), page.files.len());
        for (back, file) in back.files.iter().zip(&page.files) {
            prop_assert_eq!((&back.name, &back.url), (&file.name, &file.url));
            prop_assert_eq!(back.hashes.sha256, file.hashes.sha256);
            prop_assert_eq!(plain(&back.requires_python), plain(&file.requires_python));
            prop_assert_eq!((&back.yanked, back.gpg_sig), (&file.yanked, file.gpg_sig));
            let is_present = |file: &IndexFile| matches!(file.core_metadata, CoreMetadata::Present(_));
            prop_assert_eq!(is_present(back), is_present(file));
        }
    }
}

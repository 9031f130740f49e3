//! Pages in JSON: everything they can say, cut ones, and hostile ones.

use proptest::prelude::*;
use serde_json::json;
use url::Url;

use super::*;
use crate::index::{CoreMetadata, Hashes, LeftOutReason, PageLimits, Yanked};
use crate::objects::ContentId;

const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn context() -> PageContext {
    PageContext {
        project: "six".parse().unwrap(),
        base: Url::parse("https://index.example/simple/six/").unwrap(),
        limits: PageLimits { bytes: 1 << 20, entries: 10, text: 200, unknown_values: 20 },
    }
}

fn read(page: &Value) -> Result<ParsedPage, PageError> {
    ProjectPage::from_json(page.to_string().as_bytes(), &context())
}

/// A page with these files.
fn with_files(files: &Value) -> Result<ParsedPage, PageError> {
    read(&json!({"meta": {"api-version": "1.1"}, "name": "six", "files": files}))
}

#[test]
fn everything_an_index_can_say() {
    let page = json!({
        "meta": {"api-version": "1.7", "_last-serial": 42, "tracks": ["https://other.example/simple/six/"], "x": [1]},
        "name": "Six",
        "versions": ["1.16.0", "1.17.0"],
        "alternate-locations": ["https://third.example/simple/six/"],
        "project-status": {"status": "archived", "reason": "done"},
        "new-key": {"deep": [null, 1.5, -1, "é"]},
        "files": [{
            "filename": "six-1.17.0-py2.py3-none-any.whl",
            "url": "../../packages/six-1.17.0-py2.py3-none-any.whl#frag",
            "hashes": {"SHA256": HASH, "md5": "AA", "odd": 1, "<b>": "aa", "blake2b_256": "not hex"},
            "size": 11050,
            "upload-time": "2024-12-04T17:35:26.475808Z",
            "requires-python": ">=2.7, !=3.0.*",
            "yanked": "bro\u{6b}en",
            "core-metadata": {"sha256": HASH},
            "dist-info-metadata": true,
            "gpg-sig": false,
            "provenance": "https://index.example/integrity/six",
            "other": 1,
        }],
    });
    let ParsedPage { page, left_out } = read(&page).unwrap();
    assert_eq!(left_out, LeftOut::default());
    assert_eq!(page.meta.api_version, (1, 7));
    assert_eq!((page.meta.last_serial, page.meta.tracks.len()), (Some(42), 1));
    assert_eq!(page.meta.unknown["x"], json!([1]));
    assert_eq!(page.versions.as_deref(), Some(&["1.16.0".to_owned(), "1.17.0".to_owned()][..]));
    assert_eq!(page.status, Some(ProjectStatus { status: "archived".into(), reason: Some("done".into()) }));
    assert_eq!(page.alternate_locations, ["https://third.example/simple/six/"]);
    assert_eq!(page.unknown["new-key"], json!({"deep": [null, 1.5, -1, "é"]}));
    let file = &page.files[0];
    assert_eq!(file.url.as_str(), "https://index.example/packages/six-1.17.0-py2.py3-none-any.whl");
    let hash: ContentId = HASH.parse().unwrap();
    assert_eq!(file.hashes.sha256, Some(hash));
    assert_eq!(file.hashes.others, [("md5".to_owned(), "aa".to_owned())].into());
    assert_eq!((file.size, file.gpg_sig), (Some(11050), Some(false)));
    assert_eq!(file.upload_time.unwrap().to_string(), "2024-12-04T17:35:26.475808Z");
    assert_eq!(file.requires_python.as_deref(), Some(">=2.7, !=3.0.*"));
    assert_eq!(file.yanked, Yanked::Yes("broken".into()));
    assert_eq!(file.core_metadata, CoreMetadata::Present(Hashes { sha256: Some(hash), ..Hashes::default() }));
    assert_eq!(file.provenance.as_deref(), Some("https://index.example/integrity/six"));
    assert_eq!(file.unknown["other"], json!(1));
}

#[test]
fn pages_that_are_not_believed() {
    let file = json!({"filename": "a-1.whl", "url": "a-1.whl", "hashes": {}});
    for (page, expected) in [
        (json!({"files": []}), None),
        (json!({"meta": {"api-version": "1"}, "files": []}), None),
        (json!({"meta": {"api-version": "2.0"}, "files": []}), Some(PageError::NewerMajor("2.0".into()))),
        (json!({"meta": {"api-version": "x"}, "files": []}), Some(PageError::Damaged("`x` is no API version".into()))),
        (json!({"meta": {"api-version": 1.0}, "files": []}), Some(PageError::Damaged("`` is no API version".into()))),
        (json!({"message": "sign in"}), Some(PageError::NotAnIndex("it has no `files`".into()))),
        (
            json!({"name": "seven", "files": []}),
            Some(PageError::OtherProject { asked: "six".into(), got: "seven".into() }),
        ),
        (json!({"name": "", "files": []}), Some(PageError::OtherProject { asked: "six".into(), got: String::new() })),
        (json!({"files": vec![file; 11]}), Some(PageError::TooMany(10))),
        (json!({"versions": vec!["1"; 11], "files": []}), Some(PageError::TooMany(10))),
    ] {
        assert_eq!(read(&page).err(), expected, "{page}");
    }
    for text in [
        "[]",
        "{\"files\": [1]}",
        "{\"files\": {}}",
        "{\"files\": []} {}",
        "{\"meta\": 1, \"files\": []}",
        "<html>",
        "{\"files\": []}}",
    ] {
        let error = ProjectPage::from_json(text.as_bytes(), &context()).unwrap_err();
        assert!(matches!(error, PageError::Damaged(_)), "{text}: {error}");
    }
    for text in ["", " \n", "\u{feff}"] {
        assert_eq!(ProjectPage::from_json(text.as_bytes(), &context()), Err(PageError::Empty), "{text:?}");
    }
    let large = vec![b' '; (1 << 20) + 1];
    assert_eq!(ProjectPage::from_json(&large, &context()), Err(PageError::TooLarge(1 << 20)));
}

#[test]
fn floods_of_unknown_values_are_bounded() {
    let page = json!({"files": [], "x": vec![0; 30]});
    assert!(matches!(read(&page), Err(PageError::Damaged(why)) if why.contains("unknown keys")));
    let deep = format!("{{\"files\": [], \"x\": {}", "[".repeat(100_000));
    assert!(matches!(ProjectPage::from_json(deep.as_bytes(), &context()), Err(PageError::Damaged(_))));
    let deep = format!("{{\"files\": [{{\"size\": {}", "[".repeat(100_000));
    assert!(ProjectPage::from_json(deep.as_bytes(), &context()).is_err());
}

#[test]
fn entries_that_are_left_out() {
    let long = "x".repeat(201);
    for (file, reason) in [
        (json!({"url": "a"}), LeftOutReason::Incomplete),
        (json!({"filename": "a.whl"}), LeftOutReason::Incomplete),
        (json!({"filename": 1, "url": "a"}), LeftOutReason::Incomplete),
        (json!({"filename": "../a.whl", "url": "a"}), LeftOutReason::Name(crate::index::UnsafeName::Separator)),
        (json!({"filename": "a.whl", "url": "file:///a.whl"}), LeftOutReason::Scheme),
        (json!({"filename": "a.whl", "url": "http://["}), LeftOutReason::Url),
        (json!({"filename": "a.whl", "url": "a", "hashes": {"sha256": "12"}}), LeftOutReason::Hash),
        (json!({"filename": "a.whl", "url": "a", "hashes": {"sha256": null}}), LeftOutReason::Hash),
        (json!({"filename": "a.whl", "url": long}), LeftOutReason::TooLong),
        (json!({"filename": "a.whl", "url": "a", "requires-python": long}), LeftOutReason::TooLong),
    ] {
        let parsed = with_files(&json!([file, {"filename": "b.whl", "url": "b"}])).unwrap();
        assert_eq!(parsed.left_out.first.first().map(|(_, reason)| *reason), Some(reason), "{file}");
        assert_eq!((parsed.left_out.count, parsed.page.files.len()), (1, 1));
    }
}

#[test]
fn a_file_that_is_listed_twice() {
    let other = HASH.replace("00", "ff");
    let file = |hash: Option<&str>| json!({"filename": "a.whl", "url": "a", "hashes": hash.map(|hash| json!({"sha256": hash}))});
    for (files, kept, left_out) in [
        (vec![Some(HASH), Some(HASH)], 1, 0),
        (vec![None, Some(HASH), None], 1, 0),
        (vec![Some(HASH), Some(&other)], 0, 1),
        (vec![None, Some(HASH), Some(&other), Some(HASH), Some(&other)], 0, 1),
    ] {
        let files: Vec<_> = files.into_iter().map(file).collect();
        let parsed = with_files(&json!(files)).unwrap();
        assert_eq!((parsed.page.files.len(), parsed.left_out.count), (kept, left_out), "{files:?}");
        assert!(parsed.page.files.iter().all(|file| file.hashes.sha256.is_some()));
    }
}

#[test]
fn fields_of_odd_types_say_nothing() {
    let file = json!({
        "filename": "a.whl", "url": "a", "hashes": [], "size": -1, "upload-time": "yesterday", "requires-python": null,
        "yanked": false, "core-metadata": null, "dist-info-metadata": {"sha256": 1}, "gpg-sig": "yes", "provenance": {},
    });
    let parsed = with_files(&json!([file])).unwrap();
    let file = &parsed.page.files[0];
    assert_eq!((file.size, file.upload_time, file.gpg_sig), (None, None, None));
    assert_eq!((&file.yanked, &file.core_metadata), (&Yanked::No, &CoreMetadata::Absent));
    assert_eq!((&file.requires_python, &file.provenance), (&None, &None));
}

#[test]
fn the_spellings_of_core_metadata() {
    let present = || CoreMetadata::Present(Hashes::default());
    for (keys, expected) in [
        (json!({}), CoreMetadata::Absent),
        (json!({"core-metadata": true}), present()),
        (json!({"dist-info-metadata": true}), present()),
        (json!({"data-dist-info-metadata": true}), present()),
        (json!({"dist-info-metadata": true, "core-metadata": false}), CoreMetadata::Absent),
        (json!({"core-metadata": {}}), present()),
    ] {
        let mut file = json!({"filename": "a.whl", "url": "a"});
        file.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        assert_eq!(with_files(&json!([file])).unwrap().page.files[0].core_metadata, expected, "{keys}");
    }
}

proptest! {
    #[test]
    fn never_panics(
        body: Vec<u8>,
        near in "(\\{|\\}|\\[|\\]|,|:|\"files\"|\"meta\"|\"api-version\"|\"1.0\"|\"filename\"|\"url\"|\"hashes\"|1|null|true){0,40}",
    ) {
        let _ = (ProjectPage::from_json(&body, &context()), ProjectPage::from_json(near.as_bytes(), &context()));
    }

    /// Whatever is cut off a page: it is never taken for a shorter page.
    #[test]
    fn a_cut_page_is_an_error(at in 0.0..1.0_f64) {
        let file = json!({"filename": "a.whl", "url": "a", "hashes": {"sha256": HASH}, "size": 1, "yanked": "because"});
        let page = json!({"meta": {"api-version": "1.0"}, "name": "six", "files": [file]}).to_string();
        let cut = (page.len() as f64 * at) as usize;
        let error = ProjectPage::from_json(&page.as_bytes()[..cut], &context()).unwrap_err();
        prop_assert!(matches!(error, PageError::Truncated(_) | PageError::Empty), "{}", error);
    }
}

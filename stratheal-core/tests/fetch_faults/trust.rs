//! Who is believed about what: the documented attacks by way of names, mirrors and redirects.

use std::path::Path;

use stratheal_core::base::redact::Secret;
use stratheal_core::fetch::{Credentials, FetchError, Fetcher, Login};
use stratheal_core::index::{Chain, Source, Trust};
use stratheal_core::objects::ContentId;
use stratheal_core::testing::faulty_index::{Body, ClosedPort, Content, Fault, FaultyIndex, Package, Rule, Target};

use super::trial::{DEADLINE, everything, fetcher, files_of, project, source, transport};

const WHEEL: &str = "corp_lib-1.0-py3-none-any.whl";

fn private() -> Content {
    Content::new([Package::new("corp-lib", "1.0").payload(50_000)])
}

async fn serve(content: Content) -> FaultyIndex {
    FaultyIndex::start(content, Vec::new()).await.unwrap()
}

/// The names of the files that are offered of a project.
async fn offered(fetcher: &Fetcher, name: &str) -> Result<Vec<String>, FetchError> {
    Ok(files_of(fetcher, name).await?.into_iter().map(|request| request.file.name).collect())
}

fn named(name: &str, url: String) -> Source {
    Source { name: name.to_owned(), ..source(&[url]) }
}

/// Dependency confusion: someone registers a private name at a public index, with a higher version.
#[tokio::test]
async fn a_public_name_does_not_shadow_a_private_one() {
    let ours = serve(private()).await;
    let public = serve(Content::new([Package::new("corp-lib", "99.0"), Package::new("other", "1.0")])).await;
    let folder = tempfile::tempdir().unwrap();
    let sources = || vec![named("private", ours.url()), named("default", public.url())];
    let fetcher = fetcher(sources(), folder.path());
    assert_eq!(offered(&fetcher, "corp-lib").await.unwrap(), [WHEEL]);
    assert_eq!(offered(&fetcher, "other").await.unwrap(), ["other-1.0-py3-none-any.whl"]);
    assert!(
        public.log().iter().all(|served| !served.path.contains("corp")),
        "the public index does not learn the name"
    );
}

/// The same while the private index cannot answer: that is no permission to ask elsewhere.
#[tokio::test]
async fn a_public_name_does_not_step_in_while_the_private_index_is_down() {
    let public = serve(Content::new([Package::new("corp-lib", "99.0")])).await;
    let ours = serve(private()).await;
    let port = ClosedPort::new().unwrap();
    let broken = [Fault::Status(503), Fault::Status(401), Fault::Status(403), Fault::ResetBefore, Fault::Shortened(0)];
    let asked = async |url: String| {
        let folder = tempfile::tempdir().unwrap();
        let chain = Chain { sources: vec![named("private", url), named("default", public.url())] };
        let builder = Fetcher::builder(chain, folder.path().to_owned()).transport(transport());
        builder.deadline(std::time::Duration::from_secs(3)).build().unwrap().page(&project("corp-lib")).await
    };
    for fault in broken {
        ours.set_rules(vec![Rule::any(fault.clone())]);
        let answer = asked(ours.url()).await;
        assert!(!matches!(answer, Ok(_) | Err(FetchError::NoSuchProject { .. })), "{fault:?}: {answer:?}");
    }
    let not_tls = ours.url().replacen("http://", "https://", 1);
    for url in [port.url().unwrap(), not_tls] {
        let answer = asked(url.clone()).await;
        assert!(!matches!(answer, Ok(_) | Err(FetchError::NoSuchProject { .. })), "{url}: {answer:?}");
    }
    assert_eq!(public.requests(Target::Any), 0);
}

/// One member of several that does not answer may be the one that has it.
#[tokio::test]
async fn a_404_counts_only_when_every_member_said_so() {
    let empty = serve(Content::new([Package::new("other", "1.0")])).await;
    let public = serve(Content::new([Package::new("corp-lib", "99.0")])).await;
    let port = ClosedPort::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let private = Source { name: "private".to_owned(), ..source(&[empty.url(), port.url().unwrap()]) };
    let chain = Chain { sources: vec![private, named("default", public.url())] };
    let builder = Fetcher::builder(chain, folder.path().to_owned()).transport(transport());
    let answer = builder.deadline(std::time::Duration::from_secs(3)).build().unwrap().page(&project("corp-lib")).await;
    assert!(!matches!(answer, Ok(_) | Err(FetchError::NoSuchProject { .. })), "{answer:?}");
    assert_eq!(public.requests(Target::Any), 0);
}

/// A mirror that is behind must not hide what is new.
#[tokio::test]
async fn a_stale_mirror_does_not_hide_new_files() {
    let old = Content::new([Package::new("corp-lib", "1.0").payload(50_000)]);
    let new = old.clone().and(&Content::new([Package::new("corp-lib", "2.0")]));
    let (stale, fresh) = (serve(old.serial(5)).await, serve(new.serial(9)).await);
    for urls in [[stale.url(), fresh.url()], [fresh.url(), stale.url()]] {
        let folder = tempfile::tempdir().unwrap();
        let files = offered(&fetcher(vec![source(&urls)], folder.path()), "corp-lib").await.unwrap();
        assert_eq!(files, [WHEEL, "corp_lib-2.0-py3-none-any.whl"], "{urls:?}");
    }
}

/// A mirror invents a version: the other member, as new or newer, does not know it.
#[tokio::test]
async fn a_mirror_cannot_add_a_version() {
    let honest = serve(private().serial(9)).await;
    let evil = private().and(&Content::new([Package::new("corp-lib", "99.0")]));
    for serial in [9, 8] {
        let mirror = serve(evil.clone().serial(serial)).await;
        for urls in [[honest.url(), mirror.url()], [mirror.url(), honest.url()]] {
            let folder = tempfile::tempdir().unwrap();
            let files = offered(&fetcher(vec![source(&urls)], folder.path()), "corp-lib").await.unwrap();
            assert_eq!(files, [WHEEL], "{urls:?} with serial {serial}");
        }
    }
}

/// A mirror gives another hash for the same file: nobody can tell who is right, so it is refused with both.
#[tokio::test]
async fn members_that_disagree_about_a_hash_are_both_named() {
    let honest = serve(private().serial(9)).await;
    let other = Body::noise(1, 50_000);
    let lie = private().serial(9).change(WHEEL, |file| {
        (file.sha256, file.size, file.body) = (other.id(), other.length(), other.clone());
    });
    let mirror = serve(lie).await;
    let folder = tempfile::tempdir().unwrap();
    let fetcher = fetcher(vec![source(&[honest.url(), mirror.url()])], folder.path());
    let page = fetcher.page(&project("corp-lib")).await.unwrap();
    assert!(page.page.files.is_empty(), "{page:?}");
    let (name, reason) = &page.refused[0];
    let right = private().files()[0].sha256.to_string();
    assert_eq!(name, WHEEL);
    for needed in [right, other.id().to_string(), honest.address().to_string(), mirror.address().to_string()] {
        assert!(reason.contains(&needed), "{needed} is missing in {reason}");
    }
}

/// A member that is trusted with files only is not asked for pages, and its bytes are believed for their hash.
#[tokio::test]
async fn a_mirror_of_files_can_only_fail() {
    let content = private();
    let honest = serve(content.clone()).await;
    let noise = content.clone().change(WHEEL, |file| file.body = Body::noise(3, file.size));
    let mirror = serve(noise.and(&Content::new([Package::new("corp-lib", "99.0")]))).await;
    let mut members = source(&[mirror.url(), honest.url()]);
    members.members[0].trust = Trust::Files;
    let folder = tempfile::tempdir().unwrap();
    let fetcher = fetcher(vec![members], folder.path());
    assert_eq!(offered(&fetcher, "corp-lib").await.unwrap(), [WHEEL]);
    let files = everything(&fetcher, &content).await.unwrap();
    assert_eq!(files[0].id, content.files()[0].sha256);
}

/// The credentials of one member are for that member.
#[tokio::test]
async fn credentials_stay_with_their_host() {
    let elsewhere = serve(private()).await;
    let mirror = serve(private()).await;
    let content = private().login("me", "secret-word");
    let index = FaultyIndex::start(content, vec![Rule::files(Fault::RedirectTo(elsewhere.origin()))]).await.unwrap();
    let with_login = index.url().replacen("http://", "http://me:secret-word@", 1);
    let own = index.address().port();
    let known = Credentials::new(move |url| {
        (url.port() == Some(own))
            .then(|| Login { user: "me".to_owned(), password: Secret::new("secret-word".to_owned()) })
    });
    for (url, credentials) in [(with_login, Credentials::none()), (index.url(), known)] {
        let logs_in = url.contains('@');
        index.clear_log();
        elsewhere.clear_log();
        let folder = tempfile::tempdir().unwrap();
        let transport = stratheal_core::fetch::TransportSettings { credentials, ..transport() };
        let chain = Chain { sources: vec![source(&[url, mirror.url()])] };
        let builder = Fetcher::builder(chain, folder.path().to_owned()).transport(transport).deadline(DEADLINE);
        let fetcher = builder.build().unwrap();
        let mut events = fetcher.events();
        everything(&fetcher, &private()).await.unwrap();
        assert!(index.log().iter().any(|served| served.status == 200 && served.header("authorization").is_some()));
        let others = [elsewhere.log(), mirror.log()].concat();
        assert!(!others.is_empty());
        assert!(others.iter().all(|served| served.header("authorization").is_none()), "{others:?}");
        while let Ok(event) = events.try_recv() {
            assert!(!format!("{event:?}").contains("secret-word"), "{event:?}");
        }
        assert!(!format!("{:?}", fetcher.status()).contains("secret-word"));
        // A login in the URL of a member is the caller's to take out; one that is known is never shown.
        assert!(logs_in || !format!("{fetcher:?}").contains("secret-word"));
        assert!(logs_in || !holds(folder.path(), b"secret-word"), "the cache keeps no credentials");
    }
}

/// Whether any file below a folder holds these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes)
    })
}

/// A file that changes under its name is refused, with both hashes and where each was seen.
#[tokio::test]
async fn a_changed_file_is_refused_by_name() {
    let index = serve(private().max_age(0)).await;
    let folder = tempfile::tempdir().unwrap();
    let url = [index.url()];
    everything(&fetcher(vec![source(&url)], folder.path()), &private()).await.unwrap();
    let changed = Content::new([Package::new("corp-lib", "1.0").payload(50_000).seed(7)]).max_age(0);
    index.set_content(changed.clone());
    let (before, now) = (private().files()[0].sha256, changed.files()[0].sha256);
    assert_ne!(before, now);

    // By the fetcher that saw it before, and by one that only has its cache.
    let again = fetcher(vec![source(&url)], folder.path());
    let page = again.page(&project("corp-lib")).await.unwrap();
    assert!(page.page.files.is_empty(), "{page:?}");
    let reason = &page.refused[0].1;
    assert!(reason.contains(&before.to_string()) && reason.contains(&now.to_string()), "{reason}");
    assert!(reason.contains(&index.address().to_string()), "{reason}");

    let free = Source { immutable: false, ..source(&url) };
    let files = files_of(&fetcher(vec![free], folder.path()), "corp-lib").await.unwrap();
    assert_eq!(files[0].file.hashes.sha256, Some(now));
}

/// Bytes that do not match are never handed out, and the complaint names both hashes.
#[tokio::test]
async fn wrong_bytes_are_refused_with_both_hashes() {
    let wrong = Body::noise(1, private().files()[0].size);
    let index = serve(private().change(WHEEL, |file| file.body = wrong.clone())).await;
    let folder = tempfile::tempdir().unwrap();
    let fetcher = fetcher(vec![source(&[index.url()])], folder.path());
    let request = files_of(&fetcher, "corp-lib").await.unwrap().remove(0);
    let error = fetcher.file(&request).await.unwrap_err();
    let FetchError::HashMismatch { expected, got, member, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*expected, *got), (private().files()[0].sha256, ContentId::of(&wrong.to_bytes())));
    assert!(member.contains(&index.address().to_string()), "{member}");
}

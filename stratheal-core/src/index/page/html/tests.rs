//! Pages in HTML: those of real servers, cut ones, and hostile ones.

use proptest::prelude::*;

use super::*;
use crate::index::{CoreMetadata, Hashes, PageLimits, Yanked};

const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn context() -> PageContext {
    PageContext {
        project: "six".parse().unwrap(),
        base: Url::parse("https://index.example/simple/six/").unwrap(),
        limits: PageLimits { bytes: 1 << 16, entries: 10, text: 200, unknown_values: 20 },
    }
}

fn read(html: &str) -> Result<ParsedPage, PageError> {
    ProjectPage::from_html(html.as_bytes(), &context())
}

fn listed(html: &str) -> Vec<(String, String)> {
    let parsed = read(html).unwrap();
    parsed.page.files.into_iter().map(|file| (file.name, file.url.to_string())).collect()
}

/// Pages in the form in which different servers write them, all with one file.
const SERVERS: &[(&str, &str)] = &[
    (
        "an index server",
        "<!DOCTYPE html>\n<html>\n<head>\n<meta name=\"pypi:repository-version\" content=\"1.4\">\n<title>Links for six</title>\n</head>\n\
         <body>\n<h1>Links for six</h1>\n<a href=\"../../f/a-1.0.tar.gz\">a-1.0.tar.gz</a><br />\n</body>\n</html>\n<!--SERIAL 42-->",
    ),
    (
        "a bucket of static files",
        "<!DOCTYPE html>\n<html>\n  <body>\n    <h1>Links for six</h1>\n    <a href=\"/f/a-1.0.tar.gz\">a-1.0.tar.gz</a><br/>\n  \
         </body>\n</html>\n<!--TIMESTAMP 1700000000-->",
    ),
    (
        "Python's own file server",
        "<!DOCTYPE HTML>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Directory listing</title>\n</head>\n<body>\n<ul>\n\
         <li><a href=\"../\">../</a></li>\n<li><a href=\"/f/a-1.0.tar.gz\">a-1.0.tar.gz</a></li>\n</ul>\n<hr>\n</body>\n</html>\n",
    ),
    (
        "a web server's listing in capital letters, with its own columns",
        "<HTML><HEAD><TITLE>Index of /</TITLE></HEAD><BODY><PRE><A HREF=\"?C=N;O=D\">Name</A>\n<A HREF=\"/f/a-1.0.tar.gz\">a-1.0.tar..&gt;</A> \
         01-Jan-2024 1K\n</PRE></BODY></HTML>\n",
    ),
    (
        "a caching server that leaves out the closing of html",
        "<html><head></head><body><a href=/f/a-1.0.tar.gz>a-1.0.tar.gz</a></body>",
    ),
    ("a page by hand", "<a href='/f/a-1.0.tar.gz'>a-1.0.tar.gz</a><br>\n"),
    ("a server whose URLs say nothing", "<html><body><a href=\"/f/a-1.0.tar.gz?x=1\"> a-1.0.tar.gz </a></body></html>"),
];

#[test]
fn pages_of_real_servers() {
    for (server, html) in SERVERS {
        let files = listed(html);
        assert_eq!(files.len(), 1, "{server}");
        assert_eq!(files[0].0, "a-1.0.tar.gz", "{server}");
        assert!(files[0].1.starts_with("https://index.example/f/a-1.0.tar.gz"), "{server}: {}", files[0].1);
    }
    assert_eq!(read(SERVERS[0].1).unwrap().page.meta.last_serial, Some(42));
}

#[test]
fn everything_an_anchor_can_say() {
    let html = format!(
        "<html><head><base href=\"/other/\"><base href=\"/ignored/\"><meta name=pypi:repository-version content=1.3>\
         <meta name=\"pypi:tracks\" content=\"https://a.example/six/\"><meta name=\"pypi:alternate-locations\" content=\"https://b.example/six/\">\
         <meta name=\"pypi:project-status\" content=\"deprecated\"><meta name=\"pypi:project-status-reason\" content=\"use &quot;seven&quot;\"></head>\
         <body><script>document.write('<a href=\"evil-1.0.tar.gz\">evil-1.0.tar.gz</a>')</script>\
         <!-- <a href=\"gone-1.0.tar.gz\">gone-1.0.tar.gz</a> -->\
         <a href=\"six-1.0-py3-none-any.whl#SHA256={HASH}&amp;egg=six\" data-requires-python=\"&gt;=3.8, &lt;4\" data-yanked=\"it&#39;s broken\" \
         data-dist-info-metadata=\"true\" data-core-metadata=\"sha256={HASH}\" data-gpg-sig=\"true\" data-provenance=\"https://p.example/\">six</a>\
         <a data-yanked href=b-1.tar.gz#md5=aa>b-1.tar.gz</a></body></html>"
    );
    let ParsedPage { page, left_out } = read(&html).unwrap();
    assert_eq!(left_out, LeftOut::default());
    assert_eq!((page.meta.api_version, page.meta.tracks.len(), page.alternate_locations.len()), ((1, 3), 1, 1));
    assert_eq!(page.status, Some(ProjectStatus { status: "deprecated".into(), reason: Some("use \"seven\"".into()) }));
    let [six, b] = page.files.as_slice() else { panic!("{:?}", page.files) };
    assert_eq!(six.url.as_str(), "https://index.example/other/six-1.0-py3-none-any.whl");
    let hashes = Hashes { sha256: Some(HASH.parse().unwrap()), ..Hashes::default() };
    assert_eq!((&six.hashes, &six.core_metadata), (&hashes, &CoreMetadata::Present(hashes.clone())));
    assert_eq!(six.requires_python.as_deref(), Some(">=3.8, <4"));
    assert_eq!((&six.yanked, six.gpg_sig), (&Yanked::Yes("it's broken".into()), Some(true)));
    assert_eq!(six.provenance.as_deref(), Some("https://p.example/"));
    assert_eq!((&b.yanked, &b.core_metadata), (&Yanked::Yes(String::new()), &CoreMetadata::Absent));
    assert_eq!(b.hashes.others["md5"], "aa");
}

#[test]
fn what_an_anchor_is_called() {
    for (anchor, expected) in [
        ("<a href='a-1.whl'>other text</a>", Some("a-1.whl")),
        ("<a href='a-1%2Bx.whl'>a-1+x.whl</a>", Some("a-1+x.whl")),
        ("<a href='/download/123'>a-1.whl</a>", Some("a-1.whl")),
        ("<a href='/f/a-1.whl/'>a-1.whl</a>", Some("a-1.whl")),
        ("<a href='a-1.whl'>b-1.whl</a>", Some("a-1.whl")),
        ("<a href='a-1.whl'><b>a-</b>1.whl</a>", Some("a-1.whl")),
        ("<a href='../'>Parent</a>", None),
        ("<a href='mailto:x@y'>write</a>", None),
        ("<a href='a-1.whl.asc'>signature</a>", None),
        ("<a name='a-1.whl'>a-1.whl</a>", None),
    ] {
        let files = listed(&format!("<html>{anchor}</html>"));
        assert_eq!(files.first().map(|(name, _)| name.as_str()), expected, "{anchor}");
    }
}

#[test]
fn hostile_anchors_are_left_out() {
    for anchor in [
        "<a href='..%2f..%2fa-1.whl'>a</a>",
        "<a href='/x'>../../a-1.whl</a>",
        "<a href='a%00-1.whl'>a</a>",
        "<a href='%e2%80%aea-1.whl'>a</a>",
        "<a href='file:///etc/a-1.whl'>a-1.whl</a>",
        "<a href='javascript:alert(1)'>a-1.whl</a>",
        "<a href='a-1.whl#sha256=zz'>a-1.whl</a>",
    ] {
        let parsed = read(&format!("<html>{anchor}</html>")).unwrap();
        assert_eq!((parsed.page.files.len(), parsed.left_out.count), (0, 1), "{anchor}");
    }
}

#[test]
fn odd_encodings() {
    let latin = b"<html><body>\xe9<a href=\"a-1.whl\" data-yanked=\"cass\xe9\">a-1.whl</a></body></html>";
    let parsed = ProjectPage::from_html(latin, &context()).unwrap();
    assert_eq!(parsed.page.files[0].yanked, Yanked::Yes("cassé".into()));
    assert_eq!(listed("\u{feff}<html><a href='a-1.whl'>a</a></html>").len(), 1);
    let utf16: Vec<u8> = "<html><a href='a-1.whl'>a</a></html>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(ProjectPage::from_html(&utf16, &context()).is_err());
}

#[test]
fn pages_that_are_not_believed() {
    let truncated = |html: &str| matches!(read(html), Err(PageError::Truncated(_)));
    for html in [
        "<html><body><a href='a-1.whl'>a-1.whl</a>",
        "<!DOCTYPE html><html><body>",
        "<body><a href='a-1.whl'>a-1.whl</a><br>",
        "<a href='a-1.whl'>a-1.whl</a><a href='b-1.whl",
        "<a href='a-1.whl'>a-1.whl</a><a href='b-1.whl'>b-1",
        "<a href='a-1.whl'>a-1.whl</a><!-- ",
        "<html><script></html>",
    ] {
        assert!(truncated(html), "{html}: {:?}", read(html));
    }
    for html in [
        "Service unavailable",
        "<html><script src='x'></script><body>Redirecting</body></html>",
        "<html><body><form><input type=password></form><a href='/help'>help</a></body></html>",
        "<html><head><meta http-equiv=Refresh content='0; url=/login'></head></html>",
        "<html><body>Please log in to use this network.</body></html>",
    ] {
        assert!(matches!(read(html), Err(PageError::NotAnIndex(_))), "{html}");
    }
    // An index server may add a script, too.
    assert_eq!(listed("<html><script>x</script><a href='a-1.whl'>a</a></html>").len(), 1);
    assert_eq!(listed("<html><body><h1>Links for six</h1></body></html>").len(), 0);
    assert_eq!(read(""), Err(PageError::Empty));
    assert_eq!(read(&"<a href='a-1.whl'>a</a>".repeat(11)).err(), Some(PageError::TooMany(10)));
    assert_eq!(read(&" ".repeat(70_000)).err(), Some(PageError::TooLarge(1 << 16)));
    let newer = "<html><meta name='pypi:repository-version' content='2.0'></html>";
    assert_eq!(read(newer), Err(PageError::NewerMajor("2.0".into())));
}

#[test]
fn depth_costs_nothing() {
    let mut context = context();
    context.limits.bytes = 1 << 22;
    let html =
        ["<html>", &"<div>".repeat(200_000), "<a href='a-1.whl'>a</a>", &"</div>".repeat(200_000), "</html>"].concat();
    assert_eq!(ProjectPage::from_html(html.as_bytes(), &context).unwrap().page.files.len(), 1);
    let attributes = (0..50_000).map(|number| format!(" a{number}=1")).collect::<Vec<_>>().concat();
    let html = format!("<html><a{attributes} href='a-1.whl'>a</a><a href='b-1.whl'>b</a></html>");
    assert_eq!(ProjectPage::from_html(html.as_bytes(), &context).unwrap().page.files.len(), 1);
}

proptest! {
    #[test]
    fn never_panics(
        body: Vec<u8>,
        near in "(<a|<base|<meta|<html>|</html>|</a>|<script>|<!--|-->| href=| data-yanked=|'|\"|>|#sha256=|&#0;|&lt|a.whl|\\.\\./|//|:){0,40}",
    ) {
        let _ = (ProjectPage::from_html(&body, &context()), ProjectPage::from_html(near.as_bytes(), &context()));
    }

    /// A page of an index server that is cut anywhere before its end is never taken for a shorter page.
    #[test]
    fn a_cut_page_is_an_error(server in 0_usize..4, at in 0.0..1.0_f64) {
        let html = SERVERS[server].1;
        let end = html.to_lowercase().find("</body>").unwrap() + "</body".len();
        let cut = (end as f64 * at) as usize;
        prop_assert!(read(&html[..cut]).is_err());
    }
}

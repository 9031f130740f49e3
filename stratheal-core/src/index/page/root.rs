//! The list of all projects of an index, in JSON and HTML. It may hold a million names, so only names are kept, and it is
//! written in pieces.

use serde::{Deserialize, Serialize};
use url::Url;

use super::PageError;
use super::html::{Document, check_body};
use super::json::api_version;
use super::left_out::url_of;
use super::tokens::{self, Token};
use super::write::{escape, meta};
use crate::index::ProjectName;

/// How many projects are written in one piece.
const PIECE: usize = 1000;

/// The list of all projects of an index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectList {
    /// The serial number of the index's last change, where it gives one.
    pub last_serial: Option<u64>,
    /// The projects, in the order of the index.
    pub projects: Vec<ListedProject>,
}

/// A project of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedProject {
    /// Its name as its owner writes it; harmless, because it is one that can be normalised.
    pub name: String,
    /// The serial number of its last change, where the index gives one.
    #[serde(rename = "_last-serial", default, skip_serializing_if = "Option::is_none")]
    pub last_serial: Option<u64>,
}

#[derive(Deserialize)]
struct Json {
    #[serde(default)]
    meta: JsonMeta,
    projects: Vec<ListedProject>,
}

#[derive(Deserialize, Default)]
struct JsonMeta {
    #[serde(rename = "api-version")]
    api_version: Option<String>,
    #[serde(rename = "_last-serial")]
    last_serial: Option<u64>,
}

impl ProjectList {
    /// Reads the JSON form of at most so many bytes; what is no project name is left out.
    ///
    /// # Errors
    /// [`PageError`] when the list cannot be believed as a whole.
    pub fn from_json(body: &[u8], most_bytes: usize) -> Result<Self, PageError> {
        check_body(body, most_bytes)?;
        let mut list: Json = serde_json::from_slice(body).map_err(|error| {
            if error.is_eof() { PageError::Truncated(error.to_string()) } else { PageError::Damaged(error.to_string()) }
        })?;
        api_version(list.meta.api_version.as_deref())?;
        list.projects.retain(|project| project.name.parse::<ProjectName>().is_ok());
        Ok(Self { last_serial: list.meta.last_serial, projects: list.projects })
    }

    /// Reads the HTML form of at most so many bytes. An anchor that does not lead to a page below `base` is navigation.
    ///
    /// # Errors
    /// [`PageError`] when the list cannot be believed as a whole.
    pub fn from_html(body: &[u8], base: &Url, most_bytes: usize) -> Result<Self, PageError> {
        check_body(body, most_bytes)?;
        let mut document = Document::default();
        let mut list = Self::default();
        let mut version = None;
        let mut text: Option<String> = None;
        tokens::read(&tokens::decoded(body), |token| {
            document.watch(&token);
            match token {
                Token::Start { name: "a", attributes } => {
                    let leads_down = |href: &&str| *href != "../" && url_of(href, base, 2048).is_ok();
                    text = attributes.get("href").filter(leads_down).map(|_| String::new());
                }
                Token::Text(more) => {
                    if let Some(text) = &mut text
                        && text.len() + more.len() < 300
                    {
                        text.push_str(more);
                    }
                }
                Token::End { name: "a" } => {
                    // Listings of web servers write `name/`.
                    let name = text.take().map(|text| text.trim().trim_end_matches('/').to_owned());
                    if let Some(name) = name.filter(|name| name.parse::<ProjectName>().is_ok()) {
                        list.projects.push(ListedProject { name, last_serial: None });
                    }
                }
                Token::Start { name: "meta", attributes }
                    if attributes.get("name") == Some("pypi:repository-version") =>
                {
                    version = attributes.get("content").map(str::to_owned);
                }
                Token::Comment(text) => {
                    let serial = text.trim().strip_prefix("SERIAL ").and_then(|number| number.trim().parse().ok());
                    list.last_serial = list.last_serial.or(serial);
                }
                _ => {}
            }
        });
        document.check(list.projects.is_empty())?;
        api_version(version.as_deref())?;
        Ok(list)
    }

    /// The JSON form, piece by piece.
    pub fn json_pieces(&self) -> impl Iterator<Item = String> {
        let serial = self.last_serial.map_or_else(String::new, |serial| format!(",\"_last-serial\":{serial}"));
        let head = format!("{{\"meta\":{{\"api-version\":\"1.0\"{serial}}},\"projects\":[");
        let pieces = self.projects.chunks(PIECE).enumerate().map(|(at, projects)| {
            let mut piece = String::with_capacity(32 * projects.len());
            for (index, project) in projects.iter().enumerate() {
                if at + index > 0 {
                    piece.push(',');
                }
                let name = serde_json::Value::String(project.name.clone());
                let serial =
                    project.last_serial.map_or_else(String::new, |serial| format!(",\"_last-serial\":{serial}"));
                piece.push_str(&["{\"name\":", &name.to_string(), &serial, "}"].concat());
            }
            piece
        });
        std::iter::once(head).chain(pieces).chain(std::iter::once("]}".to_owned()))
    }

    /// The HTML form, piece by piece.
    pub fn html_pieces(&self) -> impl Iterator<Item = String> {
        let mut head = "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n".to_owned();
        meta(&mut head, "pypi:repository-version", "1.0");
        head.push_str("<title>Simple index</title>\n</head>\n<body>\n");
        let pieces = self.projects.chunks(PIECE).map(|projects| {
            let mut piece = String::with_capacity(64 * projects.len());
            for project in projects {
                let Ok(normalised) = project.name.parse::<ProjectName>() else { continue };
                piece.push_str(&["<a href=\"", normalised.as_str(), "/\">"].concat());
                escape(&mut piece, &project.name);
                piece.push_str("</a><br>\n");
            }
            piece
        });
        let tail = self.last_serial.map_or_else(String::new, |serial| format!("<!--SERIAL {serial}-->\n"));
        std::iter::once(head).chain(pieces).chain(std::iter::once(format!("</body>\n</html>\n{tail}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base() -> Url {
        Url::parse("https://index.example/simple/").unwrap()
    }

    fn names(list: &ProjectList) -> Vec<&str> {
        list.projects.iter().map(|project| project.name.as_str()).collect()
    }

    #[test]
    fn lists() {
        let json = r#"{"meta": {"api-version": "1.3", "_last-serial": 7}, "projects": [{"name": "A.b", "_last-serial": 3, "x": 1},
            {"name": "../c"}, {"name": "d"}]}"#;
        let list = ProjectList::from_json(json.as_bytes(), 1000).unwrap();
        assert_eq!(
            (names(&list), list.last_serial, list.projects[0].last_serial),
            (vec!["A.b", "d"], Some(7), Some(3))
        );
        let html = "<html><body><a href='../'>../</a><a href=a-b/>A.b</a> <a href='file:///x'>c</a><a href='d/'>d/</a></body></html>\
            <!--SERIAL 7-->";
        let list = ProjectList::from_html(html.as_bytes(), &base(), 1000).unwrap();
        assert_eq!((names(&list), list.last_serial), (vec!["A.b", "d"], Some(7)));
    }

    #[test]
    fn lists_that_are_not_believed() {
        let json = |text: &str| ProjectList::from_json(text.as_bytes(), 100).unwrap_err();
        assert!(matches!(json("{\"projects\": [{\"name\": \"a\"}"), PageError::Truncated(_)));
        assert!(matches!(json("{\"message\": \"sign in\"}"), PageError::Damaged(_)));
        assert!(matches!(json("{\"meta\": {\"api-version\": \"2.0\"}, \"projects\": []}"), PageError::NewerMajor(_)));
        assert_eq!(json(&" ".repeat(101)), PageError::TooLarge(100));
        let html = |text: &str| ProjectList::from_html(text.as_bytes(), &base(), 100).unwrap_err();
        assert!(matches!(html("<html><a href=a/>a</a>"), PageError::Truncated(_)));
        assert!(matches!(html("<html><script></script></html>"), PageError::NotAnIndex(_)));
    }

    #[test]
    fn a_list_of_several_pieces() {
        let projects = (0..=2 * PIECE).map(|number| ListedProject { name: format!("p{number}"), last_serial: None });
        let list = ProjectList { last_serial: None, projects: projects.collect() };
        assert_eq!((list.json_pieces().count(), list.html_pieces().count()), (5, 5));
        let (json, html): (String, String) = (list.json_pieces().collect(), list.html_pieces().collect());
        assert_eq!(ProjectList::from_json(json.as_bytes(), 1 << 20), Ok(list.clone()));
        assert_eq!(ProjectList::from_html(html.as_bytes(), &base(), 1 << 20), Ok(list));
    }

    proptest! {
        #[test]
        fn never_panics(body: Vec<u8>, near in "(<a|<html>|</html>| href=|'|>|</a>|a|[{}\\[\\],:\"]|\"projects\"|\"name\"){0,30}") {
            for body in [&body[..], near.as_bytes()] {
                let _ = (ProjectList::from_json(body, 1000), ProjectList::from_html(body, &base(), 1000));
            }
        }

        #[test]
        fn written_and_read(names in proptest::collection::vec("[a-zA-Z0-9]{1,8}", 0..20), last_serial: Option<u64>) {
            let projects = names.into_iter().map(|name| ListedProject { last_serial: name.len().checked_sub(4).map(|n| n as u64), name });
            let list = ProjectList { last_serial, projects: projects.collect() };
            let json: String = list.json_pieces().collect();
            let back = ProjectList::from_json(json.as_bytes(), 1 << 20).unwrap();
            prop_assert_eq!(&back, &list);
            let html: String = list.html_pieces().collect();
            let back = ProjectList::from_html(html.as_bytes(), &base(), 1 << 20).unwrap();
            prop_assert!(back.projects.iter().map(|project| &project.name).eq(list.projects.iter().map(|project| &project.name)));
            prop_assert_eq!(back.last_serial, list.last_serial);
        }
    }
}

//! The list of all projects of an index, in JSON and HTML. It may hold a million names, so only names are kept, and it is
//! written in pieces.

use super::PageError;
use super::html::{Document, check_body};
use super::json::api_version;
use super::left_out::url_of;
use super::tokens::{self, Token};
use super::write::{escape, meta};
use crate::index::ProjectName;
use serde::{Deserialize, Serialize};
use url::Url;

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

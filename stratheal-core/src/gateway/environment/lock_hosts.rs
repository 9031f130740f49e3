//! Which hosts a lock file fetches from: the proxy's certificate has to be made for them before the client starts.

use url::Url;

/// More hosts than this no lock has.
const MOST: usize = 64;

/// The hosts of all HTTP URLs in the text of a lock, each once, with their ports. Works on `uv.lock`, `pylock.toml`, `poetry.lock`
/// and `pdm.lock` alike, because it looks for quoted URLs only; one too many does no harm.
///
/// ```
/// use stratheal_core::gateway::hosts_of_lock;
/// let text = r#"wheels = [{ url = "https://files.example/a/six-1-py3-none-any.whl" }]"#;
/// assert_eq!(hosts_of_lock(text), [("files.example".to_owned(), 443)]);
/// ```
#[must_use]
pub fn hosts_of_lock(text: &str) -> Vec<(String, u16)> {
    let mut hosts: Vec<(String, u16)> = Vec::new();
    let mut last = "";
    for (at, _) in text.match_indices("\"http") {
        let quoted = &text[at + 1..];
        let Some(end) = quoted.find(['"', '\n']) else { continue };
        let url = &quoted[..end];
        // Most lines of a lock name the same host: only a new beginning is worth parsing.
        let begin = url.match_indices('/').nth(2).map_or(url, |(slash, _)| &url[..slash]);
        if begin == last {
            continue;
        }
        last = begin;
        let Ok(url) = Url::parse(begin) else { continue };
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { continue };
        let host = (host.to_owned(), port);
        if matches!(url.scheme(), "http" | "https") && !hosts.contains(&host) {
            hosts.push(host);
        }
        if hosts.len() == MOST {
            break;
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_host_once() {
        let text = "source = { registry = \"https://index.example/simple\" }\n\
                    url = \"https://files.example/a.whl\"\nurl = \"https://files.example/b.whl\"\n\
                    url = \"http://127.0.0.1:8080/c.whl\"\nurl = \"https://index.example/d.whl\"\nurl = \"httpx\"\n";
        let expected = [("index.example", 443), ("files.example", 443), ("127.0.0.1", 8080)];
        assert_eq!(hosts_of_lock(text), expected.map(|(host, port)| (host.to_owned(), port)));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\"https?://[a-zé:/\\[\\]0-9]{0,8}\"?|\\PC{0,5}){0,6}") {
            let _ = hosts_of_lock(&text);
        }
    }
}

//! Where a redirect leads, and what may be sent there.
//!
//! RFC 9110, 15.4: 303 always continues with GET; 301 and 302 do so after POST, as every client does; 307 and 308 repeat
//! the request as it was.

use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use url::Url;

/// The longest target that is followed, in bytes.
const MAX_LOCATION: usize = 8192;

/// What an answer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redirect {
    /// Nothing: it is the answer.
    None,
    /// Another request.
    To {
        /// Where to.
        url: Box<Url>,
        /// How.
        method: Method,
        /// Whether the body is sent again.
        with_body: bool,
        /// Whether it stays with the same scheme, host and port, so that credentials may be sent again.
        same_origin: bool,
    },
    /// A redirect that cannot be followed, and why.
    Impossible(String),
}

/// Decides what comes after an answer to a request.
#[must_use]
pub fn redirect(url: &Url, method: &Method, status: StatusCode, location: Option<&HeaderValue>) -> Redirect {
    let with_body = match status.as_u16() {
        301 | 302 => *method != Method::POST,
        303 => false,
        307 | 308 => true,
        _ => return Redirect::None,
    };
    let Some(location) = location else { return Redirect::None };
    let Ok(text) = std::str::from_utf8(location.as_bytes()) else {
        return Redirect::Impossible("its target is not text".to_owned());
    };
    if text.len() > MAX_LOCATION {
        return Redirect::Impossible(format!("its target is longer than {MAX_LOCATION} bytes"));
    }
    let mut next = match url.join(text) {
        Ok(next) => next,
        Err(error) => return Redirect::Impossible(format!("its target is no valid URL: {error}")),
    };
    if !matches!(next.scheme(), "http" | "https") || next.host().is_none() {
        return Redirect::Impossible(format!("its target has the scheme `{}`", next.scheme()));
    }
    // Credentials come from the configuration, never from a server. Setting them fails only for URLs without a host.
    let _ = (next.set_username(""), next.set_password(None));
    next.set_fragment(None);
    let method = if with_body || *method == Method::HEAD { method.clone() } else { Method::GET };
    let same_origin = next.origin() == url.origin();
    Redirect::To { url: Box::new(next), method, with_body, same_origin }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn from(method: &Method, status: u16, location: &str) -> Redirect {
        let url = Url::parse("https://a.test/dir/page?q=1").unwrap();
        let location = HeaderValue::from_bytes(location.as_bytes()).unwrap();
        redirect(&url, method, StatusCode::from_u16(status).unwrap(), Some(&location))
    }

    #[test]
    fn follows_the_rules_of_each_status() {
        for (method, status, next, with_body) in [
            (Method::GET, 301, Method::GET, true),
            (Method::POST, 301, Method::GET, false),
            (Method::POST, 302, Method::GET, false),
            (Method::PUT, 302, Method::PUT, true),
            (Method::PUT, 303, Method::GET, false),
            (Method::HEAD, 303, Method::HEAD, false),
            (Method::POST, 307, Method::POST, true),
            (Method::POST, 308, Method::POST, true),
        ] {
            let Redirect::To { method: found, with_body: body, .. } = from(&method, status, "/x") else { panic!() };
            assert_eq!((found, body), (next, with_body), "{method} {status}");
        }
        for status in [200, 300, 304, 305, 404] {
            assert_eq!(from(&Method::GET, status, "/x"), Redirect::None);
        }
    }

    #[test]
    fn knows_the_origin_and_drops_credentials_from_the_target() {
        for (location, expected, same) in [
            ("other", "https://a.test/dir/other", true),
            ("/x#part", "https://a.test/x", true),
            ("https://a.test:443/x", "https://a.test/x", true),
            ("http://a.test/x", "http://a.test/x", false),
            ("//b.test/x", "https://b.test/x", false),
            ("https://a.test:8443/", "https://a.test:8443/", false),
            ("https://me:pw@a.test/", "https://a.test/", true),
        ] {
            let Redirect::To { url, same_origin, .. } = from(&Method::GET, 302, location) else { panic!("{location}") };
            assert_eq!((url.as_str(), same_origin), (expected, same), "{location}");
        }
        for location in ["ftp://a.test/", "file:///etc/passwd", "http://[", "mailto:x@y", &"x".repeat(10_000)] {
            assert!(matches!(from(&Method::GET, 302, location), Redirect::Impossible(_)), "{location}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(location in prop::collection::vec(any::<u8>(), 0..40), status in 300_u16..309) {
            if let Ok(location) = HeaderValue::from_bytes(&location) {
                let url = Url::parse("http://a.test/").unwrap();
                let _ = redirect(&url, &Method::GET, StatusCode::from_u16(status).unwrap(), Some(&location));
            }
        }
    }
}

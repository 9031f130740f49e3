//! The proxies that the environment names.

use super::Finding;
use crate::base::redact::safe_url;
use crate::model::Status;

/// Each in its two spellings; the lower-case one wins where both are read.
const NAMES: [(&str, &str); 4] = [
    ("https_proxy", "HTTPS_PROXY"),
    ("http_proxy", "HTTP_PROXY"),
    ("all_proxy", "ALL_PROXY"),
    ("no_proxy", "NO_PROXY"),
];

/// Says what the environment's proxy variables mean. `variable` looks one up.
#[must_use]
pub fn judge_proxies(variable: &dyn Fn(&str) -> Option<String>) -> Finding {
    const TOPIC: &str = "proxy";
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let mut used = Vec::new();
    for (lower, upper) in NAMES {
        let (one, other) = (set(lower), set(upper));
        if let (Some(one), Some(other)) = (&one, &other)
            && one != other
        {
            let what = format!("{lower} and {upper} differ, and programs do not agree on which of them counts");
            return Finding::bad(TOPIC, Status::Warning, what, "set both to the same, or unset one");
        }
        let Some(value) = one.or(other) else { continue };
        if lower == "no_proxy" {
            used.push(format!("not for {value}"));
            continue;
        }
        if value.starts_with("socks") {
            let what = format!("{upper} is a SOCKS proxy, which is not supported ({})", safe_url(&value));
            return Finding::bad(TOPIC, Status::Warning, what, "name an HTTP proxy, or unset it");
        }
        used.push(format!("{upper} {}", safe_url(&value)));
    }
    match used.len() {
        0 => Finding::healthy(TOPIC, "none"),
        _ => Finding::healthy(TOPIC, used.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_told_without_its_password() {
        let judge = |set: &[(&str, &str)]| {
            judge_proxies(&|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(judge(&[]).summary, "none");
        let finding = judge(&[("https_proxy", "http://me:hunter2@proxy:3128"), ("NO_PROXY", "localhost")]);
        assert_eq!((finding.status, finding.summary.contains("hunter2")), (Status::Healthy, false));
        assert!(finding.summary.contains("not for localhost"), "{finding:?}");
        assert_eq!(judge(&[("http_proxy", "http://a"), ("HTTP_PROXY", "http://b")]).status, Status::Warning);
        assert_eq!(judge(&[("ALL_PROXY", "socks5://me:hunter2@h")]).status, Status::Warning);
    }
}

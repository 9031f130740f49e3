//! Which form of a page a client wants (PEP 691; RFC 9110 section 12.5.1).

use crate::index::PageFormat;

/// Parts of the header beyond this many are not looked at.
const MOST: usize = 32;

/// Chooses the form with the highest weight; JSON, then HTML, where weights are equal. Without the header it is HTML for clients from
/// before PEP 691. `None` when the client wants none of them.
pub(super) fn page_format(accept: &str) -> Option<PageFormat> {
    if accept.trim().is_empty() {
        return Some(PageFormat::PlainHtml);
    }
    let mut best: Option<(u16, PageFormat)> = None;
    for part in accept.split(',').take(MOST) {
        let mut fields = part.split(';').map(str::trim);
        let name = fields.next().unwrap_or_default().to_ascii_lowercase();
        let weight = fields.find_map(|field| field.strip_prefix("q=")).map_or(1000, thousandths);
        let format = match &*name {
            "application/vnd.pypi.simple.v1+json" | "application/vnd.pypi.simple.latest+json" => PageFormat::Json,
            "application/vnd.pypi.simple.v1+html" | "application/vnd.pypi.simple.latest+html" => PageFormat::Html,
            // A browser, or a client from before PEP 691: it asks for anything, and means this.
            "text/html" | "text/*" | "*/*" => PageFormat::PlainHtml,
            _ => continue,
        };
        // Between equals the more telling form wins, whatever the order.
        let rank = |format| match format {
            PageFormat::Json => 2,
            PageFormat::Html => 1,
            PageFormat::PlainHtml => 0,
        };
        if weight > 0 && best.is_none_or(|(most, chosen)| (weight, rank(format)) > (most, rank(chosen))) {
            best = Some((weight, format));
        }
    }
    best.map(|(_, format)| format)
}

fn thousandths(weight: &str) -> u16 {
    weight.parse::<f32>().map_or(0, |weight| (weight.clamp(0.0, 1.0) * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_clients_send() {
        for (accept, expected) in [
            ("", Some(PageFormat::PlainHtml)),
            ("*/*", Some(PageFormat::PlainHtml)),
            ("text/html", Some(PageFormat::PlainHtml)),
            (PageFormat::ACCEPT, Some(PageFormat::Json)),
            ("application/vnd.pypi.simple.v1+json", Some(PageFormat::Json)),
            (
                "application/vnd.pypi.simple.latest+json;q=0.1, application/vnd.pypi.simple.v1+html",
                Some(PageFormat::Html),
            ),
            ("text/html, application/vnd.pypi.simple.v1+json", Some(PageFormat::Json)),
            ("application/vnd.pypi.simple.v1+json;q=0, text/html;q=0.1", Some(PageFormat::PlainHtml)),
            ("application/vnd.pypi.simple.v2+json", None),
            ("image/png", None),
        ] {
            assert_eq!(page_format(accept), expected, "{accept}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(accept in "\\PC{0,40}", near in "((text/html|\\*/\\*)(;q=[0-9.eE+-]{0,6})?,?){0,4}") {
            let _ = (page_format(&accept), page_format(&near));
        }
    }
}

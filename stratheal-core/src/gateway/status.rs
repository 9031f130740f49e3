//! The status page and the metrics.

use std::fmt::Write;

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

use super::problem::Answer;
use super::report::Report;

/// The page for people. Everything in it that came from elsewhere is escaped, and it needs no script and no other file.
pub(super) fn html(report: &Report, chain: &[(String, Vec<String>)], offline: bool) -> Answer {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>stratheal gateway</title>\
         <style>body{font:16px sans-serif;margin:2em;max-width:60em}td,th{padding:.2em 1em .2em 0;text-align:left}</style>\
         </head><body><h1>stratheal gateway</h1>",
    );
    if offline {
        page.push_str("<p>Offline: only what is in the cache is served.</p>");
    }
    page.push_str("<h2>Sources</h2><table>");
    for (source, members) in chain {
        // Writing into a string does not fail, here and below.
        let _ = write!(page, "<tr><td>{}</td><td>{}</td></tr>", escaped(source), escaped(&members.join(", ")));
    }
    page.push_str(
        "</table><h2>Members</h2><table><tr><th>member</th><th>used</th><th>files</th><th>failures</th><th></th></tr>",
    );
    for member in &report.members {
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&member.member),
            if member.usable { "yes" } else { "no" },
            member.files,
            member.failures,
            escaped(member.last_problem.as_deref().unwrap_or_default()),
        );
    }
    page.push_str("</table><h2>Counters</h2><table>");
    for (_, help, value) in report.counters() {
        let _ = write!(page, "<tr><td>{}</td><td>{value}</td></tr>", escaped(help));
    }
    page.push_str("</table>");
    let bypasses: Vec<_> = report.bypasses.iter().map(ToString::to_string).collect();
    for (title, lines) in
        [("Refused files", &report.refused), ("Stale pages", &report.stale), ("Past the gateway", &bypasses)]
    {
        if !lines.is_empty() {
            let _ = write!(page, "<h2>{title}</h2><ul>");
            for line in lines {
                let _ = write!(page, "<li>{}</li>", escaped(line));
            }
            page.push_str("</ul>");
        }
    }
    page.push_str("</body></html>\n");
    answer(page, "text/html; charset=utf-8")
}

/// The same for machines.
pub(super) fn json(report: &Report) -> Answer {
    let text = serde_json::to_string_pretty(report).unwrap_or_default();
    answer(format!("{text}\n"), "application/json")
}

/// The counters as OpenMetrics.
pub(super) fn metrics(report: &Report) -> Answer {
    let mut text = String::new();
    for (name, help, value) in report.counters() {
        let _ = write!(
            text,
            "# TYPE stratheal_gateway_{name} counter\n# HELP stratheal_gateway_{name} {help}\n\
             stratheal_gateway_{name}_total {value}\n",
        );
    }
    let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(&super::report::MemberReport) -> u64| {
        let _ = write!(text, "# TYPE stratheal_gateway_{name} {kind}\n# HELP stratheal_gateway_{name} {help}\n");
        let suffix = if kind == "counter" { "_total" } else { "" };
        for member in &report.members {
            let label = member.member.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = writeln!(text, "stratheal_gateway_{name}{suffix}{{member=\"{label}\"}} {}", value(member));
        }
    };
    family("member_usable", "gauge", "Whether a member is used.", &|member| u64::from(member.usable));
    family("member_files", "counter", "Files from a member.", &|member| member.files);
    family("member_failures", "counter", "Failures of a member.", &|member| member.failures);
    text.push_str("# EOF\n");
    answer(text, "application/openmetrics-text; version=1.0.0; charset=utf-8")
}

fn answer(text: String, kind: &'static str) -> Answer {
    let mut answer = Answer::new(text.into());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers
        .insert("content-security-policy", HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    answer
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            control if control.is_control() => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::super::report::MemberReport;
    use super::*;

    async fn text(answer: Answer) -> String {
        String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn nothing_from_elsewhere_is_markup() {
        let hostile = "<script>\"'&\n";
        let member = MemberReport {
            member: hostile.to_owned(),
            usable: false,
            files: 1,
            failures: 2,
            last_problem: Some(hostile.to_owned()),
        };
        let report = Report {
            members: vec![member],
            refused: vec![hostile.to_owned()],
            stale: vec![hostile.to_owned()],
            ..Report::default()
        };
        let chain = [(hostile.to_owned(), vec![hostile.to_owned()])];
        let page = text(html(&report, &chain, true)).await;
        assert!(!page.contains("<script>") && page.contains("&lt;script&gt;&quot;&#39;&amp;"), "{page}");
        let metrics = text(metrics(&report)).await;
        assert!(metrics.contains("member_failures_total{member=\"<script>\\\"'&\\n\"} 2\n"), "{metrics}");
        assert!(metrics.ends_with("# EOF\n"));
        let parsed: serde_json::Value = serde_json::from_str(&text(json(&report)).await).unwrap();
        assert_eq!(parsed["members"][0]["failures"], 2);
    }
}

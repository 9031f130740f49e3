//! Requests to hosts of the chain that are neither for a page nor for a file: passed on, with the user's certificates and proxies.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderName, TRANSFER_ENCODING, UPGRADE};
use hyper::{Request, StatusCode};
use rustls::pki_types::CertificateDer;
use url::Url;

use super::answer::Proxy;
use crate::base::class::chain;
use crate::fetch::TransportSettings;
use crate::gateway::body::Body;
use crate::gateway::problem::{self, Answer};
use crate::gateway::service::Service;
use crate::gateway::tally::add;

/// How long a host may say nothing.
const SILENCE: Duration = Duration::from_mins(1);

/// What concerns one connection only (RFC 9110 section 7.6.1), and what is for the proxy.
const OF_THE_CONNECTION: [HeaderName; 7] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-authorization"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("te"),
];

type Make = fn(&str) -> reqwest::Result<reqwest::Proxy>;

/// A client for what is passed on. Blocks on files.
pub(super) fn client(
    settings: &TransportSettings,
    trusted: Vec<CertificateDer<'static>>,
) -> Result<reqwest::Client, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(trusted);
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| chain(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        // The client decides where to go next, and gets bodies as they are.
        .redirect(reqwest::redirect::Policy::none())
        .no_gzip()
        .connect_timeout(settings.connect_timeout)
        .read_timeout(SILENCE);
    let none_for = settings.proxies.none_for.as_deref().and_then(reqwest::NoProxy::from_string);
    let proxies = &settings.proxies;
    let all: [(_, Make); 3] = [
        (&proxies.http, |url| reqwest::Proxy::http(url)),
        (&proxies.https, |url| reqwest::Proxy::https(url)),
        (&proxies.all, |url| reqwest::Proxy::all(url)),
    ];
    for (url, make) in all {
        if let Some(url) = url {
            // The error would show the URL, which may hold a password.
            let proxy = make(url.expose()).map_err(|_| "the user's proxy has no valid URL".to_owned())?;
            builder = builder.proxy(proxy.no_proxy(none_for.clone()));
        }
    }
    builder.build().map_err(|error| chain(&error.without_url()))
}

/// Passes a request on, and its answer back.
pub(super) async fn on(service: &Service, proxy: &Proxy, url: &Url, request: Request<Incoming>) -> Answer {
    add(&service.tally.passed_on, 1);
    let (mut head, body) = request.into_parts();
    strip(&mut head.headers);
    head.headers.remove(HOST);
    let outgoing = proxy.client.request(head.method, url.clone()).headers(head.headers);
    let outgoing =
        if hyper::body::Body::is_end_stream(&body) { outgoing } else { outgoing.body(reqwest::Body::wrap(body)) };
    match outgoing.send().await {
        Ok(answer) => {
            let answer: hyper::Response<reqwest::Body> = answer.into();
            let (mut head, body) = answer.into_parts();
            strip(&mut head.headers);
            head.version = hyper::Version::HTTP_11;
            Answer::from_parts(head, Body::Passed(Box::pin(body)))
        }
        Err(error) => {
            let host = url.host_str().unwrap_or_default();
            let status = if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
            problem::plain(status, &format!("{host} cannot be reached: {}", chain(&error.without_url())))
        }
    }
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in OF_THE_CONNECTION.iter().chain(&named) {
        headers.remove(name);
    }
}

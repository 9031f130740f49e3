//! How connections are made, by what the environment says: proxies, certificates.
//!
//! The variables are those that pip, uv, requests and curl read, so that a machine on which they work needs nothing new.

use std::path::{Path, PathBuf};

use super::Sources;
use crate::base::redact::Secret;
use crate::config::IndexSettings;
use crate::fetch::{Proxies, TransportSettings, TrustedCertificates};

/// Files of certificates that other tools are told about. `SSL_CERT_FILE` is read with the system's own.
const CERTIFICATES: [&str; 3] = ["PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// Settings for connections to places that no index has to do with. `variable` looks one up.
#[must_use]
pub fn plain_connections(settings: &IndexSettings, variable: &dyn Fn(&str) -> Option<String>) -> TransportSettings {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    // Both spellings, the lower-case one first, as curl and Python read them.
    let either = |name: &str| set(name).or_else(|| set(&name.to_uppercase()));
    let secret = |name: &str| either(name).map(Secret::new);
    let named = CERTIFICATES.into_iter().filter_map(set).map(PathBuf::from).filter(|path| is_file(path));
    TransportSettings {
        certificates: TrustedCertificates {
            files: settings.ca_file.iter().cloned().chain(named).collect(),
            ..TrustedCertificates::default()
        },
        proxies: Proxies {
            // `HTTP_PROXY` in upper case is not read by programs that may run as CGI, which this one never does.
            http: secret("http_proxy"),
            https: secret("https_proxy"),
            all: secret("all_proxy"),
            none_for: either("no_proxy"),
        },
        ..TransportSettings::default()
    }
}

/// Settings for connections to indexes, with what the settings of other tools say about them.
pub(super) fn settings(
    settings: &IndexSettings,
    sources: &Sources,
    variable: &dyn Fn(&str) -> Option<String>,
) -> TransportSettings {
    let mut found = plain_connections(settings, variable);
    found.certificates.files.extend(sources.network.certificates.iter().filter(|path| is_file(path)).cloned());
    found.proxies.all = found.proxies.all.or_else(|| sources.network.proxy.clone());
    found.credentials = sources.credentials.clone();
    found
}

/// A folder in one of these is for OpenSSL's own lookup; what is not a file would only be an error.
fn is_file(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Credentials;
    use crate::gateway::Chosen;
    use crate::index::{Chain, NetworkHints};

    #[test]
    fn variables_become_settings() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("bundle.pem");
        std::fs::write(&bundle, "").unwrap();
        let text = bundle.to_string_lossy().into_owned();
        let set = [
            ("HTTPS_PROXY", "http://proxy:1"),
            ("NO_PROXY", "localhost"),
            ("PIP_CERT", &text),
            ("CURL_CA_BUNDLE", "none"),
        ];
        let variable = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let sources = Sources {
            chain: Chain::default(),
            credentials: Credentials::none(),
            found: String::new(),
            chosen: Chosen::default(),
            network: NetworkHints::default(),
            notes: Vec::new(),
            bypasses: Vec::new(),
            past_variables: Vec::new(),
            project: Vec::new(),
        };
        let found = settings(&IndexSettings::default(), &sources, &variable);
        assert_eq!(found.proxies.https.map(|proxy| proxy.expose().clone()).as_deref(), Some("http://proxy:1"));
        assert_eq!((found.proxies.http, found.proxies.none_for.as_deref()), (None, Some("localhost")));
        assert_eq!(found.certificates.files, [bundle]);
    }
}

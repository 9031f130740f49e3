//! Whose certificates are trusted.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use super::settings::{InvalidTransport, TrustedCertificates};

/// The TLS settings of a client. Blocks on files.
pub(super) fn tls_config(trusted: &TrustedCertificates) -> Result<ClientConfig, InvalidTransport> {
    let roots = roots(trusted)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| InvalidTransport::Client(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn roots(trusted: &TrustedCertificates) -> Result<RootCertStore, InvalidTransport> {
    let mut roots = RootCertStore::empty();
    if trusted.system {
        let loaded = rustls_native_certs::load_native_certs();
        if loaded.certs.is_empty() && trusted.files.is_empty() && trusted.folders.is_empty() {
            let problem = loaded.errors.first().map_or_else(|| "it is empty".to_owned(), ToString::to_string);
            let problem = format!("{problem}; install the package ca-certificates, or name a file of certificates");
            return Err(InvalidTransport::Certificates { place: "the system's store".to_owned(), problem });
        }
        // Old stores hold certificates that nothing can parse any more; the others count.
        roots.add_parsable_certificates(loaded.certs);
    }
    for file in &trusted.files {
        add(&mut roots, file, rustls_native_certs::load_certs_from_paths(Some(file), None))?;
    }
    for folder in &trusted.folders {
        add(&mut roots, folder, rustls_native_certs::load_certs_from_paths(None, Some(folder)))?;
    }
    Ok(roots)
}

/// What a person named must be usable: otherwise every host fails later, with a reason that hides this one.
fn add(
    roots: &mut RootCertStore,
    place: &Path,
    loaded: rustls_native_certs::CertificateResult,
) -> Result<(), InvalidTransport> {
    let problem = loaded.errors.first().map(ToString::to_string);
    let (usable, _) = roots.add_parsable_certificates(loaded.certs);
    if usable > 0 {
        return Ok(());
    }
    Err(InvalidTransport::Certificates {
        place: place.display().to_string(),
        problem: problem.unwrap_or_else(|| "there is none".to_owned()),
    })
}

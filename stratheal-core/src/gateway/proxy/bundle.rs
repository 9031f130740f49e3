//! The certificates a child trusts: the user's, and the authority of this run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;

use crate::fetch::TrustedCertificates;
use crate::gateway::remembered::write_private;

/// The beginning of the file's name.
const PREFIX: &str = "bundle-";
/// Files older than this belong to nobody: no certificate in them is valid any more.
const OLD: Duration = Duration::from_hours(31 * 24);

/// A file of certificates that goes when this is dropped.
#[derive(Debug)]
pub(super) struct Bundle(PathBuf);

impl Bundle {
    /// Writes the file. Blocks.
    pub(super) fn write(
        folder: &Path,
        number: u64,
        trusted: &[CertificateDer<'_>],
        authority: &str,
    ) -> io::Result<Self> {
        remove_old(folder);
        let mut text = String::with_capacity(2000 * (trusted.len() + 1));
        text.push_str(authority);
        for certificate in trusted {
            text.push_str("-----BEGIN CERTIFICATE-----\n");
            let encoded = STANDARD.encode(certificate);
            let mut rest = encoded.as_str();
            while !rest.is_empty() {
                let (line, after) = rest.split_at(rest.len().min(64));
                text.push_str(line);
                text.push('\n');
                rest = after;
            }
            text.push_str("-----END CERTIFICATE-----\n");
        }
        let path = folder.join(format!("{PREFIX}{}-{number:x}.pem", std::process::id()));
        write_private(&path, text.as_bytes())?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(path = %self.0.display(), %error, "cannot remove a file of certificates");
        }
    }
}

/// Left behind by processes that were killed.
fn remove_old(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().take(10_000).flatten() {
        let age =
            entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|modified| modified.elapsed().ok());
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if is_ours
            && age.is_some_and(|age| age > OLD)
            && let Err(error) = fs::remove_file(entry.path())
        {
            tracing::debug!(path = %entry.path().display(), %error, "cannot remove an old file of certificates");
        }
    }
}

/// The certificates a person trusts. What cannot be read of the system's is left out, what was named must be there. Blocks.
pub(super) fn trusted(certificates: &TrustedCertificates) -> io::Result<Vec<CertificateDer<'static>>> {
    let mut all = Vec::new();
    if certificates.system {
        all.extend(rustls_native_certs::load_native_certs().certs);
    }
    let files =
        certificates.files.iter().map(|file| (file, rustls_native_certs::load_certs_from_paths(Some(file), None)));
    let folders = certificates
        .folders
        .iter()
        .map(|folder| (folder, rustls_native_certs::load_certs_from_paths(None, Some(folder))));
    for (place, loaded) in files.chain(folders) {
        if let (true, Some(error)) = (loaded.certs.is_empty(), loaded.errors.first()) {
            return Err(io::Error::other(format!("{}: {error}", place.display())));
        }
        all.extend(loaded.certs);
    }
    Ok(all)
}

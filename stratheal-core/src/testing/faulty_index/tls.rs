//! A certificate nobody knows, made anew for each server.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// What a server needs to serve HTTPS.
pub(super) struct Identity {
    pub(super) acceptor: TlsAcceptor,
    /// The certificate of its authority, as PEM.
    pub(super) authority: String,
}

impl Identity {
    /// Makes an authority, and a certificate for an address and for `localhost`.
    ///
    /// # Errors
    /// When that cannot be done.
    pub(super) fn new(address: IpAddr) -> io::Result<Self> {
        let mut parameters = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, "authority of a test");
        parameters.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let authority = parameters.self_signed(&key).map_err(io::Error::other)?.pem();
        let issuer = Issuer::new(parameters, key);

        let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).map_err(io::Error::other)?;
        parameters.subject_alt_names.push(SanType::IpAddress(address));
        parameters.distinguished_name.push(DnType::CommonName, "index of a test");
        parameters.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = parameters.signed_by(&key, &issuer).map_err(io::Error::other)?;

        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(io::Error::other)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority })
    }
}

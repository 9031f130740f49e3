//! The certificate authority of one run, and the certificates it gives to hosts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::hosts::Hosts;

/// Before the start, for children whose clock is late.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);
/// No run takes longer.
const AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// An authority that can vouch for a few hosts only.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    leaf_key: KeyPair,
    from: Timestamp,
    until: Timestamp,
    /// What was made so far; at most one for each of the hosts.
    made: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// A certificate cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuthorityError {
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

impl Authority {
    /// Makes one for these hosts.
    pub(super) fn new(hosts: &Hosts, now: Timestamp) -> Result<Self, AuthorityError> {
        let (from, until) = (now.saturating_sub(BEFORE).unwrap_or(now), now.saturating_add(AFTER).unwrap_or(now));
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.distinguished_name.push(DnType::CommonName, "stratheal gateway, this run only");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.name_constraints =
            Some(NameConstraints { permitted_subtrees: permitted(hosts), excluded_subtrees: Vec::new() });
        valid(&mut parameters, from, until);
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
        Ok(Self { issuer, leaf_key: KeyPair::generate()?, from, until, made: Mutex::default() })
    }

    /// Its certificate, for those who are to trust it.
    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// How to be this host.
    pub(super) fn config(&self, host: &str) -> Result<Arc<ServerConfig>, AuthorityError> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = made.get(&host) {
            return Ok(config.clone());
        }
        let config = Arc::new(self.make(&host)?);
        made.insert(host, config.clone());
        Ok(config)
    }

    fn make(&self, host: &str) -> Result<ServerConfig, AuthorityError> {
        let (certificate, key) = self.certificate(host)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    fn certificate(&self, host: &str) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), AuthorityError> {
        let mut parameters = CertificateParams::new(vec![host.to_owned()])?;
        parameters.distinguished_name.push(DnType::CommonName, "stratheal gateway");
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Python 3.13 and later insist on it.
        parameters.use_authority_key_identifier_extension = true;
        valid(&mut parameters, self.from, self.until);
        let leaf = parameters.signed_by(&self.leaf_key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.leaf_key.serialize_der()));
        Ok((leaf.der().clone(), key))
    }
}

/// What it may vouch for. A kind of name that is not listed would not be limited at all, so of each kind at least one stands there;
/// the ones that stand in for nothing are reserved and belong to nobody (RFC 6761, RFC 5737, RFC 3849).
fn permitted(hosts: &Hosts) -> Vec<GeneralSubtree> {
    let mut permitted = vec![
        GeneralSubtree::DnsName("gateway.invalid".to_owned()),
        GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(IpAddr::from([192, 0, 2, 0]), 32)),
        GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0]), 128)),
    ];
    for host in hosts.iter() {
        let name = host.name.trim_start_matches('[').trim_end_matches(']');
        permitted.push(match name.parse::<IpAddr>() {
            Ok(address) => {
                let length = if address.is_ipv4() { 32 } else { 128 };
                GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, length))
            }
            Err(_) => GeneralSubtree::DnsName(name.to_owned()),
        });
    }
    permitted
}

/// Sets from when until when it is valid. The time of the certificates' own library is counted from the epoch on here.
fn valid(parameters: &mut CertificateParams, from: Timestamp, until: Timestamp) {
    let moment = |at: Timestamp| date_time_ymd(1970, 1, 1) + Duration::from_secs(at.as_second().max(0).cast_unsigned());
    (parameters.not_before, parameters.not_after) = (moment(from), moment(until));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::ServerName;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;
    use crate::gateway::proxy::Host;

    #[tokio::test]
    async fn vouches_for_its_hosts_and_for_nobody_else() {
        let mut hosts = Hosts::default();
        for name in ["index.example", "127.0.0.1", "[::1]"] {
            hosts.add(Host { name: name.to_owned(), port: 443 });
        }
        let authority = Authority::new(&hosts, Timestamp::now()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.issuer.der().clone()).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = TlsConnector::from(Arc::new(client));
        for (name, trusted) in [
            ("index.example", true),
            ("INDEX.example", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("evil.example", false),
            ("example", false),
            ("127.0.0.2", false),
            ("::2", false),
        ] {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            tokio::spawn(TlsAcceptor::from(authority.config(name).unwrap()).accept(theirs));
            let connected = client.connect(ServerName::try_from(name).unwrap(), ours).await;
            let error = connected.err().map(|error| error.to_string());
            assert_eq!(error.is_none(), trusted, "{name}: {error:?}");
        }
    }
}

//! Sorts out the errors of the HTTP client.
//!
//! They are chains of errors of several crates; what happened is found by type, not by text.

use std::error::Error;
use std::io;

use super::resolver::LookupError;
use crate::base::class::chain;
use crate::fetch::failure::{Failure, FailureKind};

/// A failure before the body.
pub(super) fn of_request(error: &reqwest::Error) -> Failure {
    if let Some(failure) = find::<LookupError>(error).map(|error| Failure::new(FailureKind::Lookup, error.to_string()))
    {
        return failure;
    }
    if let Some(error) = find_tls(error) {
        return Failure::new(FailureKind::Tls, format!("failed the TLS handshake: {}", of_tls(error)));
    }
    if let Some(failure) = of_http(error) {
        return failure;
    }
    if error.is_connect() && error.is_timeout() {
        return Failure::new(FailureKind::Connect, "did not accept a connection in time");
    }
    let kind = if error.is_connect() { FailureKind::Connect } else { FailureKind::Broken };
    if let Some(error) = find::<io::Error>(error) {
        return of_io(error, kind);
    }
    let text = match kind {
        // A proxy's answer to CONNECT has no type of its own.
        FailureKind::Connect if chain(error).contains("proxy authorization required") => {
            return Failure::new(FailureKind::Proxy, "cannot be reached: the proxy wants other credentials");
        }
        FailureKind::Connect => format!("cannot be connected to: {}", last(error)),
        _ => format!("broke the connection: {}", last(error)),
    };
    Failure::new(kind, text)
}

/// A failure within the body.
pub(super) fn of_body(error: &reqwest::Error) -> Failure {
    if let Some(failure) = of_http(error) {
        return failure;
    }
    if let Some(io) = find::<io::Error>(error) {
        return of_io(io, FailureKind::Broken);
    }
    let kind = if error.is_decode() { FailureKind::Truncated } else { FailureKind::Broken };
    Failure::new(kind, format!("broke off the body: {}", last(error)))
}

fn of_http(error: &reqwest::Error) -> Option<Failure> {
    let error = find::<hyper::Error>(error)?;
    if error.is_incomplete_message() {
        Some(Failure::new(FailureKind::Truncated, "closed the connection before the answer was whole"))
    } else if error.is_parse() {
        Some(Failure::new(FailureKind::Malformed, format!("sent no valid HTTP/1.1: {}", last(error))))
    } else {
        None
    }
}

fn of_io(error: &io::Error, otherwise: FailureKind) -> Failure {
    use io::ErrorKind as Kind;
    if is_local(error) {
        return Failure::new(FailureKind::Local, format!("cannot be asked, because of this host: {error}"));
    }
    let (kind, text) = match error.kind() {
        Kind::ConnectionRefused => (FailureKind::Connect, "refused the connection".to_owned()),
        Kind::HostUnreachable | Kind::NetworkUnreachable => (FailureKind::Connect, "cannot be reached".to_owned()),
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
            (FailureKind::Broken, "reset the connection".to_owned())
        }
        Kind::TimedOut => (FailureKind::Silent, "did not answer in time".to_owned()),
        Kind::UnexpectedEof => (FailureKind::Truncated, "ended the body too early".to_owned()),
        Kind::InvalidData | Kind::InvalidInput => (FailureKind::Malformed, format!("sent damaged data: {error}")),
        _ => (otherwise, format!("broke the connection: {error}")),
    };
    Failure::new(kind, text)
}

/// Whether something of this host is used up: file descriptors, ports or memory.
fn is_local(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let used_up = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS];
        if Errno::from_io_error(error).is_some_and(|errno| used_up.contains(&errno)) {
            return true;
        }
    }
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory)
}

/// The first error of this type in the chain.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// TLS errors travel inside I/O errors, which do not show them as their source.
fn find_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = error.downcast_ref().or_else(|| inside.and_then(|inside| inside.downcast_ref())) {
            return Some(found);
        }
        next = match inside {
            Some(inside) => Some(inside),
            None => error.source(),
        };
    }
    None
}

/// Why a certificate is refused, and what to do where somebody here can.
fn of_tls(error: &rustls::Error) -> String {
    use rustls::CertificateError as Wrong;
    const NAME_IT: &str = "name it with `ca_file` under [index], SSL_CERT_FILE or PIP_CERT";
    let rustls::Error::InvalidCertificate(wrong) = error else { return error.to_string() };
    match wrong {
        Wrong::UnknownIssuer => {
            format!("the issuer of its certificate is not trusted here; if it should be, {NAME_IT}")
        }
        // The error of a crate that is not ours to name has no type here.
        Wrong::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => format!(
            "its certificate is self-signed and its own authority, which is refused even where that is trusted; the server needs one \
             with `CA:FALSE`, signed by an authority: {NAME_IT}"
        ),
        _ => error.to_string(),
    }
}

/// The innermost cause: the outer ones say only that there was one, with the URL in them.
fn last(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    // The client's own errors can have the URL in them, which may hold a secret.
    if innermost.is::<reqwest::Error>() { "no reason given".to_owned() } else { innermost.to_string() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{CertificateError, OtherError};

    use super::*;

    #[test]
    fn certificates_are_refused_in_words() {
        for (wrong, expected) in [
            (CertificateError::UnknownIssuer, "the issuer of its certificate is not trusted"),
            (CertificateError::Other(OtherError(Arc::new(io::Error::other("CaUsedAsEndEntity")))), "self-signed"),
        ] {
            let text = of_tls(&rustls::Error::InvalidCertificate(wrong));
            assert!(text.contains(expected) && text.contains("`ca_file` under [index]"), "{text}");
        }
        let expired = of_tls(&rustls::Error::InvalidCertificate(CertificateError::Expired));
        assert!(expired.contains("Expired"), "{expired}");
    }
}

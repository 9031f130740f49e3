//! What a failed exchange says about its target, in words a person can act on.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use rustls::{CertificateError, Error as TlsError, InvalidMessage};
use tokio::time::Instant;

use crate::base::class::chain;
use crate::contract::{CheckContext, CheckError};
use crate::model::quantity::show_seconds;
use crate::model::{Metric, Report};
use crate::net::{NetError, Phase, Progress};

/// The most of a run's time that is kept back to say where it hung.
const MAX_MARGIN: Duration = Duration::from_millis(50);

/// When a network check stops waiting: a little before its run is cut off, so that it can say more than "timed out".
pub(super) fn own_deadline(cx: &CheckContext) -> Instant {
    cx.deadline - (cx.remaining() / 20).min(MAX_MARGIN)
}

/// The report on a target that did not answer in time.
pub(super) fn timed_out(progress: &Progress, cx: &CheckContext) -> Report {
    let phase = progress.phase();
    let code = phase.map_or("timeout", Phase::timeout_code);
    let summary = format!("no answer within {}: {}", show_seconds(cx.timeout.as_secs_f64()), progress.describe());
    Report::new(cx.on_timeout, summary).code(code).hint(match phase {
        Some(Phase::Lookup) => "check the name servers of this host",
        Some(Phase::Connect) => "check that the host is up and that no firewall drops the packets",
        Some(Phase::Tls) => "check that the port speaks TLS and that the server is not overloaded",
        _ => "look at what the service is waiting for: its log, its database, its load",
    })
}

/// The report on a target with which the exchange failed.
///
/// # Errors
/// [`CheckError`] when the fault is this host's, so that nothing is known about the target.
pub(super) fn failed(error: NetError, progress: &Progress, cx: &CheckContext) -> Result<Report, CheckError> {
    let report = match error {
        NetError::Local(error) => return Err(error),
        NetError::LookupStuck { .. } => return Ok(timed_out(progress, cx)),
        NetError::Lookup { host, source } => {
            let said = source.to_string();
            let said = said.strip_prefix("failed to lookup address information: ").unwrap_or(&said);
            critical("dns-failure", format!("cannot look up {host}: {said}"))
                .hint("check the spelling of the name, and the name servers of this host")
        }
        NetError::Connect { to, source } => connect_failed(&to, &source),
        NetError::Tls { to, source } => tls_failed(&to, &source),
        NetError::Broken { phase, source } => {
            critical("connection-reset", format!("the connection broke {}: {source}", when(phase)))
                .hint("look at the service's log for a crash or a restart at this moment")
        }
        NetError::Incomplete { phase: Phase::Body } => {
            critical("early-eof", format!("the answer ended early, after {} bytes of body", progress.received))
                .hint("look at the service's log for an error while it wrote the answer")
        }
        NetError::Incomplete { phase } => critical("early-eof", format!("the connection was closed {}", when(phase)))
            .hint("look at the service's log: it accepted the connection and gave no answer"),
        error @ NetError::HeadTooLarge { .. } => critical("headers-too-large", chain(&error))
            .hint("look at what fills the headers, often cookies or a redirect that carries itself"),
        error @ NetError::Malformed { .. } => critical("malformed-answer", chain(&error))
            .hint("check that the port speaks plain HTTP, not HTTPS or something else"),
    };
    Ok(report)
}

fn critical(code: &'static str, summary: String) -> Report {
    Report::critical(summary).code(code)
}

const fn when(phase: Phase) -> &'static str {
    match phase {
        Phase::Lookup | Phase::Connect => "while connecting",
        Phase::Tls => "during the TLS handshake",
        Phase::FirstByte => "before the first byte of the answer",
        Phase::Body => "in the middle of the answer",
    }
}

fn connect_failed(to: &str, source: &io::Error) -> Report {
    use io::ErrorKind as Kind;
    let (code, what, hint) = match source.kind() {
        Kind::ConnectionRefused => {
            ("connection-refused", "refused the connection", "check that the service runs and listens on this port")
        }
        Kind::NotFound => ("no-socket", "does not exist", "check that the service runs and makes its socket there"),
        Kind::ConnectionReset | Kind::ConnectionAborted => {
            ("connection-reset", "reset the connection", "look at the service's log for a crash or a full queue")
        }
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => {
            ("unreachable", "cannot be reached", "check the network of this host, the routes and the address")
        }
        Kind::TimedOut => {
            ("timeout-connect", "did not answer", "check that the host is up and that no firewall drops the packets")
        }
        Kind::PermissionDenied => (
            "connection-denied",
            "may not be connected to",
            "check the firewall of this host and the permissions of the socket",
        ),
        _ => {
            return critical("connect-failed", format!("cannot connect to {to}: {source}"))
                .hint("check the address, and the network of this host");
        }
    };
    critical(code, format!("{to} {what}")).hint(hint)
}

fn tls_failed(to: &str, source: &io::Error) -> Report {
    let reason = source.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    let (code, summary, hint): (_, String, Cow<'static, str>) = match reason {
        Some(TlsError::InvalidCertificate(CertificateError::ExpiredContext { time, not_after })) => (
            "certificate-expired",
            format!("the certificate of {to} expired {} ago", age(time.as_secs().saturating_sub(not_after.as_secs()))),
            "renew the certificate, and restart what serves it".into(),
        ),
        Some(TlsError::InvalidCertificate(CertificateError::Expired)) => (
            "certificate-expired",
            format!("a certificate of {to} has expired"),
            "renew the certificate, and restart what serves it".into(),
        ),
        Some(TlsError::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => (
            "certificate-not-yet-valid",
            format!("the certificate of {to} is not valid yet"),
            "check the clock of this host".into(),
        ),
        Some(TlsError::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. })) => (
            "certificate-wrong-name",
            format!("the certificate is not for {to} but for {}", names(presented)),
            "check the address, or set server_name to the name in the certificate".into(),
        ),
        Some(TlsError::InvalidCertificate(CertificateError::NotValidForName)) => (
            "certificate-wrong-name",
            format!("the certificate is not for {to}"),
            "check the address, or set server_name to the name in the certificate".into(),
        ),
        Some(TlsError::InvalidCertificate(CertificateError::UnknownIssuer)) => (
            "certificate-untrusted",
            format!("the certificate of {to} is not signed by an authority this host trusts"),
            "name the authority's certificate in ca_file, and check that the server sends its intermediates".into(),
        ),
        // This is what an authority that was made anew under its old name looks like.
        Some(TlsError::InvalidCertificate(CertificateError::BadSignature)) => (
            "certificate-untrusted",
            format!("the signature of the certificate of {to} does not fit the authority this host trusts"),
            "check that ca_file holds the current certificate of the authority".into(),
        ),
        Some(TlsError::InvalidMessage(InvalidMessage::InvalidContentType)) => (
            "tls-failure",
            format!("{to} does not speak TLS on this port"),
            "check the port, or use http instead of https".into(),
        ),
        Some(reason) => (
            "tls-failure",
            format!("the TLS handshake with {to} failed: {reason}"),
            "check the versions and certificates of the server".into(),
        ),
        None if source.kind() == io::ErrorKind::UnexpectedEof => (
            "tls-failure",
            format!("{to} closed the connection during the TLS handshake"),
            "check that the port speaks TLS, and look at the server's log".into(),
        ),
        None => (
            "tls-failure",
            format!("the connection to {to} broke during the TLS handshake: {source}"),
            "check that the port speaks TLS, and look at the server's log".into(),
        ),
    };
    critical(code, summary).hint(hint)
}

fn names(presented: &[String]) -> String {
    // rustls writes `DnsName("a.test")`; the name is what a person compares.
    let bare = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    match presented.iter().take(4).map(bare).collect::<Vec<_>>() {
        names if names.is_empty() => "no name at all".to_owned(),
        names if presented.len() > names.len() => format!("{} and others", names.join(", ")),
        names => names.join(", "),
    }
}

fn age(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Adds the times of the phases, and the total unless there was no whole answer.
pub(super) fn with_times(
    mut report: Report,
    progress: &Progress,
    total: Option<Duration>,
    now: jiff::Timestamp,
) -> Report {
    report.metrics.reserve(7);
    report.metrics.extend(total.map(|total| Metric::seconds("latency", total)));
    progress.metrics(now, &mut report.metrics);
    report
}

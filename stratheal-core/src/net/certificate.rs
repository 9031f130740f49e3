//! From when to when a certificate is valid.
//!
//! Reads just that much of X.509: `Certificate { TBSCertificate { version?, serial, signature, issuer, validity ...`
//! (RFC 5280, 4.1; times as in 4.1.2.5).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// From when to when a certificate is valid, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second it is valid.
    pub not_before: i64,
    /// The last second it is valid.
    pub not_after: i64,
}

impl Validity {
    /// Reads it from a certificate in DER; `None` when it is none.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        let (certificate, _) = element(der, SEQUENCE)?;
        let (mut rest, _) = element(certificate, SEQUENCE)?;
        if rest.first() == Some(&VERSION) {
            rest = element(rest, VERSION)?.1;
        }
        for tag in [INTEGER, SEQUENCE, SEQUENCE] {
            rest = element(rest, tag)?.1;
        }
        let (validity, _) = element(rest, SEQUENCE)?;
        let (not_before, rest) = time(validity)?;
        let (not_after, _) = time(rest)?;
        Some(Self { not_before, not_after })
    }

    /// Days until it expires; negative when it has.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> f64 {
        (self.not_after - now.as_second()) as f64 / 86_400.0
    }
}

/// Splits an element with this tag off: its content, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        // Four bytes are more than any certificate has.
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
    };
    rest.split_at_checked(length)
}

fn time(der: &[u8]) -> Option<(i64, &[u8])> {
    let tag = *der.first()?;
    let (text, rest) = element(der, tag)?;
    let digits = text.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| digits.iter().fold(0_i16, |number, digit| number * 10 + i16::from(digit - b'0'));
    let (year, digits) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let year = number(&digits[..2]);
            (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (number(&digits[..4]), &digits[4..]),
        _ => return None,
    };
    let mut parts = digits.chunks(2).map(|pair| i8::try_from(number(pair)).ok());
    let mut part = || parts.next().flatten();
    let moment = DateTime::new(year, part()?, part()?, part()?, part()?, part()?, 0).ok()?;
    // A civil difference, because the year 9999, which stands for "never", lies beyond the last timestamp.
    let epoch = Date::new(1970, 1, 1).ok()?.to_datetime(jiff::civil::Time::midnight());
    Some((moment.duration_since(epoch).as_secs(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn certificate(from: (i32, u8, u8), to: (i32, u8, u8)) -> Vec<u8> {
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        parameters.not_after = rcgen::date_time_ymd(to.0, to.1, to.2);
        parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn reads_both_forms_of_time() {
        let validity = Validity::of(&certificate((1999, 12, 31), (2049, 1, 1))).unwrap();
        let day = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        assert_eq!(validity.not_before, day("1999-12-31T00:00:00Z"));
        assert_eq!(validity.not_after, day("2049-01-01T00:00:00Z"));
        let validity = Validity::of(&certificate((2050, 1, 1), (9999, 12, 31))).unwrap();
        assert_eq!(validity.not_before, day("2050-01-01T00:00:00Z"));
        assert_eq!(validity.not_after, 253_402_214_400);
        let left = validity.days_left("9999-12-29T12:00:00Z".parse().unwrap());
        assert!((left - 1.5).abs() < 1e-9, "{left}");
    }

    proptest! {
        #[test]
        fn never_panics(mut der in prop::collection::vec(any::<u8>(), 0..80), cut in 0_usize..400, at in 0_usize..200, byte: u8) {
            let _ = Validity::of(&der);
            let mut real = certificate((2020, 1, 1), (2030, 1, 1));
            if let Some(slot) = real.get_mut(at) {
                *slot = byte;
            }
            real.truncate(cut);
            let _ = Validity::of(&real);
            der.splice(0..0, [SEQUENCE, 0x84]);
            let _ = Validity::of(&der);
        }
    }
}

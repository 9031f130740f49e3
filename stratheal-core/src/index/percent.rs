//! Percent-decoding of one component of a URL (RFC 3986 section 2.1).

use std::borrow::Cow;

/// The text that a component stands for. What is no escape stays as it is; what is no UTF-8 becomes U+FFFD.
pub(crate) fn decoded(component: &str) -> Cow<'_, str> {
    if !component.contains('%') {
        return Cow::Borrowed(component);
    }
    let bytes = component.as_bytes();
    let mut text = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digit = |offset: usize| bytes.get(at + offset).and_then(|&digit| char::from(digit).to_digit(16));
        if byte == b'%'
            && let Some((high, low)) = digit(1).zip(digit(2))
        {
            text.push((high << 4 | low) as u8);
            at += 3;
        } else {
            text.push(byte);
            at += 1;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes() {
        for (text, expected) in [
            ("a", "a"),
            ("a%2Fb", "a/b"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%ff", "\u{fffd}"),
            ("%C3%A9", "é"),
        ] {
            assert_eq!(decoded(text), expected);
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}|[%0-9a-fA-F]{0,20}") {
            let _ = decoded(&text);
        }
    }
}

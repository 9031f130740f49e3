//! Numbers with what they count.

/// `1 file`, `2 files`. The noun takes an `s`.
pub(crate) fn show_count(number: impl TryInto<u64>, noun: &str) -> String {
    // What does not fit is more than anybody counts.
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!([0_usize, 1, 2].map(|number| show_count(number, "file")), ["0 files", "1 file", "2 files"]);
    }
}

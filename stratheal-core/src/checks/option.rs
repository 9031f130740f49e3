//! An option of a check that cannot be used.

/// An option of a check that cannot be used. The name is the key in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{option}` {problem}")]
pub struct InvalidOption {
    /// The option's name.
    pub option: &'static str,
    /// What is wrong with it, and what to write instead.
    pub problem: String,
}

impl InvalidOption {
    /// An option and what is wrong with it.
    pub fn new(option: &'static str, problem: impl Into<String>) -> Self {
        Self { option, problem: problem.into() }
    }
}

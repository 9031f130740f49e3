//! What markers ask about an interpreter and its platform.

use std::borrow::Cow;

use pep440_rs::{Version, VersionParseError};
use serde::{Deserialize, Serialize};

/// The variables of PEP 508, as the interpreter answers them.
///
/// ```
/// use stratheal_core::installer::requirement::MarkerEnvironment;
/// let answer = r#"{"implementation_name": "cpython", "implementation_version": "3.12.4", "os_name": "posix",
///     "platform_machine": "x86_64", "platform_python_implementation": "CPython", "platform_release": "6.8.0",
///     "platform_system": "Linux", "platform_version": "SMP 1", "python_full_version": "3.12.4",
///     "python_version": "3.12", "sys_platform": "linux"}"#;
/// let environment: MarkerEnvironment = serde_json::from_str(answer).unwrap();
/// assert_eq!(environment.python().unwrap().to_string(), "3.12.4");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MarkerEnvironment {
    /// `sys.implementation.name`
    pub implementation_name: String,
    /// `sys.implementation.version`
    pub implementation_version: String,
    /// `os.name`
    pub os_name: String,
    /// `platform.machine()`
    pub platform_machine: String,
    /// `platform.python_implementation()`
    pub platform_python_implementation: String,
    /// `platform.release()`
    pub platform_release: String,
    /// `platform.system()`
    pub platform_system: String,
    /// `platform.version()`
    pub platform_version: String,
    /// `platform.python_version()`
    pub python_full_version: String,
    /// Its first two numbers.
    pub python_version: String,
    /// `sys.platform`
    pub sys_platform: String,
}

impl MarkerEnvironment {
    /// The version of the interpreter.
    ///
    /// # Errors
    /// When it says none that PEP 440 knows.
    pub fn python(&self) -> Result<Version, VersionParseError> {
        self.full_version().parse()
    }

    /// An interpreter built from a checkout says `3.14.0a1+`, which is no version.
    pub(super) fn full_version(&self) -> Cow<'_, str> {
        let text = &self.python_full_version;
        if text.ends_with('+') { Cow::Owned(format!("{text}local")) } else { Cow::Borrowed(text) }
    }
}

#[cfg(test)]
pub(in crate::installer) fn linux() -> MarkerEnvironment {
    let text = |text: &str| text.to_owned();
    MarkerEnvironment {
        implementation_name: text("cpython"),
        implementation_version: text("3.11.7"),
        os_name: text("posix"),
        platform_machine: text("x86_64"),
        platform_python_implementation: text("CPython"),
        platform_release: text("6.1.0-18-amd64"),
        platform_system: text("Linux"),
        platform_version: text("#1 SMP 6.1.76-1"),
        python_full_version: text("3.11.7"),
        python_version: text("3.11"),
        sys_platform: text("linux"),
    }
}

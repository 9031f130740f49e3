//! The native half of the Python package `stratheal`.
//!
//! It translates between Python and `stratheal-core` and decides nothing itself. What Python can express as well, such as
//! enumerations and convenience, lives in `python/stratheal/`; the types and docs of this half are in `_stratheal.pyi`.

/// The native half of the package `stratheal`; import that instead.
#[pyo3::pymodule(gil_used = false)]
mod _stratheal {
    use std::collections::BTreeMap;

    use pyo3::prelude::*;
    use stratheal_core::model::Status;

    /// The version of the library.
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name is Python's convention")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// Returns the number of each status by its lowercase word.
    #[pyfunction]
    fn status_codes() -> BTreeMap<&'static str, u8> {
        Status::ALL.into_iter().map(|status| (status.as_str(), status.exit_code())).collect()
    }
}

//! What is no environment, or no longer the one that it was.

use std::fs;

use crate::case;

#[test]
fn a_file_that_is_no_interpreter_is_called_that() {
    let Some(case) = case() else { return };
    fs::write(case.place.path("afile"), "nothing to run").unwrap();
    for arguments in [&["install", "--python", "afile", "beta"][..], &["verify", "afile"]] {
        let done = case.run(arguments);
        let is_said = done.err.contains("afile is no Python interpreter") && !done.err.contains("PATH");
        assert!(done.code == 3 && is_said, "{done:?}");
    }
}

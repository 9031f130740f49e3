//! Wheels as they should not be, by the command line: each is refused by its own reason, or put right, and nothing else is changed.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

#[path = "packages_playground/case.rs"]
mod case;
mod packages_playground;

use std::fs::{self, OpenOptions};
use std::io::Write;

use case::Case;
use stratheal_core::testing::faulty_index::{Content, Package};

fn case() -> Option<Case> {
    Case::new(Content::new([Package::new("gamma", "1.0")]), Vec::new())
}

#[test]
fn what_was_edited_through_one_environment_is_no_news_in_another() {
    let Some(case) = case() else { return };
    assert_eq!(case.run(&["install", "--python", "first", "gamma"]).code, 0);
    let module = case.python("first", "import gamma; print(gamma.__file__)");
    let before = fs::read(&module).unwrap();
    OpenOptions::new().append(true).open(&module).unwrap().write_all(b"edited = True\n").unwrap();
    let second = case.run(&["install", "--python", "second", "gamma"]);
    assert_eq!((second.code, second.err.as_str()), (0, ""), "{second:?}");
    let module = case.python("second", "import gamma; print(gamma.__file__)");
    assert_eq!(fs::read(module).unwrap(), before);
}

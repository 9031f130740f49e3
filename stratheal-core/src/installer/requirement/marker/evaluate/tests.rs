//! Answers that are known, and answers that are compared with those of `packaging`.

use std::process::Command;

use super::*;
use crate::installer::requirement::marker::environment::linux;
use crate::testing::skipped;
use crate::testing::tools::{self, Tool};

fn held(marker: &str, extras: &[&str], groups: &[&str]) -> Option<bool> {
    let extras: Vec<ExtraName> = extras.iter().map(|name| name.parse().unwrap()).collect();
    let groups: Vec<GroupName> = groups.iter().map(|name| name.parse().unwrap()).collect();
    let marker: Marker = marker.parse().unwrap_or_else(|error| panic!("{error}"));
    marker.evaluate(&linux(), &Choice { extras: &extras, groups: &groups }).ok()
}

#[test]
fn answers() {
    for (marker, expected) in [
        ("python_version >= '3.8'", Some(true)),
        ("python_version < '3.9'", Some(false)),
        ("python_version in '3.10 3.11'", Some(true)),
        ("'3.8' <= python_version", Some(true)),
        ("python_full_version == '3.11.*'", Some(true)),
        ("python_version ~= '3.8'", Some(true)),
        ("python_version ~= '3'", None),
        ("os_name ~= '1.0'", None),
        ("os_name == 'nt' and os_name ~= '1.0'", None),
        ("platform_release >= '5'", Some(false)),
        ("platform_release == '6.1.0-18-amd64'", Some(true)),
        ("sys_platform >= 'linux'", Some(true)),
        ("sys_platform > 'aix'", Some(false)),
        ("'nux' in sys_platform", Some(true)),
        ("extra == 'dev'", Some(false)),
        ("extra == ''", Some(true)),
        ("os_name == 'nt' or os_name == 'posix' and python_version > '3'", Some(true)),
    ] {
        assert_eq!(held(marker, &[], &[]), expected, "{marker}");
    }
}

#[test]
fn extras_and_groups() {
    for (marker, extras, groups, expected) in [
        ("extra == 'Dev_x'", &["a", "dev.x"][..], &[][..], true),
        ("extra != 'a'", &["a"], &[], false),
        ("extra != 'a'", &["a", "b"], &[], true),
        ("extra == 'a' and extra == 'b'", &["a", "b"], &[], false),
        ("'A' in extras and 'b' in extras", &["a", "b"], &[], true),
        ("'dev' in dependency_groups", &["dev"], &[], false),
        ("'dev' in dependency_groups or 'x' not in extras", &["x"], &["Dev"], true),
    ] {
        assert_eq!(held(marker, extras, groups), Some(expected), "{marker}");
    }
}

/// Each variable that may be compared as a version or must not be, with each operator and texts that are versions and are not.
fn compared_markers() -> Vec<String> {
    let mut markers = Vec::new();
    let variables = ["python_version", "python_full_version", "platform_release", "sys_platform", "extra"];
    let operators = ["<", "<=", "==", "!=", ">=", ">", "~=", "===", "in", "not in"];
    let values = [
        "3.11",
        "3.11.7",
        "3.11.*",
        "3",
        "3.12",
        "3.12.*",
        "3.12.0rc1",
        "3.12.0rc2",
        "3.12.0.dev1",
        "3.12.0.post1",
        "3.12.post1.dev2",
        "3.11.7+x",
        "3.12.0+x",
        " 3.11 ",
        "v3.11",
        "linux",
        "6.1.0-18-amd64",
        "a b",
        "",
        "3.8 3.11",
        "1!3.11",
        "3.12.0-1",
        "3..1",
    ];
    for variable in variables {
        for operator in operators {
            for value in values {
                markers.push(format!("{variable} {operator} '{value}'"));
                markers.push(format!("'{value}' {operator} {variable}"));
            }
        }
    }
    for (left, right) in [("os_name == 'posix'", "extra == 'x'"), ("python_version < '3'", "'x' in sys_platform")] {
        markers.push(format!("{left} or {right} and {left}"));
        markers.push(format!("({left} or {right}) and {right}"));
    }
    markers
}

#[test]
fn answers_are_those_of_packaging() {
    const PROGRAM: &str = "
import json, sys
from pip._vendor.packaging.markers import Marker, UndefinedComparison
asked = json.load(sys.stdin)
def answer(marker):
    try:
        return Marker(marker).evaluate(asked['environment'])
    except UndefinedComparison:
        return None
json.dump([answer(marker) for marker in asked['markers']], sys.stdout)
";
    let tool = match Tool::new(tools::PIP) {
        Ok(tool) => tool,
        Err(error) => return skipped("markers compared with packaging", &error),
    };
    let folder = tempfile::tempdir().unwrap();
    let asked = folder.path().join("asked.json");
    for (python, release) in [
        ("3.11.7", "6.1.0-18-amd64"),
        ("3.12.0rc1", "3"),
        ("3.14.0a1+", "3.12.0.post1"),
        ("3.12.0.post2.dev1+x", "3.12+x"),
        ("3.12.0.dev1", "1!3.11"),
    ] {
        let (python, release) = (python.to_owned(), release.to_owned());
        let environment = MarkerEnvironment { python_full_version: python, platform_release: release, ..linux() };
        let markers = compared_markers();
        let input = serde_json::json!({ "environment": environment, "markers": markers });
        std::fs::write(&asked, input.to_string()).unwrap();
        let mut python = Command::new(tool.program("python"));
        tools::clean(&mut python, folder.path());
        let said = python.args(["-c", PROGRAM]).stdin(std::fs::File::open(&asked).unwrap()).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let expected: Vec<Option<bool>> = serde_json::from_slice(&said.stdout).unwrap();
        let answer =
            |marker: &String| marker.parse::<Marker>().unwrap().evaluate(&environment, &Choice::default()).ok();
        let rows = markers.iter().zip(expected);
        let differing: Vec<_> = rows.filter(|(marker, expected)| answer(marker) != *expected).collect();
        assert!(differing.is_empty(), "packaging says otherwise for {environment:?}: {differing:#?}");
    }
}

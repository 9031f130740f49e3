//! Requirements as people and tools write them.

use proptest::prelude::*;

use super::*;

#[test]
fn forms() {
    for (text, expected) in [
        ("six", "six"),
        ("  Flask_Login ", "flask-login"),
        ("six==1.17.0", "six==1.17.0"),
        ("zope.interface (>=5, <7)", "zope-interface>=5,<7"),
        ("a()", "a"),
        ("a>=1,", "a>=1"),
        ("a[ ]", "a"),
        ("a [B_c, a ,b-c]~=1.2 ", "a[a,b-c]~=1.2"),
        ("a == 1.* , != 1.3.*", "a==1.*,!=1.3.*"),
        ("a===1.0", "a===1.0"),
        ("a==1.0+cu118", "a==1.0+cu118"),
        ("a;os_name=='nt'", "a; os_name == \"nt\""),
        ("a>1;(os_name=='nt')", "a>1; os_name == \"nt\""),
        ("a@https://h.example/a.whl", "a @ https://h.example/a.whl"),
        (
            "a[x] @ git+ssh://git.example/a.git@v1 ; extra == 'b'",
            "a[x] @ git+ssh://git.example/a.git@v1 ; extra == \"b\"",
        ),
        ("a @ file:///d/a.whl; os_name=='nt'", "a @ file:///d/a.whl ; os_name == \"nt\""),
        ("a @ https://h.example/x;y.whl", "a @ https://h.example/x;y.whl"),
    ] {
        let requirement: Requirement = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(requirement.to_string(), expected);
        assert_eq!(requirement.exposed().parse(), Ok(requirement), "{text}");
    }
}

#[test]
fn a_password_is_exposed_only_on_request() {
    let requirement: Requirement = "a @ https://me:pw@h.example/a.whl#sha256=00".parse().unwrap();
    assert_eq!(requirement.to_string(), "a @ https://***@h.example/a.whl#***");
    assert!(!format!("{requirement:?}").contains("pw"));
    assert_eq!(requirement.exposed(), "a @ https://me:pw@h.example/a.whl#sha256=00");
}

#[test]
fn what_is_refused_says_where() {
    for (text, at, reason) in [
        ("", 1, "name of a project"),
        ("-e .", 1, "name of a project"),
        ("./a", 1, "name of a project"),
        ("a>=1.0.*", 4, "`.*` behind an operator"),
        ("a >= 1.*, < 2", 6, "`.*` behind an operator"),
        ("a=1.0", 2, "`=` where `==` is meant"),
        ("a 1.0", 3, "needs `;` before a marker, or an operator"),
        ("a=>1.0", 2, "an operator that PEP 440 does not know"),
        ("a>=", 4, "without a version"),
        ("a==1.0-x", 4, "no version"),
        ("a~=1", 4, "two numbers"),
        ("a>=1.0+x", 4, "local version"),
        ("a(>=1", 2, "parenthesis"),
        ("a[b", 2, "bracket that is not closed"),
        ("a[b c]", 5, "comma between extras"),
        ("a[b,]", 5, "comma without an extra"),
        ("a[-]", 3, "no name of an extra"),
        ("a @", 4, "needs a URL"),
        ("a @ ./b", 5, "needs a URL"),
        ("a ; ", 4, "marker variable"),
        ("a>=1 <2", 6, "behind it that belongs to no requirement"),
        ("a ; os_name == 'nt' 'b'", 21, "behind it that belongs to no requirement"),
        ("a @ https://h.example/ b", 24, "behind it that belongs to no requirement"),
        ("é", 1, "name of a project"),
    ] {
        let error = text.parse::<Requirement>().unwrap_err();
        assert!(error.at() == at && error.reason().contains(reason), "{text}: {error}");
    }
    let error = "a>=1.0.*".parse::<Requirement>().unwrap_err();
    assert_eq!(error.to_string(), "`a>=1.0.*` has `.*` behind an operator other than `==` and `!=`, at character 4");
}

#[test]
fn pins() {
    for (text, expected) in [
        ("a==1", Some("1")),
        ("a===1", Some("1")),
        ("a==1.*", None),
        ("a==1,!=2", None),
        ("a>=1", None),
        ("a", None),
        ("a @ https://h.example/a.whl", None),
    ] {
        let requirement: Requirement = text.parse().unwrap();
        assert_eq!(requirement.pinned().map(ToString::to_string).as_deref(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn never_panics(noise in "\\PC{0,40}", near in "(a|b-c|\\[|\\]|,|>=|==|~=|1\\.0|\\.\\*|@|https://h|;|os_name|'x'| |\\(|\\)|é){0,12}") {
        for text in [&noise, &near] {
            if let Ok(requirement) = text.parse::<Requirement>() {
                prop_assert_eq!(requirement.exposed().parse(), Ok(requirement));
            }
        }
    }
}

//! What a text asks for.

use proptest::prelude::*;

use super::*;

/// Kind, place, name, extras, subdirectory and marker, in one line.
fn told(what: Result<What, InvalidRequirement>) -> String {
    fn rest<T>(kind: &str, place: &str, reference: &Reference<T>) -> String {
        let mut told = format!("{kind} {place}");
        let extras: Vec<_> = reference.extras.iter().map(ExtraName::as_str).collect();
        let parts = [
            ("name", reference.name.as_ref().map(ToString::to_string)),
            ("extras", Some(extras.join(",")).filter(|extras| !extras.is_empty())),
            ("in", reference.subdirectory.clone()),
            ("hashes", (!reference.hashes.is_empty()).then(|| reference.hashes.sha256.len().to_string())),
            ("marker", reference.marker.as_ref().map(ToString::to_string)),
        ];
        for (key, value) in parts {
            told.extend(value.map(|value| format!(" {key}={value}")));
        }
        told
    }
    match what {
        Ok(What::Named(requirement)) => format!("named {}", requirement.exposed()),
        Ok(What::Path(reference)) => rest("path", &reference.target.display().to_string(), &reference),
        Ok(What::Url(reference)) => rest("url", reference.target.expose(), &reference),
        Ok(What::Vcs(reference)) => rest("vcs", reference.target.expose(), &reference),
        Err(error) => format!("error {}", error.reason()),
    }
}

#[test]
fn requirements() {
    let digest = "0".repeat(64);
    let hashed = format!("https://h.example/d.zip#sha256={digest}");
    for (text, expected) in [
        ("six", "named six"),
        ("a[b]>1 ; os_name=='nt'", "named a[b]>1; os_name == \"nt\""),
        ("a @ file:///d/a.whl", "named a @ file:///d/a.whl"),
        ("a@git+https://git.example/a/b.git@main", "named a @ git+https://git.example/a/b.git@main"),
        (".", "path /w"),
        ("./a/../b", "path /w/b"),
        ("..", "path /"),
        ("../../..", "path /"),
        ("./b[x, Y]", "path /w/b extras=x,y"),
        ("./b [x] ; os_name == 'nt'", "path /w/b extras=x marker=os_name == \"nt\""),
        ("/d/six-1.17.0-py2.py3-none-any.whl", "path /d/six-1.17.0-py2.py3-none-any.whl name=six"),
        (
            "wheels/Zope.Interface-6.0-py3-none-any.whl",
            "path /w/wheels/Zope.Interface-6.0-py3-none-any.whl name=zope-interface",
        ),
        ("six-1.17.0.tar.gz", "path /w/six-1.17.0.tar.gz"),
        ("./my folder/a.zip", "path /w/my folder/a.zip"),
        ("file:///d/my%20dir#egg=a&subdirectory=b", "path /d/my dir name=a in=b"),
        ("file://localhost/d", "path /d"),
        ("file:./d", "path /w/d"),
        ("file://other/d", "error names a file on another machine"),
        ("https://h.example/a-1-py3-none-any.whl?token=x", "url https://h.example/a-1-py3-none-any.whl?token=x name=a"),
        ("HTTPS://h.example/a.zip ; extra == 'x'", "url HTTPS://h.example/a.zip marker=extra == \"x\""),
        ("https://h.example/a.zip; os_name == 'nt'", "url https://h.example/a.zip marker=os_name == \"nt\""),
        (&hashed, &format!("url {hashed} hashes=1")),
        ("https://h.example/a.zip os_name", "error has something behind the URL: a marker needs ` ; ` before it"),
        (
            "git+ssh://git@git.example/a.git@v1#egg=A_b[x]&subdirectory=c/d",
            "vcs git+ssh://git@git.example/a.git@v1#egg=A_b[x]&subdirectory=c/d name=a-b extras=x in=c/d",
        ),
        ("hg+https://h.example/r#egg=-", "vcs hg+https://h.example/r#egg=-"),
        ("a==1.0.zip", "error has no version as PEP 440 defines it"),
        ("./b[", "path /w/b["),
        ("./b[-]", "error has no name of an extra there"),
        ("./b ; nonsense", "error needs a marker variable or a quoted text"),
    ] {
        assert_eq!(told(parse(text, Path::new("/w"))), expected, "{text}");
    }
}

#[test]
fn editables() {
    let refused = "error is no path and no repository such as `git+https://`, and only these can be editable";
    for (text, expected) in [
        (".", "path /w"),
        (".[dev]", "path /w extras=dev"),
        ("libs/a", "path /w/libs/a"),
        ("a", "path /w/a"),
        ("file:///d#egg=a", "path /d name=a"),
        ("git+https://git.example/a#egg=a", "vcs git+https://git.example/a#egg=a name=a"),
        ("git://git.example/a", "vcs git+git://git.example/a"),
        (
            "a[x] @ git+https://git.example/a ; os_name == 'nt'",
            "named a[x] @ git+https://git.example/a ; os_name == \"nt\"",
        ),
        ("a @ file:///d", "named a @ file:///d"),
        ("a @ https://h.example/a.zip", refused),
        ("https://h.example/a.zip", refused),
    ] {
        assert_eq!(told(parse_editable(text, Path::new("/w"))), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn never_panics(noise in "\\PC{0,40}", near in "(git\\+|https://|file:|//|/|\\.|a|\\.whl|\\[|\\]|#|egg=|&|;|@|%| |os_name == 'a'|é){0,12}") {
        for text in [&noise, &near] {
            let _ = (parse(text, Path::new("/w")), parse_editable(text, Path::new("w")));
        }
    }
}

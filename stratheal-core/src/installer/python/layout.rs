//! What a new environment consists of before anything is installed into it.
//!
//! As the `venv` module lays it out (PEP 405), without starting it: it may be missing, and it takes half a second. The scripts that
//! activate an environment are made from the templates in the interpreter's own library.

use std::path::{Path, PathBuf};

use super::{Interpreter, PyvenvCfg};

/// A folder of templates may hold so many of them.
const MOST_TEMPLATES: usize = 20;

/// Files, links and folders of a new environment, relative to its root, parents first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::installer) struct Layout {
    pub(in crate::installer) folders: Vec<PathBuf>,
    /// A file and its content.
    pub(in crate::installer) files: Vec<(PathBuf, Vec<u8>)>,
    /// A symbolic link and its target.
    pub(in crate::installer) links: Vec<(PathBuf, PathBuf)>,
}

/// Lays out an environment that will be at `root`, made from `base`. `templates` are names and texts of activation scripts.
pub(in crate::installer) fn base_layout(
    base: &Interpreter,
    root: &Path,
    sees_system: bool,
    templates: &[(String, String)],
) -> Layout {
    let series = base.series();
    let home = base.base_executable.parent().unwrap_or(Path::new("/")).to_owned();
    let mut cfg = PyvenvCfg::default();
    cfg.set("home", home.display().to_string());
    cfg.set("include-system-site-packages", sees_system.to_string());
    let (major, minor, patch) = base.version;
    cfg.set("version", format!("{major}.{minor}.{patch}"));
    cfg.set("executable", base.base_executable.display().to_string());
    cfg.set("stratheal", env!("CARGO_PKG_VERSION"));
    let prompt = prompt(root);
    cfg.set("prompt", prompt.clone());
    let library = Path::new("lib").join(base.name()).join("site-packages");
    let mut layout = Layout {
        folders: vec!["bin".into(), "include".into(), library],
        files: vec![
            ("pyvenv.cfg".into(), cfg.to_string().into_bytes()),
            (".gitignore".into(), b"# Made by stratheal.\n*\n".to_vec()),
        ],
        links: vec![
            ("bin/python".into(), base.base_executable.clone()),
            ("bin/python3".into(), "python".into()),
            (format!("bin/python{series}").into(), "python".into()),
        ],
    };
    if base.is_free_threaded {
        layout.links.push((Path::new("bin").join(base.name()), "python".into()));
    }
    if base.pointer_bits == 64 && base.markers.os_name == "posix" && base.markers.sys_platform != "darwin" {
        layout.links.push(("lib64".into(), "lib".into()));
    }
    for (name, text) in templates.iter().take(MOST_TEMPLATES) {
        if let Some(script) = filled(text, root, &prompt) {
            layout.files.push((Path::new("bin").join(name), script.into_bytes()));
        }
    }
    layout
}

/// What a shell shows: the project's name rather than `.venv`.
fn prompt(root: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let own = name(root).unwrap_or_default();
    let shown = if own.starts_with('.') { root.parent().and_then(name).unwrap_or(own) } else { own };
    // It becomes part of scripts and of a file with lines.
    shown.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ')).take(60).collect()
}

/// Fills a template of `venv`. `None` for one that cannot be filled safely.
fn filled(template: &str, root: &Path, prompt: &str) -> Option<String> {
    let root = root.to_str()?;
    // Newer templates expect quoted values, older ones quote themselves; what needs no quotes fits both.
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '+' | ',' | '@' | '%');
    if !root.chars().all(is_plain) {
        return None;
    }
    // Older templates expect the brackets to be part of the prompt.
    let has_brackets = ["(\"__VENV_PROMPT__", "(__VENV_PROMPT__", "(%s)"].iter().any(|own| template.contains(own));
    let shown = if has_brackets { prompt.to_owned() } else { format!("({prompt}) ") };
    let mut text = template
        .replace("__VENV_DIR__", root)
        .replace("__VENV_NAME__", prompt)
        .replace("__VENV_BIN_NAME__", "bin")
        .replace("__VENV_PYTHON__", &format!("{root}/bin/python"));
    while let Some(at) = text.find("__VENV_PROMPT__") {
        let before = &text[..at];
        let is_quoted = before.ends_with(['"', '\'', '(']) && !before.ends_with("(\"");
        let value = if is_quoted { shown.clone() } else { format!("'{shown}'") };
        text.replace_range(at..at + "__VENV_PROMPT__".len(), &value);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn templates_old_and_new() {
        let root = Path::new("/srv/app/.venv");
        let old = "VIRTUAL_ENV=\"__VENV_DIR__\"\nPATH=\"$VIRTUAL_ENV/__VENV_BIN_NAME__:$PATH\"\nPS1=\"__VENV_PROMPT__${PS1:-}\"\n";
        let expected = "VIRTUAL_ENV=\"/srv/app/.venv\"\nPATH=\"$VIRTUAL_ENV/bin:$PATH\"\nPS1=\"(app) ${PS1:-}\"\n";
        assert_eq!(filled(old, root, &prompt(root)).as_deref(), Some(expected));
        let new =
            "VIRTUAL_ENV=__VENV_DIR__\nVIRTUAL_ENV_PROMPT=__VENV_PROMPT__\nPS1=\"(\"__VENV_PROMPT__\") ${PS1:-}\"\n";
        let expected = "VIRTUAL_ENV=/srv/app/.venv\nVIRTUAL_ENV_PROMPT='app'\nPS1=\"(\"'app'\") ${PS1:-}\"\n";
        assert_eq!(filled(new, root, "app").as_deref(), Some(expected));
        assert_eq!(filled(old, Path::new("/srv/a $(b)"), "x"), None, "no template says how to quote that");
    }

    #[test]
    fn prompts() {
        assert_eq!(prompt(Path::new("/srv/app/.venv")), "app");
        assert_eq!(prompt(Path::new("/srv/env")), "env");
        assert_eq!(prompt(Path::new("/srv/a\"b'\n/.venv")), "ab");
    }

    proptest! {
        #[test]
        fn never_panics(template in "(__VENV_PROMPT__|__VENV_DIR__|\"|'|\\(|PS1|é| ){0,20}", root in "/\\PC{0,20}") {
            let root = Path::new(&root);
            let _ = filled(&template, root, &prompt(root));
        }
    }
}

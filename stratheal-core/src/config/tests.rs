//! A whole file: what it becomes, and every mistake in it.

use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::Status;

fn read(text: &str, environment: Option<&str>) -> Result<Config, ConfigError> {
    let variable = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
    let lookup = Lookup { variable: &variable, cache: None };
    parse(&Source { file: PathBuf::from("stratheal.toml"), text: text.to_owned() }, environment, &lookup)
}

fn problems(text: &str) -> Vec<String> {
    match read(text, None) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

#[test]
fn a_whole_file_is_read() {
    let config = read(
        r#"
        [project]
        environment = ".venv"
        requirements = ["requirements.txt"]
        [endpoints]
        listen = "127.0.0.1:9000"
        hosts = ["monitor.example.com"]
        [history]
        max_size = "64MiB"
        [checks.db]
        tcp = "127.0.0.1:5432"
        [checks.api]
        http = { url = "http://127.0.0.1:8080/healthz", auth = { bearer = { env = "TOKEN" } } }
        interval = "10s"
        warn_if = ["latency > 300ms", "body.queue.depth > 100"]
        depends_on = ["db"]
        probes = ["liveness", "readiness"]
        on_timeout = "warning"
        fail_window = "3 of 10"
        maintenance = "daily 02:00-04:00 UTC"
        "#,
        None,
    )
    .unwrap();
    assert_eq!(config.checks.len(), 2);
    let api = config.checks.iter().find(|r| r.check.id().as_str() == "api").unwrap();
    assert_eq!((api.spec.interval, api.spec.timeout), (Duration::from_secs(10), Duration::from_secs(5)));
    assert_eq!((api.spec.on_timeout, api.spec.gate.window), (Status::Warning, Some((3, 10))));
    assert_eq!((api.spec.depends_on.len(), api.spec.maintenance.len()), (1, 1));
    assert_eq!(config.endpoints.listen.port(), 9000);
    assert_eq!(config.history.retention.max_size, 64 << 20);
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn all_mistakes_are_reported_in_one_go() {
    let text = r#"
[checks.a]
http = "http://127.0.0.1/"
intervall = "10s"
timeout = 5
[checks.b]
tcpp = "127.0.0.1:1"
[checks.c]
tcp = "127.0.0.1:1"
http = "http://127.0.0.1/"
[checks.d]
tcp = "127.0.0.1:1"
warn_if = ["latncy > 3s", "latency >"]
fail_after = 0
[chekcs.e]
tcp = "127.0.0.1:1"
[deploy.mail]
to = "me"
"#;
    let found = problems(text);
    let expected = [
        "stratheal.toml:4:1: checks.a.intervall: unknown key: did you mean `interval`?",
        "stratheal.toml:5:11: checks.a.timeout: has no unit: write \"5s\" for seconds",
        "stratheal.toml:7:1: checks.b.tcpp: unknown key: did you mean `tcp`?",
        "stratheal.toml:8:9: checks.c: has `http` and `tcp`: make a check of each",
        "stratheal.toml:13:11: checks.d.warn_if: `latncy > 3s`: this check has no `latncy`: did you mean `latency`?",
        "stratheal.toml:14:14: checks.d.fail_after: must be from 1 to 64",
        "stratheal.toml:15:2: chekcs: unknown key: did you mean `checks`?",
        "stratheal.toml:17:2: deploy: is not supported by this version: remove this section",
    ];
    for line in expected {
        assert!(found.iter().any(|found| found == line), "missing: {line}\nin: {found:#?}");
    }
    assert!(found.iter().any(|line| line.contains("`latency >` is not a condition")), "{found:#?}");
    assert_eq!(found.len(), expected.len() + 2, "{found:#?}");
}

#[test]
fn services_and_ladders_name_what_is_there() {
    let text = r#"
[checks.web]
tcp = "127.0.0.1:1"
depends_on = ["service/db"]
[services.db]
run = ["db"]
[services.web]
run = "web --port 1"
[services.two]
run = ["x"]
unit = "y"
[services.api]
run = ["api"]
check = "wbe"
depends_on = ["dbb"]
ports = [70000]
[heal.web]
ladder = ["restart-servise", "restart-service/db", "mend"]
[remedies.mend]
run = ["mend"]
user = "nobody-of-that-name"
risk = "small"
[remedies.nothing]
[remedies.two]
run = ["mend"]
sequence = ["mend"]
[remedies.restart-service]
run = ["mend"]
[remedies.free-disk]
run = ["mend"]
[remedies.around]
sequence = ["around", "mend", "mind"]
[remedies.room]
timeout = "1s"
[remedies.room.delete.logs]
folder = "/srv/app/logs"
older_than = "1s"
names = "*"
[remedies.room.delete.all]
folder = "/etc"
what = "bytecode"
keep = 3
[remedies.room.delete.wheels]
folder = "/srv/cache"
what = "packages"
names = "*.whl"
[notify.both]
command = ["page"]
webhook = { env = "HOOK" }
[notify.none]
kinds = ["opened", "close"]
[notify.hook]
webhook = "http://127.0.0.1/secret"
[watchdog]
interval = "1ms"
"#;
    let found = problems(text);
    for line in [
        "services.web.run: must be a list, as no shell takes a text apart: [\"web\", \"--port\", \"1\"]",
        "services.two: has `run` and `unit`: make a service of each",
        "services.api.check: there is no check `wbe`: did you mean `web`?",
        "services.api.depends_on: there is no service `dbb`: did you mean `db`?",
        "services.api.ports: `70000` is no port: write a number from 1 to 65535",
        "heal.web.ladder: there is no remedy `restart-servise`: did you mean `restart-service`?",
        "remedies.mend.user: there is no user `nobody-of-that-name` on this machine",
        "remedies.mend.risk: is `small`, but must be one of observe, local, disruptive, destructive",
        "remedies.nothing: says not what is done: add `run`, `delete` or `sequence`",
        "remedies.two: has `run` and `sequence`: make a remedy of each",
        "remedies.restart-service: is there already: choose another name",
        "remedies.free-disk: is called `free-disk`, as only a remedy with `delete` may be: choose another name",
        "remedies.around.sequence: there is no remedy `around`",
        "remedies.around.sequence: there is no remedy `mind`: did you mean `mend`?",
        "remedies.room.timeout: belongs to `run`, and there is none",
        "remedies.room.delete.logs: files of less than 60 s may be in use",
        "remedies.room.delete.all.keep: means nothing for bytecode",
        "remedies.room.delete.wheels.names: means nothing for packages",
        "remedies.room.delete.all: its folder /etc is refused: it is the root of everything, or lies directly in it",
        "notify.both: has `command` and `webhook`: make a notifier of each",
        "notify.none: says not how people are told: add `command` or `webhook`",
        "watchdog: `url` is missing: A URL that is called as long as all is well.",
        "watchdog.interval: is less than a second",
    ] {
        assert!(found.iter().any(|found| found.ends_with(line)), "missing: {line}\nin: {found:#?}");
    }
    let literal = found.iter().find(|line| line.contains("notify.hook.webhook")).unwrap();
    assert!(
        literal.contains("a secret never stands in the configuration") && !literal.contains("127.0.0.1"),
        "{literal}"
    );
}

#[test]
fn each_mistake_says_what_to_do() {
    for (text, words) in [
        ("[checks.a", "stratheal.toml:1:"),
        ("[checks.a]\ntcp = \"127.0.0.1:1\"\ninterval = \"fast\"", "write for example 300ms, 10s"),
        ("[checks.a]\ntcp = \"127.0.0.1:1\"\ninterval = \"10ms\"", "checks.a.interval: is below 100 ms"),
        ("[checks.a]\ntcp = \"127.0.0.1:1\"\ndepends_on = [\"b\"]", "depends on `b`, which does not exist"),
        (
            "[checks.a]\ntcp = \"x:1\"\ndepends_on=\"b\"\n[checks.b]\ntcp=\"x:1\"\ndepends_on=\"a\"",
            "in a circle: a -> b -> a",
        ),
        ("[checks.a]\ntcp = \"127.0.0.1:1\"\n[checks.a]\ntcp = \"127.0.0.1:2\"", "duplicate key"),
        ("[checks.a]\ntcp = \"127.0.0.1:1\"\nwarn_if = \"latency > 5GiB\"", "counts seconds"),
        ("[checks.a]\ntcp = \"127.0.0.1:1\"\nwarn_if = \"latency > 5s clear 6s\"", "clear"),
        (
            "[checks.a]\nhttp = { url = \"http://h/\", auth = { bearer = \"abc\" } }",
            "a secret never stands in the configuration",
        ),
        ("[checks.a]\nhttp = { url = \"http://h/\", auth = { bearer = { env = \"NO\" } } }", "`NO` is not set"),
        ("[checks.a]\nhttp = { url = \"http://h/\", auth = { bearer = { file = \"no-such\" } } }", "no-such"),
        ("[checks.a]\nhttp = { method = \"GET\" }", "`url` is missing"),
        ("[checks.a]\nhttp = \"ftp://h/\"", "checks.a.http.url"),
        ("[checks.\"a b\"]\ntcp = \"h:1\"", "cannot be an id"),
        ("[checks.\"stratheal.x\"]\ntcp = \"h:1\"", "reserved"),
        ("[checks.a]\ninterval = \"10s\"", "says not what to check: add one of"),
        ("checks = 5", "must hold tables"),
        ("[checks.a]\ncommand = \"echo hi\"", "no shell takes a text apart: [\"echo\", \"hi\"]"),
        ("[checks.a]\ncpu = false", "leave this check out instead"),
        ("[checks.a]\nhttp = { url = \"http://h/\", status = [200, \"soon\"] }", "soon"),
        ("[checks.a]\ncommand = []", "names no program"),
        ("[checks.a]\nprocess = { min = 2 }", "says not which process"),
        ("[checks.a]\nprocess = { pattern = \"(\" }", "is not a pattern"),
        ("[checks.a]\ndisk = {}\nwarn_if = \"used > 850%\"", "can never be true"),
        ("[history]\nmax_size = \"1MiB\"", "the largest size is 1048576 bytes: use 4.0MiB"),
        ("[endpoints]\nlisten = \"everywhere\"", "not an address and a port"),
        ("[checks.a]\ntcp = \"h:1\"\nmaintenance = \"sometimes\"", "not a maintenance window"),
        ("[checks.a]\ntcp = \"h:1\"\nprobes = [\"alive\"]", "knows only startup, liveness, readiness"),
    ] {
        let found = problems(text).join("\n");
        assert!(found.contains(words), "{text}\n=> {found}");
        assert!(found.starts_with("stratheal.toml:"), "{found}");
    }
}

#[test]
fn an_environment_is_laid_over_and_checked_even_when_it_is_not_used() {
    let text = "[checks.a]\ntcp = \"h:1\"\ninterval = \"10s\"\n[environments.production]\nchecks.a.interval = \"1s\"\n";
    let interval = |config: &Config| config.checks[0].spec.interval;
    assert_eq!(interval(&read(text, None).unwrap()), Duration::from_secs(10));
    assert_eq!(interval(&read(text, Some("production")).unwrap()), Duration::from_secs(1));
    let error = read(text, Some("prodution")).unwrap_err().to_string();
    assert!(error.contains("there is no environment `prodution`: did you mean `production`?"), "{error}");
    let broken = text.replace("\"1s\"", "\"soon\"");
    assert!(read(&broken, None).unwrap_err().to_string().contains("5:21: checks.a.interval"), "{broken}");
}

#[test]
fn a_secret_of_an_overlay_that_is_not_used_is_not_asked_for() {
    let text = "[checks.a]\nhttp = { url = \"http://h/\" }\n[environments.p]\nchecks.a.http.auth.bearer.env = \"NO\"\n";
    assert!(read(text, None).is_ok());
    assert!(read(text, Some("p")).is_err());
}

#[test]
fn pyproject_is_read_below_its_own_section() {
    let lookup = Lookup { variable: &|_| None, cache: None };
    let text = "[project]\nname = \"x\"\n[tool.stratheal.checks.a]\ntcp = \"h:1\"\nintervall = \"5s\"\n".to_owned();
    let source = Source { file: PathBuf::from("pyproject.toml"), text };
    let error = parse(&source, None, &lookup).unwrap_err().to_string();
    assert!(error.starts_with("pyproject.toml:5:1: tool.stratheal.checks.a.intervall: unknown key"), "{error}");
}

#[test]
fn revisions_tell_what_changed() {
    let one = "[checks.a]\ntcp = \"h:1\"\n[checks.b]\ntcp = \"h:2\"\n";
    let two = "# moved\n\n[checks.b]\ntcp = \"h:3\"\n[checks.a]\ntcp = \"h:1\"\n";
    let revision = |text: &str, id: &str| {
        let config = read(text, None).unwrap();
        config.checks.iter().find(|r| r.check.id().as_str() == id).unwrap().revision
    };
    assert_eq!(revision(one, "a"), revision(two, "a"));
    assert_ne!(revision(one, "b"), revision(two, "b"));
}

#[test]
fn what_init_writes_is_valid() {
    let port = |port: u16, http: Option<&'static str>| ListeningPort {
        address: ([127, 0, 0, 1], port).into(),
        program: Some("cpu\n[evil".to_owned()),
        http,
    };
    let detected = Detected {
        environment: Some(".venv \"odd\"".into()),
        requirements: vec!["requirements.txt".into()],
        ports: vec![port(8000, Some("/healthz")), port(5432, None)],
        pressure: true,
    };
    for detected in [detected, Detected::default()] {
        let text = init(&detected);
        assert_eq!(problems(&text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_schema_names_every_key() {
    let schema = schema();
    let check = &schema["$defs"]["check"]["properties"];
    for key in ["interval", "http", "tcp", "warn_if"] {
        assert!(check[key]["description"].is_string(), "{key}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

/// Every key of a part of the schema, at any depth.
fn keys(schema: &serde_json::Value, found: &mut Vec<String>) {
    match schema {
        serde_json::Value::Object(members) => {
            if let Some(serde_json::Value::Object(properties)) = members.get("properties") {
                found.extend(properties.keys().cloned());
            }
            members.values().for_each(|member| keys(member, found));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

#[test]
fn the_reference_tells_of_every_key() {
    let page = include_str!("../../../docs/configuration.md");
    let mut found = Vec::new();
    keys(&schema(), &mut found);
    // In a table, as the head of a section, or in an example.
    let told = |key: &String| {
        [format!("`{key}`"), format!("[{key}"), format!("{key} =")].iter().any(|form| page.contains(form))
    };
    let missing: Vec<_> = found.iter().filter(|key| !told(key)).collect();
    assert!(found.len() > 50 && missing.is_empty(), "docs/configuration.md says nothing about {missing:?}");
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,200}") {
        let _ = super::load::has_section(&text);
        let _ = problems(&text);
    }

    #[test]
    fn never_panics_on_nearly_valid_files(key in "[a-z_]{1,12}", value in "(\"[a-z0-9%>. ]{0,12}\"|-?[0-9]{1,20}|true|\\[\\]|\\{\\}|1979-05-27)", table in "(checks\\.a|project|endpoints|history|environments\\.x|checks)") {
        let _ = problems(&format!("[{table}]\n{key} = {value}\nhttp = \"http://h/\"\n"));
    }
}

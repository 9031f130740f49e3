//! What this test program is when a test starts it once more, to be killed: an engine, a first process, an engine with other tools.
//! Without the variable that says for which test, they do nothing.

use std::path::PathBuf;
use std::time::Duration;

use stratheal_core::model::ServiceId;
use stratheal_core::service::{ServiceSpec, Services, StoppedBy, init};
use tokio::time::sleep;

use crate::setup::{Look, eventually, program};

fn folder() -> Option<PathBuf> {
    std::env::var_os("STRATHEAL_TEST_FOLDER").map(PathBuf::from)
}

/// The services that the engine of a test runs: `specs` in its folder has one a line, its name and its script.
fn specs(folder: &std::path::Path) -> Vec<ServiceSpec> {
    let text = std::fs::read_to_string(folder.join("specs")).unwrap();
    let world = std::env::var("STRATHEAL_TEST_WORLD").unwrap();
    let spec = |line: &str| {
        let (name, script) = line.split_once(' ').unwrap();
        let mut spec = ServiceSpec::child(ServiceId::new(name).unwrap(), ["sh", "-c", script]);
        spec.folder = Some(folder.to_owned());
        spec.inherit = vec!["PYENV_ROOT".to_owned()];
        let secret = stratheal_core::base::redact::Secret::new(world.clone());
        spec.variables = vec![("STRATHEAL_TEST_WORLD".to_owned(), secret)];
        spec
    };
    text.lines().map(spec).collect()
}

#[test]
#[ignore = "a role that other tests start"]
fn engine() {
    let Some(folder) = folder() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let engine = Services::new(&folder.join("services"), program()).start().unwrap();
        let specs = specs(&folder);
        let names: Vec<String> = specs.iter().map(|spec| spec.id.to_string()).collect();
        engine.apply(specs).await.unwrap();
        eventually("all are ready", || names.iter().all(|name| engine.is_ready(name))).await;
        std::fs::write(folder.join("engine-up"), "").unwrap();
        sleep(Duration::from_mins(2)).await;
    });
}

/// Starts and stops a unit with the `systemctl` that is in `PATH`.
#[test]
#[ignore = "a role that other tests start"]
fn units() {
    let Some(folder) = folder() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = runtime.block_on(async {
        let engine = Services::new(&folder.join("services"), program()).start().unwrap();
        let mut told = Vec::new();
        engine.apply(vec![ServiceSpec::unit(ServiceId::new("web").unwrap(), "web.service")]).await.unwrap();
        eventually("it is ready", || engine.is_ready("web")).await;
        told.push(format!("ready as {:?}", engine.view("web").unwrap().pid));
        engine.restart("web").await.unwrap();
        eventually("it is ready again", || engine.is_ready("web")).await;
        std::fs::write(folder.join("state"), "failed").unwrap();
        eventually("its end is seen", || !engine.is_ready("web")).await;
        told.push(format!("{:?}", engine.view("web").unwrap().last_ending.as_ref().map(ToString::to_string)));
        engine.start("web").await.unwrap();
        std::fs::write(folder.join("denied"), "").unwrap();
        told.push(engine.stop("web", StoppedBy::Person).await.unwrap_err().to_string());
        std::fs::remove_file(folder.join("denied")).unwrap();
        engine.stop("web", StoppedBy::Person).await.unwrap();
        told.push(format!("{:?}", engine.state("web")));
        told
    });
    std::fs::write(folder.join("told"), told.join("\n")).unwrap();
}

/// Is the first process of its descendants.
#[test]
#[ignore = "a role that other tests start"]
fn first() {
    let Some(folder) = folder() else { return };
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    let script = std::fs::read_to_string(folder.join("script")).unwrap();
    let code = init::run("sh".into(), &["-c".into(), script.into()]).unwrap();
    std::fs::write(folder.join("code"), format!("{code:?}")).unwrap();
}

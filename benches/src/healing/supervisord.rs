//! supervisord from `PyPI`, in a virtual environment of its own beside the build, with its defaults but `autorestart`.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use stratheal_core::testing::tools::Tool;

use super::service::Service;
use crate::failure::Failure;

const VERSION: &str = "4.3.0";

fn tool() -> Result<Tool, Failure> {
    Tool::new(&[&format!("supervisor=={VERSION}")]).map_err(Failure::new)
}

/// Its version. Installs it when it is not here.
pub(super) fn version() -> Result<String, Failure> {
    tool().map(|_| VERSION.to_owned())
}

/// For one server.
pub(super) fn prepare(service: &Service) -> Result<Vec<OsString>, Failure> {
    let command = service.argv()?.join(" ");
    configure(&service.folder, &format!("[program:web]\ncommand={command}\nautorestart=true\n"))
}

/// For programs in a section of the caller's.
pub(super) fn configure(folder: &Path, programs: &str) -> Result<Vec<OsString>, Failure> {
    let configuration = folder.join("supervisord.conf");
    let at = folder.display();
    fs::write(
        &configuration,
        format!(
            "[supervisord]\nnodaemon=true\nlogfile={at}/supervisord.log\npidfile={at}/supervisord.pid\n\
             childlogdir={at}\nminfds=10000\n\n{programs}"
        ),
    )?;
    Ok(vec![tool()?.program("supervisord").into(), "--configuration".into(), configuration.into()])
}

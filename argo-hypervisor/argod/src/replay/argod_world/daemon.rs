//! An argod for one trace.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Stdio};

use tempfile::TempDir;

use super::{Programs, System, WorldError};
use crate::admin::{AdminClient, Request};
use crate::tied::tied;

/// A running argod; killed, and its folder removed, when dropped.
pub(super) struct Daemon {
    process: Process,
    admin: AdminClient,
    folder: TempDir,
}

impl Daemon {
    /// Starts an argod without domains, and returns once it serves.
    pub(super) fn start(
        system: &System,
        policy: &str,
        programs: &Programs,
    ) -> Result<Self, WorldError> {
        let folder = tempfile::Builder::new().prefix("argoctl-").tempdir()?;
        let file = folder.path().join("argod.toml");
        fs::write(&file, configuration(system, policy, folder.path())?)?;
        let mut command = tied(&programs.argoctl, &programs.argod);
        command.arg("--config").arg(&file).stdin(Stdio::null()).stdout(Stdio::null());
        let mut process = Process(command.stderr(Stdio::piped()).spawn()?);
        let log = process.0.stderr.take().ok_or("argod has no log")?;
        await_ready(BufReader::new(log))?;
        let admin = AdminClient::connect(&folder.path().join("admin.sock"))?;
        Ok(Self { process, admin, folder })
    }

    /// Has argod do something over its admin socket.
    pub(super) fn ask(&mut self, request: &Request) -> Result<(), WorldError> {
        match self.admin.request::<()>(request) {
            Ok(()) => Ok(()),
            Err(error) => match self.process.0.try_wait()? {
                Some(status) => Err(format!("argod ended: {status}").into()),
                None => Err(error.into()),
            },
        }
    }

    /// Where processes attach to the domain with this name.
    pub(super) fn socket(&self, domain: &str) -> PathBuf {
        self.folder.path().join(format!("{domain}.sock"))
    }
}

/// A process that does not outlive this.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn configuration(system: &System, policy: &str, folder: &Path) -> Result<String, WorldError> {
    let folder = folder.to_str().ok_or("the folder for temporary files has a name not in UTF-8")?;
    let folder = toml::Value::from(folder);
    let System { argo, mac_permissive, .. } = system;
    // Nothing here is worth the time that locking takes.
    Ok(format!(
        "runtime_dir = {folder}\nargo = {argo}\nwildcard_rings = {mac_permissive}\n\
         lock_memory = \"no\"\n{policy}"
    ))
}

/// Reads the log up to the line that says that argod serves. What comes later is thrown away, by a
/// thread that ends with argod: a full pipe would stop it.
fn await_ready(mut log: BufReader<ChildStderr>) -> Result<(), WorldError> {
    let mut said = String::new();
    while !said.contains(" ready ") {
        if log.read_line(&mut said)? == 0 {
            return Err(format!("argod did not start: {}", said.trim()).into());
        }
    }
    std::thread::spawn(move || io::copy(&mut log, &mut io::sink()));
    Ok(())
}

//! An argod for one trace.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Programs, System, WorldError};
use crate::admin::{AdminClient, Request};
use crate::started::StartedArgod;
use serde::de::IgnoredAny;

/// A running argod; killed, and its folder removed, when dropped.
pub(super) struct Daemon {
    process: StartedArgod,
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
        let process = StartedArgod::start(programs.run_argod(), &file)?;
        let admin = AdminClient::connect(&folder.path().join("admin.sock"))?;
        Ok(Self { process, admin, folder })
    }

    /// Has argod do something over its admin socket.
    pub(super) fn ask(&mut self, request: &Request) -> Result<(), WorldError> {
        match self.admin.request::<IgnoredAny>(request) {
            Ok(_) => Ok(()),
            Err(error) => match self.process.ended()? {
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

fn configuration(system: &System, policy: &str, folder: &Path) -> Result<String, WorldError> {
    let folder = folder.to_str().ok_or("the folder for temporary files has a name not in UTF-8")?;
    let folder = toml::Value::from(folder);
    let System { argo, mac_permissive, .. } = system;
    // Traces are Xen's, which wakes all. Nothing here is worth the time that locking takes.
    Ok(format!(
        "runtime_dir = {folder}\nargo = {argo}\nwildcard_rings = {mac_permissive}\n\
         waking = \"all\"\nlock_memory = \"no\"\n{policy}"
    ))
}

//! Sockets that systemd made and listens on for argod (socket activation).

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::descriptor;
use crate::config::{Config, DOMAINS_MAX};

/// Sockets that can be passed: one for each domain, and the administrators'.
pub const PASSED_MAX: usize = DOMAINS_MAX + 1;

/// What a domain's socket is called in `FileDescriptorName=`, before the domain's name.
const DOMAIN_PREFIX: &str = "domain-";
/// What the administrators' socket is called there.
const ADMIN: &str = "admin";

/// The passed sockets, by the configured path that each is for. They belong to systemd: argod
/// neither removes their paths nor changes who may connect.
#[derive(Default)]
pub struct Passed(HashMap<PathBuf, OwnedFd>);

/// What was passed makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum PassedError {
    /// The environment contradicts itself.
    #[error("sockets passed by systemd: {0}")]
    Environment(#[from] io::Error),
    /// Not as many names as sockets.
    #[error("systemd passed {passed} sockets and {names} names (LISTEN_FDNAMES)")]
    Names {
        /// How many sockets.
        passed: usize,
        /// How many names.
        names: usize,
    },
    /// More than there can be.
    #[error("systemd passed {passed} sockets; there can be {PASSED_MAX}")]
    TooMany {
        /// How many were passed.
        passed: usize,
    },
    /// The configuration has nothing of this name.
    #[error(
        "systemd passed a socket named {name:?}, but the configuration has no such socket; expected \
         FileDescriptorName=admin or domain-NAME in its unit"
    )]
    UnknownName {
        /// The name.
        name: String,
    },
    /// Two for one.
    #[error("systemd passed two sockets for {}", path.display())]
    Twice {
        /// What both are for.
        path: PathBuf,
    },
}

impl Passed {
    /// Takes what this process was started with, for the sockets of this configuration. Only the
    /// first call gets any.
    ///
    /// # Errors
    /// [`PassedError`]
    pub fn take(config: &Config) -> Result<Self, PassedError> {
        let numbers = sd_notify::listen_fds()?;
        let passed = numbers.len();
        if passed > PASSED_MAX {
            return Err(PassedError::TooMany { passed });
        }
        let names = names_of(passed)?;
        let mut sockets = HashMap::new();
        for (name, socket) in names.into_iter().zip(descriptor::adopt(numbers)) {
            let path = path_of(&name, config).ok_or(PassedError::UnknownName { name })?;
            if sockets.insert(path.clone(), socket).is_some() {
                return Err(PassedError::Twice { path });
            }
        }
        Ok(Self(sockets))
    }

    /// The socket that was passed for this path.
    pub fn socket(&self, path: &Path) -> Option<&OwnedFd> {
        self.0.get(path)
    }
}

/// The names of so many sockets. Without any socket there may be names: they are for another
/// process that this one inherited the environment from.
fn names_of(passed: usize) -> Result<Vec<String>, PassedError> {
    if passed == 0 {
        return Ok(Vec::new());
    }
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names: Vec<String> = names.split(':').map(str::to_owned).collect();
    match names.len() {
        count if count == passed => Ok(names),
        names => Err(PassedError::Names { passed, names }),
    }
}

fn path_of(name: &str, config: &Config) -> Option<PathBuf> {
    if name == ADMIN {
        return Some(config.admin.path.clone());
    }
    let named = |name: &str| config.domains.iter().find(|domain| domain.name == name);
    let domain = name.strip_prefix(DOMAIN_PREFIX).and_then(named).or_else(|| named(name));
    domain.map(|domain| domain.socket.path.clone())
}

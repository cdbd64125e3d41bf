//! argod's own cage: what argod gives up for good once it has what it needs, so that a fault in it
//! does not become the host's.
//!
//! | module | what is given up |
//! |---|---|
//! | `limits` | core dumps, being traced |
//! | `capabilities` | every capability |
//! | `files` | files and network, by Landlock |
//! | `calls`, `filter` | system calls, by seccomp: a list for the process, narrower ones for threads |
//!
//! The order is that of the table, and all of it comes before the first thread, which inherits it. A
//! thread whose class has a list of its own then gives up the rest as its first deed
//! ([`Cage::narrow`]). What still has to be done outside, argod asks its doorkeeper for (module
//! `doorkeeper`), a process that is caged in the same way, more narrowly in some things and more
//! widely in others.

mod calls;
mod capabilities;
mod files;
mod filter;
mod limits;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::thread::CapabilitySet;
use seccompiler::BpfProgram;

use crate::config::{self, Config};
pub use calls::Class;
pub use limits::harden;

/// A part of the cage cannot be had, and the configuration requires it.
#[derive(Debug, thiserror::Error)]
#[error("cage: {part}: {source}")]
pub struct CageError {
    /// What was being given up.
    part: &'static str,
    /// Why it was not.
    source: io::Error,
}

/// The lists of this process's threads. Without any cage, or on a kernel without seccomp, they are
/// empty.
#[derive(Clone, Default)]
pub struct Cage(Arc<Lists>);

/// For each class its programs, in the order in which they are installed.
#[derive(Default)]
struct Lists([Vec<BpfProgram>; Class::ALL.len()]);

impl Cage {
    /// Cages this process: argod itself, which opens no file any more. It must have no other thread
    /// yet.
    ///
    /// # Errors
    /// [`CageError`], if the cage is required.
    pub fn enter(config: &Config) -> Result<Self, CageError> {
        limits::lock_as_much_as_is_wanted();
        let mut told = Told::new(config.cage, "argod");
        told.keep("capabilities", capabilities::keep(CapabilitySet::empty()))?;
        told.keep("files", files::close_all())?;
        let caged = told.keep("system calls", filter::confine(calls::process(config)))?;
        if let Some(held) = told.held() {
            tracing::info!(held, "caged");
        }
        if rustix::process::geteuid().is_root() {
            tracing::warn!("running as user 0: give argod a user of its own");
        }
        match caged {
            true => Self::lists().map_err(|source| CageError { part: "system calls", source }),
            false => Ok(Self::default()),
        }
    }

    /// Leaves this thread with the system calls of its class. To be called first, by the thread
    /// itself.
    ///
    /// # Errors
    /// The kernel has no memory for it. The thread should do nothing else then.
    pub fn narrow(&self, class: Class) -> io::Result<()> {
        self.0.0[class as usize].iter().try_for_each(filter::install)
    }

    /// One that the kernel refuses to threads of this class.
    #[cfg(test)]
    pub(crate) fn refused_to(class: Class) -> Self {
        let mut lists = Lists::default();
        lists.0[class as usize] = vec![BpfProgram::new()];
        Self(Arc::new(lists))
    }

    fn lists() -> io::Result<Self> {
        let mut lists = Lists::default();
        for class in Class::ALL {
            lists.0[class as usize] = filter::compile(calls::of(class))?;
        }
        Ok(Self(Arc::new(lists)))
    }
}

/// Cages the doorkeeper: it reads as its user may, makes and removes sockets in these folders, and
/// keeps the capability to give them away.
///
/// # Errors
/// [`CageError`], if the cage is required.
pub fn confine_doorkeeper(
    wanted: config::Cage,
    folders: &BTreeSet<PathBuf>,
) -> Result<(), CageError> {
    let mut told = Told::new(wanted, "doorkeeper");
    told.keep("capabilities", capabilities::keep(CapabilitySet::CHOWN))?;
    told.keep("files", files::close_all_but_sockets_in(folders))?;
    told.keep("system calls", filter::confine(calls::DOORKEEPER))?;
    if let Some(held) = told.held() {
        tracing::debug!(held, "doorkeeper caged");
    }
    Ok(())
}

/// What became of the parts of a cage, for one line in the log.
struct Told {
    wanted: config::Cage,
    who: &'static str,
    parts: Vec<String>,
}

impl Told {
    fn new(wanted: config::Cage, who: &'static str) -> Self {
        Self { wanted, who, parts: Vec::new() }
    }

    /// `Ok(false)`: this part is not to be had, and nobody insists.
    fn keep(&mut self, part: &'static str, done: io::Result<String>) -> Result<bool, CageError> {
        match done {
            Ok(how) => {
                self.parts.push(format!("{part}: {how}"));
                Ok(true)
            }
            Err(source) if self.wanted == config::Cage::Require => Err(CageError { part, source }),
            Err(error) => {
                tracing::warn!(who = self.who, part, %error, "not caged in this");
                Ok(false)
            }
        }
    }

    /// `None`: nothing.
    fn held(&self) -> Option<String> {
        (!self.parts.is_empty()).then(|| self.parts.join("; "))
    }
}

//! Why a daemon does not start, or stops by itself.

use std::io;

use super::host::DomainError;
use super::listener::ListenError;
use super::machines::{MachineError, PrepareError};
use super::reserve::ReserveError;
use crate::cage::CageError;
use crate::config::MemoryShort;

/// Why the daemon did not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// argod cannot be caged as the configuration wants it.
    #[error(transparent)]
    Cage(#[from] CageError),
    /// The domains' RAM does not fit this machine.
    #[error(transparent)]
    Memory(#[from] MemoryShort),
    /// In static mode something could not be taken.
    #[error(transparent)]
    Reserve(#[from] ReserveError),
    /// A virtual machine's image is wrong, or there can be no machines here.
    #[error(transparent)]
    Machines(#[from] PrepareError),
    /// A virtual machine did not start.
    #[error("domain {name}: {error}")]
    Machine {
        /// Its domain's name.
        name: String,
        /// Why.
        error: MachineError,
    },
    /// A domain could not be made.
    #[error("domain {name}: {error}")]
    Domain {
        /// Its name.
        name: String,
        /// Why.
        error: DomainError,
    },
    /// The admin socket could not be made.
    #[error("admin socket: {0}")]
    Admin(#[from] ListenError),
    /// Metrics cannot be served.
    #[error("metrics: {0}")]
    Metrics(#[source] ListenError),
    /// The audit or the capture socket could not be made.
    #[error("telling what happens: {0}")]
    Outlet(ListenError),
    /// The system refused something else.
    #[error("{step}: {source}")]
    System {
        /// What was tried.
        step: &'static str,
        /// The answer.
        source: io::Error,
    },
}

/// A thread that others depend on could not be caged, so the daemon has stopped.
#[derive(Debug, thiserror::Error)]
#[error("{thread}: it cannot be caged: {source}")]
pub struct Uncaged {
    /// Its name.
    pub(super) thread: String,
    /// What the kernel says.
    pub(super) source: io::Error,
}

//! Why a process was not attached, and how it is told.

use argo_core::Errno;
use argo_core::host::VERSION;
use argo_core::host::attach::Text;
use argo_core::host::services::SERVICES_VERSION;
use argo_hypervisor::BadRam;
use argo_mem::MapError;

use super::connection::DEADLINE;
use crate::daemon::domain::NoPlace;
use crate::daemon::host::AdmitError;
use crate::daemon::services::JoinError;

/// Why a process was not attached. What it did itself is its own fault; the rest is argod's
/// machine.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Its credentials are not those that the domain's socket is for.
    #[error(
        "uid {uid}, gid {gid} may not attach: the socket is uid {owner}, gid {group}, mode {mode:03o}"
    )]
    Credentials {
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
        /// The socket's owner.
        owner: u32,
        /// The socket's group.
        group: u32,
        /// The socket's mode.
        mode: u32,
    },
    /// It spoke another protocol, or broke this one.
    #[error("{message} message: {found}, expected {expected}")]
    Protocol {
        /// The message that was expected.
        message: &'static str,
        /// What came.
        found: String,
        /// What would have been right.
        expected: String,
    },
    /// It speaks another version.
    #[error("version {found} of the attachment protocol; this argod speaks {VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// The same of the services' version.
    #[error("version {found} of the services; this argod has {SERVICES_VERSION}")]
    ServicesVersion {
        /// Its version.
        found: u32,
    },
    /// The domain is a virtual machine.
    #[error("the domain is a virtual machine: no process attaches to it")]
    Machine,
    /// No place is free.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    /// It connected for services and cannot be served.
    #[error(transparent)]
    Services(#[from] JoinError),
    /// It could not be made live.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// It did not seal its memory as it has to.
    #[error("the RAM's seals are not complete: the process must add FUTURE_WRITE and SEAL")]
    NotSealed,
    /// It hung up.
    #[error("the process hung up while {message} was expected")]
    HungUp {
        /// The message that was expected.
        message: &'static str,
    },
    /// It took too long.
    #[error("no {message} message within {DEADLINE:?}")]
    TooSlow {
        /// The message that was expected.
        message: &'static str,
    },
    /// Its RAM could not be had.
    #[error(transparent)]
    Memory(#[from] MapError),
    /// Its RAM has another size than was asked for.
    #[error(transparent)]
    Ram(#[from] BadRam),
    /// The system refused something else.
    #[error("{step}: {errno}")]
    System {
        /// What was tried.
        step: &'static str,
        /// The answer.
        errno: rustix::io::Errno,
    },
}

impl AttachError {
    /// What the process is told, beside the text.
    fn errno(&self) -> Errno {
        match self {
            Self::Credentials { .. } | Self::Machine => Errno::EACCES,
            Self::Version { .. } | Self::ServicesVersion { .. } => Errno::EOPNOTSUPP,
            Self::NoPlace(NoPlace::Over { .. }) | Self::Admit(AdmitError::NoPlace(_)) => {
                Errno::ESRCH
            }
            Self::NoPlace(_) => Errno::EBUSY,
            Self::Services(error) => error.errno(),
            Self::NotSealed => Errno::EPERM,
            Self::Admit(AdmitError::Watch(_))
            | Self::Memory(_)
            | Self::Ram(_)
            | Self::System { .. } => Errno::ENOMEM,
            Self::Protocol { .. } | Self::HungUp { .. } | Self::TooSlow { .. } => Errno::EINVAL,
        }
    }

    /// The errno as the messages have it.
    pub(super) fn number(&self) -> u32 {
        self.errno().number().unsigned_abs()
    }

    /// The reason as the messages have it.
    pub(super) fn text(&self) -> Text {
        Text::new(&self.to_string())
    }
}

/// The error of a step that the system refused.
pub(super) fn system(step: &'static str) -> impl Fn(rustix::io::Errno) -> AttachError {
    move |errno| AttachError::System { step, errno }
}

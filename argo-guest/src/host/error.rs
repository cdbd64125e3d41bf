//! Why an attachment failed.

use alloc::string::String;
use std::path::PathBuf;
use std::time::Duration;

use argo_mem::MapError;
use rustix::io::Errno;

/// An attachment to a domain of argod that did not come about.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The environment does not say which domain to attach to.
    #[error("{variable} is not set: it names the socket of the domain to attach to")]
    NotSet {
        /// The variable that was looked for.
        variable: &'static str,
    },
    /// The attachment was tried and failed.
    #[error("cannot attach to {}, while {step}: {cause}{}", .socket.display(), hint(.cause))]
    Failed {
        /// The domain's socket.
        socket: PathBuf,
        /// How far it got.
        step: Step,
        /// What went wrong there.
        #[source]
        cause: AttachCause,
    },
}

impl AttachError {
    /// The errno that opening one of Xen's devices would give for this.
    pub fn errno(&self) -> i32 {
        let errno = match self {
            Self::NotSet { .. } => Errno::NOENT,
            Self::Failed { cause, .. } => match cause {
                AttachCause::System(errno) => *errno,
                AttachCause::TimedOut(_) => Errno::TIMEDOUT,
                AttachCause::Closed => Errno::CONNRESET,
                AttachCause::Refused { errno, .. } => {
                    return i32::try_from(*errno).unwrap_or(Errno::IO.raw_os_error());
                }
                AttachCause::Version { .. } | AttachCause::Protocol { .. } => Errno::PROTO,
                AttachCause::Memory(error) => error.errno,
            },
        };
        errno.raw_os_error()
    }
}

/// The steps of an attachment, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reaching the socket.
    Connecting,
    /// Sending `Hello`.
    Greeting,
    /// Receiving `Welcome` with the descriptors.
    ReceivingWelcome,
    /// Mapping and sealing the RAM, and saying so.
    TakingMemory,
    /// Receiving `Verdict`.
    ReceivingVerdict,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Greeting => "sending Hello",
            Self::ReceivingWelcome => "receiving Welcome",
            Self::TakingMemory => "taking over the memory",
            Self::ReceivingVerdict => "receiving Verdict",
        })
    }
}

/// What went wrong in a step of an attachment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachCause {
    /// A system call failed.
    #[error("{0}")]
    System(#[from] Errno),
    /// argod did not answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// argod closed the connection without a word.
    #[error("argod closed the connection")]
    Closed,
    /// argod refused, and said why.
    #[error("refused by argod: {text} (errno {errno})")]
    Refused {
        /// The (positive) errno of the refusal.
        errno: u32,
        /// Why.
        text: String,
    },
    /// argod speaks another version of the attachment protocol.
    #[error("argod speaks version {theirs} of the attachment protocol, expected {ours}")]
    Version {
        /// argod's.
        theirs: u32,
        /// This library's.
        ours: u32,
    },
    /// The answer makes no sense.
    #[error("{what} is {found}, expected {expected}")]
    Protocol {
        /// The field or property.
        what: &'static str,
        /// Its value.
        found: u64,
        /// What it should have been, at most (or exactly).
        expected: u64,
    },
    /// The RAM that came with the answer cannot be used.
    #[error(transparent)]
    Memory(#[from] MapError),
}

/// What to look at when the system refuses the connection.
fn hint(cause: &AttachCause) -> &'static str {
    match cause {
        AttachCause::System(Errno::NOENT | Errno::CONNREFUSED) => {
            "; is argod running, and is this the socket of a domain?"
        }
        AttachCause::System(Errno::ACCESS) => {
            "; the socket's owner, group and mode decide who may attach"
        }
        AttachCause::System(Errno::PROTOTYPE) => "; this is not the socket of a domain",
        _ => "",
    }
}

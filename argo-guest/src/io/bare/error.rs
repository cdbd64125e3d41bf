//! An error: its kind, and what has happened.

use alloc::boxed::Box;
use core::error::Error as Cause;
use core::fmt;

/// What reading and writing answer.
pub type Result<T> = core::result::Result<T, Error>;

/// Why bytes were not read or written.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    cause: Option<Box<dyn Cause + Send + Sync>>,
}

/// What sort of thing has happened: those of `std::io::ErrorKind` that sockets meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are those of std::io::ErrorKind, which explains them")]
pub enum ErrorKind {
    AddrInUse,
    AddrNotAvailable,
    BrokenPipe,
    ConnectionAborted,
    ConnectionRefused,
    ConnectionReset,
    HostUnreachable,
    InvalidData,
    InvalidInput,
    NotConnected,
    Other,
    OutOfMemory,
    PermissionDenied,
    QuotaExceeded,
    TimedOut,
    UnexpectedEof,
    Unsupported,
    WouldBlock,
    WriteZero,
}

impl Error {
    /// An error of that kind, with its cause.
    pub fn new(kind: ErrorKind, cause: impl Into<Box<dyn Cause + Send + Sync>>) -> Self {
        Self { kind, cause: Some(cause.into()) }
    }

    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What has happened: of a stream's error, a [`StreamError`](crate::stream::StreamError).
    pub fn get_ref(&self) -> Option<&(dyn Cause + Send + Sync + 'static)> {
        self.cause.as_deref()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, cause: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => cause.fmt(f),
            None => write!(f, "{:?}", self.kind),
        }
    }
}

impl Cause for Error {
    fn source(&self) -> Option<&(dyn Cause + 'static)> {
        self.cause.as_ref()?.source()
    }
}

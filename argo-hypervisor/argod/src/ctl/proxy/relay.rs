//! One connection of a proxy, from end to end.

use std::io;
use std::sync::OnceLock;
use std::thread;

use super::party::Party;
use crate::ctl::channel::BUFFER;

/// Why a connection was not carried to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum RelayError {
    /// The other half did not come about.
    #[error("no connection to {to}: {error}")]
    Connect {
        /// Where to.
        to: String,
        /// Why.
        error: String,
    },
    /// One half broke.
    #[error(transparent)]
    Carry(#[from] io::Error),
}

/// Carries both ways until both have ended. If one half breaks, the other is broken off.
pub(super) fn relay(left: &Party, right: &Party) -> Result<(), RelayError> {
    let first = OnceLock::new();
    let break_off = |error| {
        // An error means that this is what follows from another.
        let _ = first.set(error);
        left.break_off();
        right.break_off();
    };
    thread::scope(|scope| {
        let back = || carry(right, left).unwrap_or_else(break_off);
        match thread::Builder::new().spawn_scoped(scope, back) {
            Ok(_) => carry(left, right).unwrap_or_else(break_off),
            Err(error) => break_off(error),
        }
    });
    first.into_inner().map_or(Ok(()), |error| Err(error.into()))
}

/// Carries everything to the end, and the end.
fn carry(from: &Party, to: &Party) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer)? {
            0 => return to.finish(),
            len => to.write_all(&buffer[..len])?,
        }
    }
}

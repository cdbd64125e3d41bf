//! What argod has made for this process goes back to it.

use std::sync::Arc;

use argo_core::host::services::{Handle, Op};
use zerocopy::IntoBytes;

use super::connection::Connection;

/// Tells argod at its end that a share, a map or a port was given up.
pub(super) struct Told {
    connection: Arc<Connection>,
    op: Op,
    number: u32,
}

impl Told {
    /// Will ask for `op` with the number of what was made.
    pub(super) fn new(connection: &Arc<Connection>, op: Op, number: u32) -> Self {
        Self { connection: connection.clone(), op, number }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        // Refused or gone: then argod has taken it back already.
        let _ = self.connection.ask(self.op, Handle { number: self.number }.as_bytes());
    }
}

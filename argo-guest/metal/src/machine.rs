//! What start-up finds and sets up.

use crate::channel::Pending;
use crate::clock::Clock;
use crate::ram::LentRam;
use crate::xen::Xen;

/// A guest's machine: given to its main function, once.
pub struct Machine {
    /// The way to Xen.
    pub xen: Xen,
    /// Which ports have events.
    pub pending: Pending,
    /// The time.
    pub clock: &'static Clock,
    /// The RAM that Argo's calls may name.
    pub ram: LentRam,
    /// What the guest was told when it was started.
    pub command_line: &'static str,
}

//! The engine as argod uses it.

use argo_hypervisor::{LinearMemory, ParkingLot, System};
use argo_mem::Mapping;

use super::interrupts::Interrupts;
use crate::policy::LivePolicy;

/// Domains whose RAM is a memfd, a policy that can be replaced, parking_lot's locks.
pub struct HostSystem;

impl System for HostSystem {
    type Memory = LinearMemory<Mapping>;
    type Policy = LivePolicy;
    type Events = Interrupts;
    type Locks = ParkingLot;
}

/// The engine.
pub type Engine = argo_hypervisor::Engine<HostSystem>;

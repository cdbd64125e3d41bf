//! What stands for virtual machines in an argod that is built without the feature `kvm`: nothing. A
//! configuration with one is refused where it is read.

use std::sync::Arc;
use std::time::Duration;

use argo_core::host::wake::Event;

use super::domain::HostDomain;
use super::host::Host;
use crate::admin::MachineStat;
use crate::config::{self, Config};

/// No machines.
pub struct Machines;

/// A machine that there cannot be.
#[derive(Clone, Copy)]
pub enum Machine {}

/// Nor its bell.
pub enum Bell {}

/// Why there is none: it never comes to that.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {}

/// The same.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {}

/// There are none to check.
///
/// # Errors
/// None.
pub fn check_images(_config: &Config) -> Result<(), PrepareError> {
    Ok(())
}

impl Machines {
    /// There is nothing to prepare.
    ///
    /// # Errors
    /// None.
    pub fn prepare(_config: &Config) -> Result<Self, PrepareError> {
        Ok(Self)
    }

    /// No domain is one.
    ///
    /// # Errors
    /// None.
    pub fn make(&self, _domain: &config::Domain) -> Result<Option<Arc<Machine>>, MachineError> {
        Ok(None)
    }
}

impl Machine {
    /// Starts it.
    ///
    /// # Errors
    /// None.
    pub fn start(
        self: &Arc<Self>,
        _host: &Arc<Host>,
        _domain: &Arc<HostDomain>,
    ) -> Result<(), MachineError> {
        match **self {}
    }

    /// Starts it.
    ///
    /// # Errors
    /// None.
    pub fn start_at_first(
        self: &Arc<Self>,
        _host: &Arc<Host>,
        _domain: &Arc<HostDomain>,
    ) -> Result<(), MachineError> {
        match **self {}
    }

    /// Stops it.
    pub fn stop(&self) -> bool {
        match *self {}
    }

    /// Whether somebody runs in it.
    pub fn is_inhabited(&self) -> bool {
        match *self {}
    }

    /// Time spent on waking it.
    pub fn interrupt_time(&self) -> Duration {
        match *self {}
    }

    /// What there is to say about it.
    pub fn stat(&self) -> MachineStat {
        match *self {}
    }
}

impl Bell {
    /// Records an event.
    pub fn raise(&self, _event: Event) {
        match *self {}
    }
}

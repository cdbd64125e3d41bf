//! Event channels: the ports of this guest, and the bits by which Xen says which is pending.

use core::sync::atomic::{AtomicU64, Ordering};

use argo_core::DomainId;
use argo_core::abi::DOMID_SELF;

use crate::hypercall::Number;
use crate::xen::{Refused, Xen};

/// A port of this guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port(pub u32);

/// Ports that the bits in the shared page can speak of.
pub const PORTS: u32 = 4096;

impl Xen {
    /// Has a port of vCPU 0 pending whenever the virtual interrupt is raised.
    ///
    /// # Errors
    /// Xen refuses: the interrupt has a port already.
    pub fn bind_virq(self, virq: u32) -> Result<Port, Refused> {
        let mut argument = BindVirq { virq, vcpu: 0, port: 0 };
        // SAFETY: this is the command's structure.
        unsafe { self.command("bind_virq", Number::EventChannelOp, BIND_VIRQ, &mut argument) }?;
        Ok(Port(argument.port))
    }

    /// Signals the other end of the channel.
    ///
    /// # Errors
    /// Xen refuses: there is no such port.
    pub fn signal(self, port: Port) -> Result<(), Refused> {
        let mut argument = port.0;
        // SAFETY: this is the command's structure.
        unsafe { self.command("evtchn_send", Number::EventChannelOp, SEND, &mut argument) }?;
        Ok(())
    }

    /// A port to which a port of `remote` can be bound.
    ///
    /// # Errors
    /// Xen refuses.
    pub fn alloc_unbound(self, remote: DomainId) -> Result<Port, Refused> {
        self.alloc_for(remote.raw())
    }

    /// A port that is bound to the port of `remote`.
    ///
    /// # Errors
    /// Xen refuses: there is no such port, or it is not for us.
    pub fn bind_interdomain(self, remote: DomainId, port: Port) -> Result<Port, Refused> {
        let (remote, pad, remote_port) = (remote.raw(), 0, port.0);
        let mut argument = BindInterdomain { remote, pad, remote_port, local_port: 0 };
        let command = BIND_INTERDOMAIN;
        // SAFETY: this is the command's structure.
        unsafe {
            self.command("bind_interdomain", Number::EventChannelOp, command, &mut argument)
        }?;
        Ok(Port(argument.local_port))
    }

    /// Gives a port back.
    pub fn close(self, port: Port) {
        let mut argument = port.0;
        // SAFETY: this is the command's structure.
        let _unless_none =
            unsafe { self.command("evtchn_close", Number::EventChannelOp, CLOSE, &mut argument) };
    }

    /// This guest's own number, which nothing tells: Xen replaces "self" by it when it makes a port,
    /// and shows it in the port's status.
    ///
    /// # Errors
    /// Xen refuses a port to oneself.
    pub fn own_domain(self) -> Result<DomainId, Refused> {
        let port = self.alloc_for(DOMID_SELF)?;
        let mut status = Status { domain: DOMID_SELF, port: port.0, ..Status::default() };
        // SAFETY: this is the command's structure.
        let told =
            unsafe { self.command("evtchn_status", Number::EventChannelOp, STATUS, &mut status) };
        self.close(port);
        told?;
        let refused = Refused { call: "the guest's own number", result: status.remote.into() };
        DomainId::new(status.remote).ok_or(refused)
    }

    fn alloc_for(self, remote: u16) -> Result<Port, Refused> {
        let mut argument = AllocUnbound { domain: DOMID_SELF, remote, port: 0 };
        let command = ALLOC_UNBOUND;
        // SAFETY: this is the command's structure.
        unsafe { self.command("alloc_unbound", Number::EventChannelOp, command, &mut argument) }?;
        Ok(Port(argument.port))
    }
}

/// The bits in the page that Xen shares with this guest: one for each port.
#[derive(Clone, Copy, Debug)]
pub struct Pending(&'static [AtomicU64; WORDS]);

const WORDS: usize = (PORTS / u64::BITS) as usize;

impl Pending {
    /// The words as they lie in the shared page.
    pub fn new(words: &'static [AtomicU64; WORDS]) -> Self {
        Self(words)
    }

    /// Whether the port was pending; it is no longer. What was before the signal is visible.
    pub fn take(self, port: Port) -> bool {
        let Some((word, bit)) = self.place(port) else { return false };
        word.fetch_and(!bit, Ordering::AcqRel) & bit != 0
    }

    /// Makes the port pending, as Xen does.
    pub fn put(self, port: Port) {
        if let Some((word, bit)) = self.place(port) {
            word.fetch_or(bit, Ordering::AcqRel);
        }
    }

    fn place(self, port: Port) -> Option<(&'static AtomicU64, u64)> {
        let word = self.0.get((port.0 / u64::BITS) as usize)?;
        Some((word, 1u64.rotate_left(port.0 % u64::BITS)))
    }
}

const BIND_INTERDOMAIN: u64 = 0;
const BIND_VIRQ: u64 = 1;
const CLOSE: u64 = 3;
const SEND: u64 = 4;
const STATUS: u64 = 5;
const ALLOC_UNBOUND: u64 = 6;

/// `struct evtchn_bind_interdomain`.
#[repr(C)]
struct BindInterdomain {
    remote: u16,
    pad: u16,
    remote_port: u32,
    local_port: u32,
}

/// `struct evtchn_bind_virq`.
#[repr(C)]
struct BindVirq {
    virq: u32,
    vcpu: u32,
    port: u32,
}

/// `struct evtchn_alloc_unbound`.
#[repr(C)]
struct AllocUnbound {
    domain: u16,
    remote: u16,
    port: u32,
}

/// `struct evtchn_status`, with what it says of an unbound port; the rest of the union is smaller.
#[derive(Default)]
#[repr(C)]
struct Status {
    domain: u16,
    pad: u16,
    port: u32,
    status: u32,
    vcpu: u32,
    remote: u16,
    remote_pad: u16,
    remote_port: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_once_and_ports_outside_the_page_never_are() {
        static WORDS_OF_TEST: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
        let pending = Pending::new(&WORDS_OF_TEST);
        for port in [0, 63, 64, PORTS - 1].map(Port) {
            assert!(!pending.take(port));
            pending.put(port);
        }
        for port in [0, 63, 64, PORTS - 1].map(Port) {
            assert!(pending.take(port));
            assert!(!pending.take(port));
        }
        for port in [PORTS, u32::MAX].map(Port) {
            pending.put(port);
            assert!(!pending.take(port));
        }
    }
}

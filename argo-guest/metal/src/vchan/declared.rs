//! The channel that the device tree declares: there before anybody asks, and one.

use core::sync::atomic::{AtomicBool, Ordering};

use argo_core::DomainId;
use vchan::platform::{Cause, Fault, Port};

/// An event channel between this guest and a peer (`xen,evtchn-v1`), which nobody has to make.
pub struct Declared {
    peer: DomainId,
    port: Port,
    lent: AtomicBool,
}

impl Declared {
    /// The channel to that domain whose end is that port of this guest.
    pub fn new(peer: DomainId, port: Port) -> Self {
        Self { peer, port, lent: AtomicBool::new(false) }
    }

    /// The port of the channel to that domain, if it is this one, for one: two that wait for the same
    /// port would take each other's signals.
    ///
    /// # Errors
    /// [`Cause::Busy`]: somebody has it.
    pub(super) fn lend(&self, peer: DomainId) -> Result<Option<Port>, Fault> {
        if peer != self.peer {
            return Ok(None);
        }
        match self.lent.swap(true, Ordering::AcqRel) {
            false => Ok(Some(self.port)),
            true => Err(Fault::new(Cause::Busy, "the declared channel is in use")),
        }
    }

    /// Whoever had it uses it no more.
    pub(super) fn give_back(&self) {
        self.lent.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_lent_to_one_at_a_time_and_for_its_peer() {
        let [peer, other] = [1, 2].map(|id| DomainId::new(id).unwrap());
        let declared = Declared::new(peer, Port(10));
        assert_eq!(declared.lend(other), Ok(None));
        assert_eq!(declared.lend(peer), Ok(Some(Port(10))));
        assert_eq!(declared.lend(peer).map_err(|fault| fault.cause), Err(Cause::Busy));
        declared.give_back();
        assert_eq!(declared.lend(peer), Ok(Some(Port(10))));
    }
}

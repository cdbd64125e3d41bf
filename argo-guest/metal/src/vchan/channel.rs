//! One port of this guest.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use argo_core::DomainId;
use vchan::platform::{Cause, EventChannel, Fault, Port, Wake};

use super::Inner;
use crate::channel;
use crate::xen::{Refused, Xen};

/// A port. Dropped, it is closed, unless the device tree has declared it: then it is given back.
pub struct Channel {
    inner: Arc<Inner>,
    port: channel::Port,
    declared: bool,
    seen: AtomicU32,
}

impl Channel {
    /// The port that is declared for that peer, or a new one.
    pub(super) fn new(
        inner: Arc<Inner>,
        peer: DomainId,
        make: impl FnOnce(Xen) -> Result<channel::Port, Refused>,
    ) -> Result<Self, Fault> {
        let declared = inner.declared.as_ref().map(|declared| declared.lend(peer)).transpose()?;
        let (port, declared) = match declared.flatten() {
            Some(Port(port)) => (channel::Port(port), true),
            None => (make(inner.xen)?, false),
        };
        Ok(Self { inner, port, declared, seen: AtomicU32::new(0) })
    }
}

impl EventChannel for Channel {
    fn port(&self) -> Port {
        Port(self.port.0)
    }

    fn notify(&self) -> Result<(), Fault> {
        let signalled = self.inner.xen.signal(self.port);
        signalled.map_err(|refused| Fault::new(Cause::Ended, alloc::format!("{refused}")))
    }

    fn seen(&self) -> u32 {
        if self.inner.pending.take(self.port) {
            self.interrupt();
        }
        self.seen.load(Ordering::SeqCst)
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Wake, Fault> {
        let until = timeout.map(|timeout| self.inner.clock.now().saturating_add(timeout));
        while self.seen() == seen {
            let left = until.map(|until| until.saturating_sub(self.inner.clock.now()));
            if left == Some(Duration::ZERO) {
                return Ok(Wake::TimedOut);
            }
            let (clock, xen) = (self.inner.clock, self.inner.xen);
            match left {
                Some(left) => clock.wait(xen, self.port, left, || self.seen() != seen)?,
                None => xen.poll(self.port, None)?,
            }
        }
        Ok(Wake::Event)
    }

    fn interrupt(&self) {
        self.seen.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        match &self.inner.declared {
            Some(declared) if self.declared => declared.give_back(),
            _ => self.inner.xen.close(self.port),
        }
    }
}

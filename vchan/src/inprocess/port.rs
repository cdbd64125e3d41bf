//! Event channels as two bells.

use alloc::sync::Arc;
use core::task::{Context, Poll};
use core::time::Duration;

use xen_services::Holder;
use xen_services::channels::Ends;

use super::hub::{Hub, close_ends};
use crate::platform::{AsyncEventChannel, Bell, Cause, EventChannel, Fault, Port, Waiter, Wake};

/// One end of a channel: the bell that rings here, and the one that rings at the other end.
#[derive(Clone)]
pub(super) struct End {
    here: Arc<Bell>,
    there: Arc<Bell>,
    side: Side,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Allocator,
    Binder,
}

impl End {
    pub(super) fn pair() -> Ends<End> {
        let (one, two) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
        let end = |here: &Arc<Bell>, there: &Arc<Bell>, side| End {
            here: Arc::clone(here),
            there: Arc::clone(there),
            side,
        };
        let (allocator, binder) = (end(&one, &two, Side::Allocator), end(&two, &one, Side::Binder));
        Ends { allocator, binder }
    }

    /// Sends an event from here.
    pub(super) fn send(&self) {
        self.there.ring();
    }

    /// Who allocated can be bound to again; who bound waits for nobody when that one closes.
    pub(super) fn close(&self) {
        if self.side == Side::Allocator {
            self.there.end(Fault::new(Cause::Ended, "the other side has closed its port"));
        }
    }
}

/// A port of a domain of a [`Hub`].
pub struct Channel {
    pub(super) hub: Hub,
    pub(super) holder: Holder,
    pub(super) port: u32,
    pub(super) end: End,
}

impl EventChannel for Channel {
    fn port(&self) -> Port {
        Port(self.port)
    }

    fn notify(&self) -> Result<(), Fault> {
        self.end.send();
        Ok(())
    }

    fn seen(&self) -> u32 {
        self.end.here.seen()
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Wake, Fault> {
        self.end.here.wait(seen, timeout)
    }

    fn interrupt(&self) {
        self.end.here.ring();
    }
}

impl AsyncEventChannel for Channel {
    fn poll_event(
        &self,
        waiter: Waiter,
        seen: u32,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        self.end.here.poll(waiter, seen, context)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        let closed = self.hub.lock().channels.close(self.holder, self.port);
        // An error: the domain's connection was ended before.
        close_ends(closed.unwrap_or_default());
    }
}

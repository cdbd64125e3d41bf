//! vchan's platform: Xen's own grants and event channels.
//!
//! There is no store. Where the device tree declares an event channel between two guests
//! (`xen,evtchn-v1`), both know its ports beforehand; references are given out from
//! [`FIRST_REFERENCE`] upwards, so that a server's first page has that one.

mod channel;
#[allow(unsafe_code, reason = "hypercalls")]
mod mapped;
#[allow(unsafe_code, reason = "views of pages that Xen has mapped")]
mod pages;
mod pool;
mod shared;
mod table;

use alloc::sync::Arc;
use core::time::Duration;

use argo_core::DomainId;
use spin::Mutex;
use vchan::platform::{Access, Cause, Fault, GrantRef, Platform, Port, UnmapNotify};

use crate::channel::Pending;
use crate::clock::Clock;
use crate::machine::Grants;
use crate::ram::LentRam;
use crate::xen::{Refused, Xen};

pub use channel::Channel;
pub use pages::{Pages, ReadPages};
pub use table::{ENTRIES, FIRST_REFERENCE};

use mapped::Window;
use pool::Pool;
use shared::Share;
use table::Table;

/// Pages shared with other guests, and event channels, of this one. Clones are the same.
#[derive(Clone)]
pub struct XenVchan(Arc<Inner>);

struct Inner {
    xen: Xen,
    pending: Pending,
    clock: &'static Clock,
    /// A port that the device tree has bound already.
    bound: Option<Port>,
    table: Table,
    ram: LentRam,
    free: Mutex<Pool>,
    /// Shares that were given up while the other side had them mapped.
    lingering: Mutex<alloc::vec::Vec<Share>>,
    window: Window,
}

impl XenVchan {
    /// Uses what start-up has prepared. `bound` is the port of a channel that is there already: it is
    /// then given to whoever asks for one.
    pub fn new(
        xen: Xen,
        pending: Pending,
        clock: &'static Clock,
        grants: Grants,
        bound: Option<Port>,
    ) -> Self {
        let Grants { table, ram, window } = grants;
        let free = Mutex::new(Pool::of_bytes(ram.view().len()));
        let (table, lingering) = (Table::new(table), Mutex::default());
        let window = Window::new(window);
        Self(Arc::new(Inner { xen, pending, clock, bound, table, ram, free, lingering, window }))
    }
}

impl Platform for XenVchan {
    type Pages = Pages;
    type ReadPages = ReadPages;
    type Channel = Channel;

    fn share(
        &self,
        domain: DomainId,
        access: Access,
        references: &mut [GrantRef],
        notify: Option<UnmapNotify>,
    ) -> Result<Pages, Fault> {
        let share = self.0.share(domain, access, references)?;
        Ok(Pages::shared(self.0.clone(), share, notify))
    }

    fn map(
        &self,
        domain: DomainId,
        references: &[GrantRef],
        notify: Option<UnmapNotify>,
    ) -> Result<Pages, Fault> {
        let map = self.0.map(domain, references, Access::Write)?;
        Ok(Pages::mapped(self.0.clone(), map, notify))
    }

    fn map_to_read(&self, domain: DomainId, references: &[GrantRef]) -> Result<ReadPages, Fault> {
        let map = self.0.map(domain, references, Access::Read)?;
        Ok(ReadPages::new(self.0.clone(), map))
    }

    fn alloc_unbound(&self, domain: DomainId) -> Result<Channel, Fault> {
        Channel::new(self.0.clone(), |xen| xen.alloc_unbound(domain))
    }

    fn bind_interdomain(&self, domain: DomainId, port: Port) -> Result<Channel, Fault> {
        Channel::new(self.0.clone(), |xen| {
            xen.bind_interdomain(domain, crate::channel::Port(port.0))
        })
    }

    fn now(&self) -> Duration {
        self.0.clock.now()
    }
}

fn full(what: &'static str) -> Fault {
    Fault::new(Cause::Full, what)
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        const NO_DOMAIN: i64 = -3;
        const DENIED: [i64; 2] = [-1, -13];
        const TABLE_FULL: i64 = -28;
        let cause = match refused.result {
            NO_DOMAIN => Cause::NotThere,
            TABLE_FULL => Cause::Full,
            result if DENIED.contains(&result) => Cause::Refused,
            _ => Cause::Failed,
        };
        Fault::new(cause, alloc::format!("{refused}"))
    }
}

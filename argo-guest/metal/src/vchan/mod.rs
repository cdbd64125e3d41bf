//! vchan's platform: Xen's own grants and event channels.
//!
//! There is no store. Where the device tree declares an event channel between two guests
//! (`xen,evtchn-v1`), both know its ports beforehand; references are given out from
//! [`FIRST_REFERENCE`] upwards, so that a server's first page has that one.

mod channel;
mod declared;
#[allow(unsafe_code, reason = "hypercalls")]
mod mapped;
#[allow(unsafe_code, reason = "views of pages that Xen has mapped")]
mod pages;
mod pool;
mod shared;
mod table;

use alloc::sync::Arc;
use core::time::Duration;

use argo_core::{DomainId, Errno};
use spin::Mutex;
use vchan::platform::{Access, Cause, Fault, GrantRef, Platform, Port, UnmapNotify};

use crate::channel::Pending;
use crate::clock::Clock;
use crate::machine::Grants;
use crate::ram::LentRam;
use crate::xen::{Refused, Xen};

pub use channel::Channel;
pub use declared::Declared;
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
    declared: Option<Declared>,
    table: Table,
    ram: LentRam,
    free: Mutex<Pool>,
    /// Shares that were given up while the other side had them mapped.
    lingering: Mutex<alloc::vec::Vec<Share>>,
    window: Window,
}

impl XenVchan {
    /// Uses what start-up has prepared. A channel that is `declared` is given to who asks for one with
    /// its peer, one at a time; with others, a port is made.
    pub fn new(
        xen: Xen,
        pending: Pending,
        clock: &'static Clock,
        grants: Grants,
        declared: Option<Declared>,
    ) -> Self {
        let Grants { table, ram, window } = grants;
        let free = Mutex::new(Pool::of_bytes(ram.view().len()));
        let (table, lingering) = (Table::new(table), Mutex::default());
        let window = Window::new(window);
        Self(Arc::new(Inner { xen, pending, clock, declared, table, ram, free, lingering, window }))
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
        Channel::new(self.0.clone(), domain, |xen| xen.alloc_unbound(domain))
    }

    fn bind_interdomain(&self, domain: DomainId, port: Port) -> Result<Channel, Fault> {
        Channel::new(self.0.clone(), domain, |xen| {
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
        let number = i32::try_from(refused.result).ok().and_then(i32::checked_neg);
        let cause = match number.and_then(Errno::from_number) {
            // Of a bind that is: no such port, bound already, or not for us.
            Some(Errno::EINVAL | Errno::ESRCH | Errno::ENOENT) => Cause::NotThere,
            Some(Errno::ENOSPC | Errno::ENOMEM) => Cause::Full,
            Some(Errno::EPERM | Errno::EACCES) => Cause::Refused,
            _ => Cause::Failed,
        };
        Fault::new(cause, alloc::format!("{refused}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_a_cause_and_its_number() {
        let causes = [(-22, Cause::NotThere), (-3, Cause::NotThere), (-28, Cause::Full)];
        let more = [(-1, Cause::Refused), (-13, Cause::Refused), (-5, Cause::Failed)];
        for (result, cause) in causes.into_iter().chain(more).chain([(i64::MIN, Cause::Failed)]) {
            let fault = Fault::from(Refused { call: "bind_interdomain", result });
            let reason = std::format!("Xen refuses bind_interdomain: {result}");
            assert_eq!(fault, Fault::new(cause, reason));
        }
    }
}

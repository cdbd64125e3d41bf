//! Static mode: RAM that is there before anybody attaches.
//!
//! RAM is never used again, not even here: a process that ended may have left a mapping of its RAM to
//! another, and the seals that make RAM safe to serve keep everybody from mapping it anew. So what is
//! kept is the amount. A domain has RAM for each session that it may have, in use or in stock; when
//! a session's RAM has come back to the system, because nobody holds it, the undertaker makes as much
//! anew, out of what was just given back.

use argo_core::host::layout::{QUEUES_MAX, control_bytes};
use argo_hypervisor::PageLists;
use argo_mem::{MapError, Mapping};
use parking_lot::Mutex;
use std::os::fd::OwnedFd;

use crate::config;

/// RAM behind a control area, zero, and its memfd.
pub type Ram = (Mapping, OwnedFd);

/// What a domain's sessions are made of.
pub struct Stock {
    /// Held while one is made, too: never by who serves a guest.
    ready: Mutex<Vec<Ram>>,
    page_lists: PageLists,
}

impl Stock {
    /// All that a domain's sessions will need, where so many of its calls are served at once.
    ///
    /// # Errors
    /// The system has too little memory, or may lock too little.
    pub fn new(domain: &config::Domain, callers: usize) -> Result<Self, MapError> {
        let sessions = domain.quotas.sessions;
        let ready = (0..sessions).map(|_| make(domain)).collect::<Result<_, _>>()?;
        let page_lists = PageLists::new(&domain.quotas.engine, callers);
        Ok(Self { ready: Mutex::new(ready), page_lists })
    }

    /// RAM for one session.
    ///
    /// # Errors
    /// There is none in stock, and the system has no more.
    pub fn take(&self, domain: &config::Domain) -> Result<Ram, MapError> {
        let mut ready = self.ready.lock();
        ready.pop().map_or_else(|| make(domain), Ok)
    }

    /// Makes anew what is missing of so many.
    ///
    /// # Errors
    /// The system has too little memory.
    pub fn refill(
        &self,
        domain: &config::Domain,
        wanted: impl Fn() -> usize,
    ) -> Result<(), MapError> {
        let mut ready = self.ready.lock();
        while ready.len() < wanted() {
            ready.push(make(domain)?);
        }
        Ok(())
    }

    /// Where its rings keep their pages.
    pub fn page_lists(&self) -> PageLists {
        self.page_lists.clone()
    }
}

/// Each page gets a frame and stays in memory before anybody else has the memfd.
fn make(domain: &config::Domain) -> Result<Ram, MapError> {
    let bytes = control_bytes(QUEUES_MAX) as usize + domain.ram as usize;
    let (ram, memfd) = Mapping::create(&format!("argo-{}", domain.name), bytes)?;
    ram.populate()?;
    ram.lock()?;
    Ok((ram, memfd))
}

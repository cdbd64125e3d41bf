//! A domain of this host: what the configuration says of it, and who is attached to it.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use argo_core::DomainId;
use argo_core::host::layout::control_bytes;
use argo_hypervisor::{BadRam, LinearMemory};
use argo_mem::{MapError, Mapping};
use parking_lot::Mutex;

use super::burial::Buried;
use super::machines::Machine;
use super::meter::Meter;
use super::services::Desk;
use super::session::{Peer, Session};
use super::stock::{Ram, Stock};
use super::system::HostSystem;
use super::throttle::{Pass, Throttle};
use crate::config;

/// The engine's side of a domain.
pub type EngineDomain = Arc<argo_hypervisor::Domain<HostSystem>>;

/// A domain.
pub struct HostDomain {
    /// What the configuration says of it.
    pub config: config::Domain,
    /// The engine's side of it.
    pub engine: EngineDomain,
    /// Where processes attach.
    pub listener: OwnedFd,
    /// Keeps what its guests do from filling the log.
    pub log: Throttle,
    /// Its connections for services.
    pub services: Desk,
    /// What is there for its sessions, in static mode.
    pub stock: Option<Stock>,
    /// The virtual machine that it is, if it is one.
    pub machine: Option<Arc<Machine>>,
    attachments: Mutex<Attachments>,
    over: AtomicBool,
    meter: Arc<Meter>,
}

/// Who is attached, who is about to be, and whose memory is still held by somebody.
#[derive(Default)]
struct Attachments {
    live: Vec<Arc<Session>>,
    arriving: Vec<Peer>,
    buried: Vec<Buried>,
    /// Time spent on interrupts of sessions that ended.
    interrupts_ended: Duration,
}

/// Why a process may not attach.
#[derive(Debug, thiserror::Error)]
pub enum NoPlace {
    /// As many sessions as are allowed.
    #[error("domain {domain} allows {allowed} session(s), held by {holders}")]
    Full {
        /// The domain's name.
        domain: String,
        /// How many are allowed.
        allowed: u32,
        /// Who holds them.
        holders: String,
    },
    /// The memory of ended sessions is still in somebody's hands.
    #[error(
        "domain {domain} allows {allowed} session(s), and the RAM of {held} ended one(s) is still \
         held by a process that inherited or was passed it; end that process first"
    )]
    StillHeld {
        /// The domain's name.
        domain: String,
        /// How many are allowed.
        allowed: u32,
        /// How many ended sessions' RAM is held.
        held: usize,
    },
    /// The domain is being destroyed.
    #[error("domain {domain} is being destroyed")]
    Over {
        /// The domain's name.
        domain: String,
    },
}

/// A place among a domain's sessions, kept for a process that is attaching.
pub struct Place {
    domain: Arc<HostDomain>,
    peer: Peer,
    /// The RAM that was passed to the process, until there is a session that remembers it.
    passed: Option<Buried>,
}

impl HostDomain {
    /// A domain that nobody is attached to.
    pub fn new(
        config: config::Domain,
        engine: EngineDomain,
        listener: OwnedFd,
        stock: Option<Stock>,
        machine: Option<Arc<Machine>>,
    ) -> Self {
        Self {
            config,
            engine,
            listener,
            log: Throttle::default(),
            services: Desk::default(),
            stock,
            machine,
            attachments: Mutex::default(),
            over: AtomicBool::new(false),
            meter: Arc::default(),
        }
    }

    /// Its id.
    pub fn id(&self) -> DomainId {
        self.config.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Its share of a busy worker.
    pub fn weight(&self) -> u32 {
        self.config.weight
    }

    /// Where processes attach.
    pub fn socket_path(&self) -> &Path {
        &self.config.socket.path
    }

    /// What it has cost.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Keeps a place for a process that is attaching, if there is one.
    ///
    /// # Errors
    /// All places are taken, or memory of ended sessions is still held.
    pub fn place(self: &Arc<Self>, peer: Peer) -> Result<Place, NoPlace> {
        self.sweep();
        let mut attachments = self.attachments.lock();
        let allowed = self.config.quotas.sessions;
        let taken = attachments.live.len() + attachments.arriving.len();
        let domain = || self.name().to_owned();
        if self.over.load(Ordering::SeqCst) {
            return Err(NoPlace::Over { domain: domain() });
        }
        if taken >= allowed as usize {
            let holders = attachments.holders();
            return Err(NoPlace::Full { domain: domain(), allowed, holders });
        }
        let held = attachments.buried.len();
        if taken + held >= allowed as usize {
            return Err(NoPlace::StillHeld { domain: domain(), allowed, held });
        }
        attachments.arriving.push(peer);
        Ok(Place { domain: self.clone(), peer, passed: None })
    }

    /// The sessions that are attached.
    pub fn sessions(&self) -> Vec<Arc<Session>> {
        self.attachments.lock().live.clone()
    }

    /// Ended sessions whose memory somebody holds, as far as is known.
    pub fn sessions_held(&self) -> usize {
        self.attachments.lock().buried.len()
    }

    /// All time spent on it.
    pub fn time(&self) -> Duration {
        self.meter.time() + self.interrupt_time()
    }

    /// Time spent on interrupting its sessions, those that ended included, or its machine.
    pub fn interrupt_time(&self) -> Duration {
        let machine = self.machine.as_ref().map(|machine| machine.interrupt_time());
        let attachments = self.attachments.lock();
        let live = attachments.live.iter().map(|session| session.bell.time());
        machine.unwrap_or_default() + attachments.interrupts_ended + live.sum::<Duration>()
    }

    /// Takes an ended session off the list, runs `with_last` if it was the last one, and remembers
    /// its memory for as long as somebody holds it.
    pub fn leave(&self, session: &Arc<Session>, with_last: impl FnOnce()) {
        let mut attachments = self.attachments.lock();
        attachments.live.retain(|other| !Arc::ptr_eq(other, session));
        attachments.buried.extend(session.bury());
        attachments.interrupts_ended += session.bell.time();
        if attachments.live.is_empty() {
            with_last();
        }
    }

    /// Whether memory of ended sessions is there, held or not, or some may be missing in stock.
    pub fn wants_the_undertaker(&self) -> bool {
        self.stock.is_some() || !self.attachments.lock().buried.is_empty()
    }

    /// Whether argod itself still has memory of ended sessions, which it soon lets go.
    pub fn lets_go(&self) -> bool {
        self.attachments.lock().buried.iter().any(Buried::is_held_here)
    }

    /// Gives back the memory of ended sessions that nobody holds any more. `true`: some is held.
    pub fn sweep(&self) -> bool {
        let mut attachments = self.attachments.lock();
        let (held, free): (Vec<_>, Vec<_>) =
            std::mem::take(&mut attachments.buried).into_iter().partition(Buried::is_held);
        let any = !held.is_empty();
        attachments.buried = held;
        // Frees the pages, which takes long: nobody shall wait for that.
        drop(attachments);
        drop(free);
        any
    }

    /// Control area and RAM for a session with so many queues.
    ///
    /// # Errors
    /// The system has none.
    pub fn ram_for(&self, queues: u32) -> Result<Ram, MapError> {
        let bytes = control_bytes(queues) as usize + self.config.ram as usize;
        match &self.stock {
            Some(stock) => stock.take(&self.config),
            None => Mapping::create(&format!("argo-{}", self.name()), bytes),
        }
    }

    /// The RAM behind a control area of so many queues, as the engine sees it.
    ///
    /// # Errors
    /// It is shorter than the domain's RAM.
    pub fn memory(&self, ram: &Arc<Mapping>, queues: u32) -> Result<LinearMemory<Mapping>, BadRam> {
        let pages = self.config.read_only_pages.iter().copied().map(u64::from);
        let read_only: Vec<u64> = pages.collect();
        let base = control_bytes(queues) as usize;
        let memory = LinearMemory::new(ram.clone(), base, self.config.pages())?;
        let memory = memory.with_read_only(&read_only);
        Ok(match &self.stock {
            Some(stock) => memory.with_page_lists(stock.page_lists()),
            None => memory,
        })
    }

    /// In static mode, has RAM in stock for each session that there may be and is not. `false`: it
    /// cannot be had now.
    pub fn restock(&self) -> bool {
        let Some(stock) = &self.stock else { return true };
        let allowed = self.config.quotas.sessions as usize;
        let missing = || allowed.saturating_sub(self.attachments.lock().taken());
        let refilled = stock.refill(&self.config, missing);
        if let (Err(error), Some(Pass { suppressed })) = (&refilled, self.log.pass()) {
            tracing::warn!(domain = self.name(), %error, suppressed, "RAM is not in stock again");
        }
        refilled.is_ok()
    }

    /// Whether somebody runs in it.
    pub fn is_inhabited(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.is_inhabited())
            || !self.attachments.lock().live.is_empty()
    }

    /// Ends its machine, if it is one that runs; how many that were.
    pub fn stop_machine(&self) -> usize {
        usize::from(self.machine.as_ref().is_some_and(|machine| machine.stop()))
    }

    /// Lets nobody attach any more, and says who is attached.
    pub fn close(&self) -> Vec<Arc<Session>> {
        self.over.store(true, Ordering::SeqCst);
        self.sessions()
    }
}

impl Attachments {
    /// Sessions' RAM that is not in stock.
    fn taken(&self) -> usize {
        self.live.len() + self.arriving.len() + self.buried.len()
    }

    fn holders(&self) -> String {
        let live = self.live.iter().map(|session| session.peer.to_string());
        let arriving = self.arriving.iter().map(|peer| format!("{peer}, attaching"));
        live.chain(arriving).collect::<Vec<_>>().join("; ")
    }
}

impl Place {
    /// The domain.
    pub fn domain(&self) -> &Arc<HostDomain> {
        &self.domain
    }

    /// The process is about to be passed this RAM: whatever becomes of the attachment, it counts
    /// for as long as somebody holds it.
    pub fn passes(&mut self, ram: Buried) {
        self.passed = Some(ram);
    }

    /// From here on the session remembers the RAM that was passed.
    pub fn session_begins(&mut self) -> Option<Buried> {
        self.passed.take()
    }

    /// Makes the session the domain's. `begin` runs before, while nobody else comes or goes.
    ///
    /// # Errors
    /// The domain was destroyed meanwhile.
    pub fn take(self, session: Arc<Session>, begin: impl FnOnce()) -> Result<(), NoPlace> {
        let mut attachments = self.domain.attachments.lock();
        if self.domain.over.load(Ordering::SeqCst) {
            drop(attachments);
            return Err(NoPlace::Over { domain: self.domain.name().to_owned() });
        }
        begin();
        attachments.live.push(session);
        drop(attachments);
        Ok(())
    }
}

/// The place becomes free for others, or the session's own.
impl Drop for Place {
    fn drop(&mut self) {
        let mut attachments = self.domain.attachments.lock();
        let mut arriving = attachments.arriving.iter();
        if let Some(at) = arriving.position(|peer| peer.pid == self.peer.pid) {
            attachments.arriving.swap_remove(at);
        }
        attachments.buried.extend(self.passed.take());
    }
}

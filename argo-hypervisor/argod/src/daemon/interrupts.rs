//! From a domain to the sessions, or the machine, that its events go to.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use argo_core::DomainId;
use argo_core::host::wake::Event;
use parking_lot::Mutex;

use super::bell::Bell;
use super::machines;
use crate::policy::Pacer;

/// Who is woken because there is room in a ring has it kept for this long at least, and twice as long
/// at most: hundreds of times what waking a process takes, and little for who waits behind one that
/// never comes.
const KEPT: Duration = Duration::from_millis(5);

thread_local! {
    /// What the visit that this thread makes has not raised yet.
    static HELD: Cell<Held> = const { Cell::new(Held::Off) };
}

/// The `VIRQ_ARGO` that a visit owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// There is no visit: each is raised at once.
    Off,
    /// To nobody.
    Nothing,
    /// To this domain.
    Virq(DomainId),
}

/// While it lives, this thread raises one `VIRQ_ARGO` for several in a row to the same domain: a
/// receiver that is told of each message fights for the cache lines of its control area with the
/// worker, and falls asleep between two messages.
pub struct Hold<'i> {
    interrupts: &'i Interrupts,
}

impl Hold<'_> {
    /// Raises what was held back.
    pub fn release(&self) {
        self.interrupts.hold_instead(Held::Nothing);
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.interrupts.hold_instead(Held::Off);
    }
}

/// Who hears a domain's events.
#[derive(Clone)]
pub enum Ear {
    /// A session.
    Session(Arc<Bell>),
    /// The virtual machine that it is.
    #[cfg_attr(not(feature = "kvm"), expect(dead_code, reason = "there are no machines"))]
    Machine(Arc<machines::Bell>),
}

impl Ear {
    fn hear(&self, event: Event) {
        match self {
            Self::Session(bell) => bell.raise(event),
            Self::Machine(bell) => bell.raise(event),
        }
    }
}

impl PartialEq for Ear {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Session(one), Self::Session(other)) => Arc::ptr_eq(one, other),
            (Self::Machine(one), Self::Machine(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

/// Who hears the events of each domain: reading takes no lock.
pub struct Interrupts {
    /// One entry a possible domain id, so that a look-up is one index.
    ears: Box<[ArcSwapOption<Vec<Ear>>]>,
    changing: Mutex<()>,
    /// In whose rings room is to be lent, and when.
    lender: Pacer,
}

impl Default for Interrupts {
    fn default() -> Self {
        let ears = (0..DomainId::LIMIT).map(|_| ArcSwapOption::empty()).collect();
        Self { ears, changing: Mutex::new(()), lender: Pacer::default() }
    }
}

impl Interrupts {
    /// From here on the domain's events go there too.
    pub fn add(&self, domain: DomainId, ear: Ear) {
        self.change(domain, |ears| ears.push(ear));
    }

    /// From here on the domain's events do not go there any more.
    pub fn remove(&self, domain: DomainId, ear: &Ear) {
        self.change(domain, |ears| ears.retain(|other| other != ear));
    }

    fn change(&self, domain: DomainId, edit: impl FnOnce(&mut Vec<Ear>)) {
        let Some(entry) = self.ears.get(usize::from(domain.raw())) else { return };
        let _changing = self.changing.lock();
        let mut ears = entry.load().as_deref().cloned().unwrap_or_default();
        edit(&mut ears);
        entry.store((!ears.is_empty()).then(|| Arc::new(ears)));
    }

    /// Tells when to [lend](argo_hypervisor::Engine::lend_room) the room in a domain's rings.
    pub fn lender(&self) -> &Pacer {
        &self.lender
    }

    /// From here on this thread holds `VIRQ_ARGO` back. Whoever has the hold releases it soon.
    pub fn hold(&self) -> Hold<'_> {
        self.hold_instead(Held::Nothing);
        Hold { interrupts: self }
    }

    /// Raises what this thread holds back, which is `instead` from here on.
    fn hold_instead(&self, instead: Held) {
        if let Held::Virq(domain) = HELD.replace(instead) {
            self.raise(domain, Event::Virq);
        }
    }

    fn raise(&self, domain: DomainId, event: Event) {
        let Some(entry) = self.ears.get(usize::from(domain.raw())) else { return };
        if let Some(ears) = &*entry.load() {
            ears.iter().for_each(|ear| ear.hear(event));
        }
    }
}

impl argo_hypervisor::Events for Interrupts {
    fn virq(&self, domain: DomainId) {
        match HELD.get() {
            Held::Off => self.raise(domain, Event::Virq),
            Held::Virq(held) if held == domain => {}
            Held::Virq(_) | Held::Nothing => self.hold_instead(Held::Virq(domain)),
        }
    }

    fn wait_lost(&self, domain: DomainId) {
        self.raise(domain, Event::WaitLost);
    }

    fn space_wanted(&self, owner: DomainId) {
        self.raise(owner, Event::SpaceWanted);
    }

    fn room_kept(&self, owner: DomainId) {
        self.lender.wake_at(owner, Instant::now() + KEPT);
    }

    fn peer_gone(&self, domain: DomainId) {
        self.raise(domain, Event::PeerGone);
    }

    fn rings_cut(&self, owner: DomainId) {
        self.raise(owner, Event::RingsCut);
    }
}

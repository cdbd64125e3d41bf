//! What the engine should be: its state, and how domains come and go. Slow and plain, written from
//! the specification; nothing of the engine's is in it but names and numbers.

use std::collections::{BTreeMap, BTreeSet};

use argo_core::policy::{Hook, Query, Rings};
use argo_core::{DomainId, Errno, Partner, RingName};
use argo_hypervisor::{Argo, Config, CounterStat, Cut, Quotas, RingStat, Start, Waking};

use super::memory::Ram;
use super::queue::Queue;
use super::support::Event;
use super::table::{Table, Way};

/// A session of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who {
    pub domain: DomainId,
    pub session: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Denied,
    Dormant,
    Active,
}

pub struct Domain {
    pub life: Life,
    pub quotas: Quotas,
    pub rings: BTreeMap<RingName, Ring>,
    pub counters: CounterStat,
}

pub struct Ring {
    /// In whose memory it lies, and on which pages of it.
    pub session: usize,
    pub pages: Vec<u64>,
    pub len: u32,
    pub tx: u32,
    pub queue: Queue,
    pub messages: u64,
    pub bytes: u64,
    /// Whether its partner could send to it when that was looked at last.
    pub reached: bool,
}

pub struct Model {
    pub config: Config,
    pub waking: Waking,
    pub policy: Table,
    pub domains: BTreeMap<DomainId, Domain>,
    pub ram: BTreeMap<Who, Ram>,
    /// What was raised since it was looked at last.
    pub events: Vec<Event>,
    /// The flags that were answered, for who wants to know what was tried.
    pub flags: BTreeSet<u16>,
}

impl Model {
    pub fn new(config: Config, waking: Waking) -> Self {
        let (policy, domains, ram, events, flags) = Default::default();
        Self { config, waking, policy, domains, ram, events, flags }
    }

    fn enabled(&self, domain: DomainId) -> bool {
        self.config.argo == Argo::On && self.policy.allows(Query::Enable { domain })
    }

    /// Whether it was created.
    pub fn create(&mut self, id: DomainId, quotas: Quotas, start: Start) -> bool {
        if quotas.check().is_err() || self.domains.contains_key(&id) {
            return false;
        }
        let life = match start {
            _ if !self.enabled(id) => Life::Denied,
            Start::Active => Life::Active,
            Start::Dormant => Life::Dormant,
        };
        let counters = CounterStat {
            messages: 0,
            bytes: 0,
            refusals: [0; Errno::ALL.len()],
            denials: [0; Hook::ALL.len()],
            port_denials: 0,
            throttled: 0,
        };
        let rings = BTreeMap::new();
        self.domains.insert(id, Domain { life, quotas, rings, counters });
        true
    }

    pub fn activate(&mut self, id: DomainId) {
        let enabled = self.enabled(id);
        if let Some(domain) = self.domains.get_mut(&id)
            && enabled
        {
            domain.life = Life::Active;
        }
    }

    /// Its rings and waits go; what others have for it stays.
    pub fn deactivate(&mut self, id: DomainId) {
        let active = self.domains.get_mut(&id).filter(|domain| domain.life == Life::Active);
        let Some(domain) = active else { return };
        domain.life = Life::Dormant;
        self.end_waits(id);
        self.take_rings(|owner, _, _| owner == id, Some(id));
    }

    pub fn soft_reset(&mut self, id: DomainId) -> bool {
        if !self.domains.contains_key(&id) {
            return false;
        }
        self.end_waits(id);
        let mut owners = self.take_state(id);
        owners.insert(id);
        self.events.extend(owners.into_iter().map(|owner| Event::RingsCut(owner.raw())));
        true
    }

    pub fn destroy(&mut self, id: DomainId) -> bool {
        if !self.domains.contains_key(&id) {
            return false;
        }
        self.end_waits(id);
        self.take_state(id);
        self.domains.remove(&id);
        true
    }

    /// The rings that lie in a session's memory go.
    pub fn withdraw(&mut self, who: Who) {
        let its =
            |owner, _: &RingName, ring: &Ring| Who { domain: owner, session: ring.session } == who;
        self.take_rings(its, None);
    }

    /// What the policy now forbids goes.
    pub fn enforce(&mut self) -> Cut {
        let mut cut = Cut::default();
        let owners: Vec<DomainId> = self.domains.keys().copied().collect();
        for owner in owners {
            let names: Vec<RingName> = self.domains[&owner].rings.keys().copied().collect();
            let stays = |name: &RingName| self.stays(owner, *name);
            let (kept, doomed): (Vec<_>, Vec<_>) = names.into_iter().partition(stays);
            for name in kept {
                cut.waits += self.dismiss(owner, name);
            }
            let taken = self.take_rings(|of, name, _| of == owner && doomed.contains(name), None);
            cut.rings += doomed.len();
            self.events.extend(taken.iter().map(|owner| Event::RingsCut(owner.raw())));
        }
        cut
    }

    /// Whether a ring may stay under the policy.
    fn stays(&self, owner: DomainId, name: RingName) -> bool {
        let query = match name.partner {
            Partner::Any => Query::RegisterAnySource { domain: owner },
            Partner::Domain(partner) => Query::RegisterSingleSource { domain: owner, partner },
        };
        let may_be = self.policy.allows(Query::Enable { domain: owner });
        let lost = self.domains[&owner].rings[&name].reached && !self.reached(owner, name);
        may_be && self.policy.allows(query) && !lost
    }

    /// Ends the waits that the policy forbids in a ring that stays; gives how many.
    fn dismiss(&mut self, owner: DomainId, name: RingName) -> usize {
        let reached = self.reached(owner, name);
        let rings = if name.partner == Partner::Any { Rings::Any } else { Rings::ForSender };
        let Some(ring) = self.domains.get_mut(&owner).and_then(|it| it.rings.get_mut(&name)) else {
            return 0;
        };
        ring.reached = reached;
        let barred = |from: DomainId| {
            !self.policy.reaches(Way { from, to: owner, port: name.port.0 }, rings)
        };
        let mut ended = ring.queue.waiting();
        ended.retain(|from| barred(*from));
        ended.iter().for_each(|from| ring.queue.leave(*from));
        self.events.extend(ended.iter().map(|from| Event::WaitLost(from.raw())));
        ended.len()
    }

    /// Whether the partner of a ring may send to it; true if it is for everybody.
    pub fn reached(&self, owner: DomainId, name: RingName) -> bool {
        let Partner::Domain(from) = name.partner else { return true };
        self.policy.reaches(Way { from, to: owner, port: name.port.0 }, Rings::ForSender)
    }

    fn end_waits(&mut self, id: DomainId) {
        let rings = self.domains.values_mut().flat_map(|domain| domain.rings.values_mut());
        for ring in rings {
            ring.queue.leave(id);
        }
    }

    /// Takes a domain's rings and those for it; gives who else lost some.
    fn take_state(&mut self, id: DomainId) -> BTreeSet<DomainId> {
        let named = Partner::Domain(id);
        let its = |owner, name: &RingName, _: &Ring| owner == id || name.partner == named;
        let mut owners = self.take_rings(its, Some(id));
        owners.remove(&id);
        owners
    }

    /// Takes rings, and tells partners (once) and who waits, but not who has `gone`. Gives their
    /// owners.
    pub fn take_rings(
        &mut self,
        which: impl Fn(DomainId, &RingName, &Ring) -> bool,
        gone: Option<DomainId>,
    ) -> BTreeSet<DomainId> {
        let (mut owners, mut partners) = (BTreeSet::new(), BTreeSet::new());
        for (owner, domain) in &mut self.domains {
            for (name, ring) in domain.rings.extract_if(.., |name, ring| which(*owner, name, ring))
            {
                owners.insert(*owner);
                partners.insert(name.partner);
                let waits = ring.queue.waiting().into_iter().filter(|id| Some(*id) != gone);
                self.events.extend(waits.map(|id| Event::WaitLost(id.raw())));
            }
        }
        self.events.extend(partners.into_iter().filter_map(|partner| match partner {
            Partner::Domain(id) if Some(id) != gone => Some(Event::PeerGone(id.raw())),
            _ => None,
        }));
        owners
    }

    /// The rings of a domain as they should be seen, by name.
    pub fn stat(&self, id: DomainId) -> Vec<RingStat> {
        let rings = self.domains[&id].rings.iter();
        let each = rings.map(|(name, ring)| RingStat {
            name: *name,
            len: argo_core::claim::RingLen::check(ring.len).unwrap(),
            filled: ring.len - self.free(id, ring),
            waiting: ring.queue.waiting().len() as u32,
            messages: ring.messages,
            bytes: ring.bytes,
        });
        each.collect()
    }
}

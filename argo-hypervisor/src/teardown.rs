//! Domains go, and what names them goes with them.

use core::array;

use argo_core::{DomainId, Partner};

use crate::domain::{Domain, Life, Onlooker, Shut};
use crate::engine::{Engine, NoSuchDomain};
use crate::lists::List;
use crate::ring::Ring;
use crate::system::{Events, RingOf, System};

/// How many rings are withdrawn at a time.
const PIECE: usize = 16;

/// What was taken away with a domain.
struct Taken<S: System> {
    /// To be dropped when no lock is held.
    rings: List<Option<Ring<S>>>,
    /// Others, whose rings for the domain are among them.
    owners: List<DomainId>,
}

/// What becomes of the rings that others registered for a domain which goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PartnerRings {
    /// They stay: the domain is expected back.
    Stay,
    /// They go too.
    Go,
}

impl<S: System> Engine<S> {
    /// Takes the Argo state of a domain away until it is [activated](Self::activate) again:
    /// nobody runs in it any more. Its rings and its waits go; rings that others registered for it
    /// stay, so that it finds them when it comes back. Only an active domain changes. Allocates
    /// nothing.
    pub fn deactivate(&self, domain: &Domain<S>) {
        let mut taken = {
            let mut gate = domain.shut();
            if gate.life() != Life::Active {
                return;
            }
            gate.turn(Life::Dormant);
            self.take_state(&mut gate, domain, PartnerRings::Stay)
        };
        self.drop_rings(&mut taken.rings, Some(domain.id()));
    }

    /// All Argo state of a domain goes: its rings, the rings that others registered for it, its
    /// waits. The domain stays as it is, active or not. It and the owners of those rings are told
    /// ([`Events::rings_cut`]).
    ///
    /// # Errors
    /// There is no such domain.
    pub fn soft_reset(&self, id: DomainId) -> Result<(), NoSuchDomain> {
        let domain = self.domain(id).ok_or(NoSuchDomain(id))?;
        let mut taken = {
            let mut gate = domain.shut();
            if gate.life() == Life::Destroyed {
                return Err(NoSuchDomain(id));
            }
            gate.show(false);
            let taken = self.take_state(&mut gate, &domain, PartnerRings::Go);
            let life = gate.life();
            gate.turn(life);
            taken
        };
        self.drop_rings(&mut taken.rings, Some(id));
        let told = taken.owners.iter().copied().chain([id]);
        told.for_each(|owner| self.events().rings_cut(owner));
        Ok(())
    }

    /// A domain goes, with all of its Argo state. Its id is free when this returns.
    ///
    /// # Errors
    /// There is no such domain.
    pub fn destroy_domain(&self, id: DomainId) -> Result<(), NoSuchDomain> {
        let domain = self.domain(id).ok_or(NoSuchDomain(id))?;
        let mut taken = {
            let mut gate = domain.shut();
            if gate.life() == Life::Destroyed {
                return Err(NoSuchDomain(id));
            }
            gate.turn(Life::Destroyed);
            let taken = self.take_state(&mut gate, &domain, PartnerRings::Go);
            // Last: a new domain with this id cannot be taken for this one by the walk.
            self.registry.remove(&domain);
            taken
        };
        self.drop_rings(&mut taken.rings, Some(id));
        Ok(())
    }

    /// Takes away the rings of a domain whose memory `which` picks, such as that of a session
    /// which has ended. Allocates nothing.
    pub fn withdraw_rings(&self, domain: &Domain<S>, which: impl Fn(&RingOf<S>) -> bool) {
        let mut more = true;
        while more {
            let mut piece: [_; PIECE] = {
                let mut outside = Onlooker;
                let mut table = domain.rings_mut(&mut outside);
                let mut picked = table.remove_if(|ring| which(&ring.state_mut().memory));
                array::from_fn(|_| picked.next())
            };
            more = piece.iter().all(Option::is_some);
            self.drop_rings(&mut piece, None);
        }
    }

    /// Takes out all that belongs to a domain whose gate is shut and which others see as inactive,
    /// one table at a time.
    fn take_state(
        &self,
        gate: &mut Shut<'_, S>,
        domain: &Domain<S>,
        partner_rings: PartnerRings,
    ) -> Taken<S> {
        let (mut rings, mut owners) = {
            let mut table = domain.rings_mut(gate);
            (table.take_all(), table.owners())
        };
        let named = Partner::Domain(domain.id());
        for other in self.each_domain() {
            let mut table = other.rings_mut(gate);
            for ring in table.iter_mut() {
                ring.state_mut().waiters.cancel(domain.id());
            }
            if partner_rings == PartnerRings::Go {
                let before = rings.len();
                rings.extend(table.remove_if(|ring| ring.name().partner == named).map(Some));
                owners.extend((rings.len() > before).then_some(other.id()));
            }
        }
        Taken { rings, owners }
    }

    /// Lets rings go, and tells who waited for them and whom they were for (but not `gone`, which
    /// knows). No lock may be held: the memory of a ring may be the host's to unmap.
    pub(crate) fn drop_rings(&self, rings: &mut [Option<Ring<S>>], gone: Option<DomainId>) {
        self.tell_partners(rings, gone);
        for mut ring in rings.iter_mut().filter_map(Option::take) {
            let waiters = &ring.state_mut().waiters;
            for domain in waiters.domains().filter(|domain| Some(*domain) != gone) {
                self.events().wait_lost(domain);
            }
        }
    }

    /// Tells each exact partner of rings that are gone, once.
    fn tell_partners(&self, rings: &mut [Option<Ring<S>>], gone: Option<DomainId>) {
        let partner = |ring: &Option<Ring<S>>| ring.as_ref().map(|ring| ring.name().partner);
        rings.sort_unstable_by_key(partner);
        let mut told = None;
        for named in rings.iter().flatten().map(|ring| ring.name().partner) {
            match named {
                Partner::Domain(domain) if told != Some(named) && Some(domain) != gone => {
                    self.events().peer_gone(domain);
                }
                _ => {}
            }
            told = Some(named);
        }
    }
}

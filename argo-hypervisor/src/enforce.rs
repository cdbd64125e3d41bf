//! A new policy takes hold of what is there already.

use alloc::vec::Vec;

use argo_core::policy::{Action, PortQuery, Query, Rings};
use argo_core::{DomainId, Partner, Port, RingName};

use crate::domain::{Domain, Onlooker};
use crate::engine::Engine;
use crate::policy::{Judge, Policy};
use crate::system::{Events, System};

/// What [`Engine::enforce`] cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Rings that were taken away.
    pub rings: usize,
    /// Waits for room that ended, in rings that stayed.
    pub waits: usize,
}

/// What becomes of the rings of one domain.
#[derive(Default)]
struct Verdict {
    doomed: Vec<RingName>,
    /// Rings that stay, and whether their partner may send to them now.
    kept: Vec<(RingName, bool)>,
    /// Waits that end, in rings that stay.
    dismissed: Vec<(RingName, DomainId)>,
}

impl<S: System> Engine<S> {
    /// Cuts what the policy now in force forbids: rings that their owner might not register now,
    /// rings for one domain that may not send to them any more, and waits of domains that may not
    /// send. Everything else stays as it is.
    ///
    /// Owners of rings are told ([`Events::rings_cut`]), and so are partners
    /// ([`Events::peer_gone`]) and who waited ([`Events::wait_lost`]). Calls that were judged by an
    /// earlier policy must be over when this is called; those that come meanwhile are judged by
    /// this one.
    pub fn enforce(&self) -> Cut {
        let judge = self.policy().judge();
        let each = self.each_domain().map(|owner| {
            let verdict = judge_rings(&judge, &owner);
            self.carry_out(verdict, &owner)
        });
        each.fold(Cut::default(), Cut::and)
    }

    fn carry_out(&self, verdict: Verdict, owner: &Domain<S>) -> Cut {
        let Verdict { mut doomed, kept, dismissed } = verdict;
        doomed.sort_unstable();
        let mut lost = Vec::new();
        let mut rings: Vec<_> = {
            let mut outside = Onlooker;
            let mut table = owner.rings_mut(&mut outside);
            for (name, reached) in kept {
                if let Some(ring) = table.find_mut(name) {
                    ring.state_mut().reached = reached;
                }
            }
            for (name, domain) in dismissed {
                if let Some(ring) = table.find_mut(name) {
                    ring.state_mut().waiters.dismiss(domain, &mut lost);
                }
            }
            let picked = table.remove_if(|ring| doomed.binary_search(&ring.name()).is_ok());
            picked.map(Some).collect()
        };
        let cut = Cut { rings: rings.len(), waits: lost.len() };
        self.drop_rings(&mut rings, None);
        lost.into_iter().for_each(|domain| self.events().wait_lost(domain));
        if cut.rings > 0 {
            self.events().rings_cut(owner.id());
        }
        cut
    }
}

impl Cut {
    fn and(self, other: Self) -> Self {
        Self {
            rings: self.rings.saturating_add(other.rings),
            waits: self.waits.saturating_add(other.waits),
        }
    }
}

/// Decides with no table locked: it may take long, and senders to the owner would wait. What is
/// registered meanwhile is judged by the same policy.
fn judge_rings<S: System>(judge: &impl Judge, owner: &Domain<S>) -> Verdict {
    let mut verdict = Verdict::default();
    for (name, was_reached, waiting) in rings_of(owner) {
        let reached = may_be_reached(judge, owner.id(), name);
        if !may_be_registered(judge, owner.id(), name) || (was_reached && !reached) {
            verdict.doomed.push(name);
            continue;
        }
        verdict.kept.push((name, reached));
        let rings = if name.partner == Partner::Any { Rings::Any } else { Rings::ForSender };
        let barred = |from: &DomainId| !may_reach(judge, *from, owner.id(), name.port, rings);
        verdict.dismissed.extend(waiting.into_iter().filter(barred).map(|from| (name, from)));
    }
    verdict
}

/// Each ring with whether its partner could send to it so far, and who waits for room in it.
fn rings_of<S: System>(owner: &Domain<S>) -> Vec<(RingName, bool, Vec<DomainId>)> {
    let mut outside = Onlooker;
    let table = owner.rings(&mut outside);
    let each = table.iter_from(0).map(|(_, ring)| {
        let state = ring.lock();
        (ring.name(), state.reached, state.waiters.domains().collect())
    });
    each.collect()
}

/// Whether a ring could be registered now.
fn may_be_registered(judge: &impl Judge, domain: DomainId, ring: RingName) -> bool {
    let allowed = |query| judge.hook(query).action == Action::Allow;
    let hook = match ring.partner {
        Partner::Any => Query::RegisterAnySource { domain },
        Partner::Domain(partner) => Query::RegisterSingleSource { domain, partner },
    };
    allowed(Query::Enable { domain }) && allowed(hook)
}

/// Whether the partner of a ring may send to it. Of a ring for everybody nobody knows who will.
pub(crate) fn may_be_reached(judge: &impl Judge, owner: DomainId, ring: RingName) -> bool {
    match ring.partner {
        Partner::Any => true,
        Partner::Domain(partner) => may_reach(judge, partner, owner, ring.port, Rings::ForSender),
    }
}

/// Whether a domain may send to a port, from whatever port.
fn may_reach(
    judge: &impl Judge,
    from: DomainId,
    to: DomainId,
    to_port: Port,
    rings: Rings,
) -> bool {
    let query = PortQuery { from, from_port: None, to, to_port, rings };
    judge.hook(Query::Send { from, to }).action == Action::Allow
        && judge.ports_from_any(query).action == Action::Allow
}

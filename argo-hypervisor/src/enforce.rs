//! A new policy takes hold of what is there already.

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

impl<S: System> Engine<S> {
    /// Cuts what the policy now in force forbids: rings that their owner might not register now,
    /// rings for one domain that may not send to them, and waits of domains that may not send.
    /// Everything else stays as it is.
    ///
    /// Owners of rings are told ([`Events::rings_cut`]), and so are partners
    /// ([`Events::peer_gone`]) and who waited ([`Events::wait_lost`]). Calls that were judged by an
    /// earlier policy must be over when this is called; those that come meanwhile are judged by
    /// this one.
    pub fn enforce(&self) -> Cut {
        let judge = self.policy().judge();
        self.each_domain()
            .map(|owner| self.enforce_on(&judge, &owner))
            .fold(Cut::default(), Cut::and)
    }

    fn enforce_on(&self, judge: &impl Judge, owner: &Domain<S>) -> Cut {
        let to = owner.id();
        let mut outside = Onlooker;
        let mut table = owner.rings_mut(&mut outside);
        let rings = table.remove_if(|ring| !may_stand(judge, to, ring.name()));
        let mut lost = alloc::vec::Vec::new();
        for ring in table.iter_mut() {
            let port = ring.name().port;
            let waiters = &mut ring.state_mut().waiters;
            waiters.dismiss(|from| !may_reach(judge, from, to, port, Rings::Any), &mut lost);
        }
        drop(table);
        let cut = Cut { rings: rings.len(), waits: lost.len() };
        self.drop_rings(rings, None);
        lost.into_iter().for_each(|domain| self.events().wait_lost(domain));
        if cut.rings > 0 {
            self.events().rings_cut(to);
        }
        cut
    }
}

impl Cut {
    fn and(self, other: Self) -> Self {
        Self { rings: self.rings + other.rings, waits: self.waits + other.waits }
    }
}

/// Whether a ring could be registered now, and be of use.
fn may_stand(judge: &impl Judge, domain: DomainId, ring: RingName) -> bool {
    let allowed = |query| judge.hook(query).action == Action::Allow;
    allowed(Query::Enable { domain })
        && match ring.partner {
            Partner::Any => allowed(Query::RegisterAnySource { domain }),
            Partner::Domain(partner) => {
                allowed(Query::RegisterSingleSource { domain, partner })
                    && may_reach(judge, partner, domain, ring.port, Rings::ForSender)
            }
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
    let query = |from_port| PortQuery { from, from_port, to, to_port, rings };
    judge.hook(Query::Send { from, to }).action == Action::Allow
        && judge.ports_from_any(query(None)).action == Action::Allow
}

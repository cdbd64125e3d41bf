//! Who may do what, as the engine asks it.

use argo_core::policy::{Action, Decision, PortQuery, Query};
use argo_core::{DomainId, Errno, Port};

use crate::counters::Denial;
use crate::domain::{Caller, Domain, Onlooker};
use crate::engine::Engine;
use crate::system::System;

pub use argo_core::policy::Rings;

/// Who may do what, which may change at any time.
///
/// Whatever is a [`Judge`] itself, and never changes, is a policy.
pub trait Policy: Send + Sync {
    /// What decides one call.
    type Judge<'p>: Judge
    where
        Self: 'p;

    /// The policy now. Asked once a call, so that no call is judged by a mix of two.
    fn judge(&self) -> Self::Judge<'_>;
}

/// A policy that stays what it is. Asked on every send: the answers should cost little.
///
/// What is asked about one call ([`throttles`](Self::throttles)) or told about it
/// ([`delivered`](Self::delivered), [`allowed`](Self::allowed), [`refused`](Self::refused)) is so
/// with no lock of the engine held. The other questions may come with locks of the engine held:
/// who answers takes none and does not call the engine.
pub trait Judge {
    /// Answers a hook.
    fn hook(&self, query: Query) -> Decision;

    /// Whether a message may go from a port to a port. Asked after the hook `send`.
    fn ports(&self, query: PortQuery) -> Decision;

    /// The answer to the luckiest choice of source port, of all there are: yes if there is a yes.
    fn ports_from_any(&self, query: PortQuery) -> Decision;

    /// The same for these source ports, and for none.
    fn ports_from(
        &self,
        query: PortQuery,
        mut sources: impl Iterator<Item = Port> + Clone,
    ) -> Decision {
        let otherwise = self.ports(query);
        let from = |port| self.ports(PortQuery { from_port: Some(port), ..query });
        match otherwise.action {
            Action::Allow => otherwise,
            Action::Deny => {
                let allowed = |port| Some(from(port)).filter(|one| one.action == Action::Allow);
                sources.find_map(allowed).unwrap_or(otherwise)
            }
        }
    }

    /// Whether any rule looks at this source port: if not, nobody need find out who owns it.
    fn minds_source(&self, _port: Port) -> bool {
        true
    }

    /// Whether the sender has sent so much of late that this message has to wait. If so, the
    /// sender is interrupted (`VIRQ_ARGO`) when it is worth trying again.
    fn throttles(&self, _passage: &Passage) -> bool {
        false
    }

    /// A message with so many bytes of payload was delivered.
    fn delivered(&self, _passage: &Passage, _bytes: u32) {}

    /// A hook allowed something to a call; `rule` is the deciding one.
    fn allowed(&self, _query: Query, _rule: Option<usize>) {}

    /// Something was refused; `rule` is the deciding one.
    fn refused(&self, _what: Refused, _rule: Option<usize>) {}
}

/// Everybody may do everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Judge for AllowAll {
    fn hook(&self, _: Query) -> Decision {
        Decision { action: Action::Allow, rule: None }
    }

    fn ports(&self, _: PortQuery) -> Decision {
        Decision { action: Action::Allow, rule: None }
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        self.ports(query)
    }

    fn minds_source(&self, _: Port) -> bool {
        false
    }
}

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// By a hook.
    Hook(Query),
    /// By its ports.
    Ports {
        /// The message.
        query: PortQuery,
        /// The port that it says it comes from; `None`: a question, which says nothing of that.
        claimed: Option<Port>,
    },
}

/// A message is allowed: which one, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Between which ports, and into which rings.
    pub query: PortQuery,
    /// The port that it says it comes from; `None`: a question, which says nothing of that.
    pub claimed: Option<Port>,
    /// The rule that allowed it.
    pub rule: Option<usize>,
}

impl<J: Judge + Send + Sync> Policy for J {
    type Judge<'p>
        = &'p J
    where
        J: 'p;

    fn judge(&self) -> &J {
        self
    }
}

impl<J: Judge> Judge for &J {
    fn hook(&self, query: Query) -> Decision {
        (**self).hook(query)
    }

    fn ports(&self, query: PortQuery) -> Decision {
        (**self).ports(query)
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        (**self).ports_from_any(query)
    }

    fn ports_from(
        &self,
        query: PortQuery,
        sources: impl Iterator<Item = Port> + Clone,
    ) -> Decision {
        (**self).ports_from(query, sources)
    }

    fn minds_source(&self, port: Port) -> bool {
        (**self).minds_source(port)
    }

    fn throttles(&self, passage: &Passage) -> bool {
        (**self).throttles(passage)
    }

    fn delivered(&self, passage: &Passage, bytes: u32) {
        (**self).delivered(passage, bytes);
    }

    fn allowed(&self, query: Query, rule: Option<usize>) {
        (**self).allowed(query, rule);
    }

    fn refused(&self, what: Refused, rule: Option<usize>) {
        (**self).refused(what, rule);
    }
}

/// A message that somebody wants to send.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub from: DomainId,
    /// A claim.
    pub from_port: Port,
    pub to: DomainId,
    pub to_port: Port,
}

impl<S: System> Engine<S> {
    /// Asks a hook on behalf of a domain, and counts a denial.
    ///
    /// # Errors
    /// [`Errno::EACCES`]
    #[inline]
    pub(crate) fn ask(
        &self,
        judge: &impl Judge,
        domain: &Domain<S>,
        query: Query,
    ) -> Result<(), Errno> {
        let Decision { action, rule } = judge.hook(query);
        if action == Action::Allow {
            judge.allowed(query, rule);
            return Ok(());
        }
        domain.counters.denied(Denial::Hook(query.hook()));
        judge.refused(Refused::Hook(query), rule);
        Err(Errno::EACCES)
    }

    /// Asks for a message's way to its port, and counts a denial.
    ///
    /// # Errors
    /// [`Errno::EPERM`]
    #[inline]
    pub(crate) fn way(
        &self,
        judge: &impl Judge,
        caller: &Caller<S>,
        route: Route,
    ) -> Result<Passage, Errno> {
        let Route { from, from_port, to, to_port } = route;
        let claimed = Some(from_port);
        let from_port =
            claimed.filter(|port| judge.minds_source(*port) && caller.domain.owns_port(*port));
        let query = PortQuery { from, from_port, to, to_port, rings: Rings::Any };
        let passage = passage(judge, query).map_err(|rule| {
            self.bar(judge, &caller.domain, Refused::Ports { query, claimed }, rule);
            Errno::EPERM
        })?;
        Ok(Passage { claimed, ..passage })
    }

    /// Asks whether a domain could send to a port, from whatever port of its; `None` if not.
    pub(crate) fn any_way(
        &self,
        judge: &impl Judge,
        caller: &Caller<S>,
        to: DomainId,
        to_port: Port,
    ) -> Option<Passage> {
        let from = caller.domain.id();
        let query = |rings| PortQuery { from, from_port: None, to, to_port, rings };
        let into = |rings| from_some_port(judge, caller, query(rings));
        let found = into(Rings::Any).or_else(|| into(Rings::ForSender));
        if found.is_none() {
            let query = query(Rings::Any);
            let barred = Refused::Ports { query, claimed: None };
            self.bar(judge, &caller.domain, barred, judge.ports(query).rule);
        }
        found
    }

    /// Counts a message that its ports bar.
    #[cold]
    pub(crate) fn bar(
        &self,
        judge: &impl Judge,
        domain: &Domain<S>,
        barred: Refused,
        rule: Option<usize>,
    ) {
        domain.counters.denied(Denial::Port);
        judge.refused(barred, rule);
    }
}

/// What allows the caller to send from some port of its. Its ports are looked at only if there are
/// any from which somebody may.
fn from_some_port<S: System>(
    judge: &impl Judge,
    caller: &Caller<S>,
    query: PortQuery,
) -> Option<Passage> {
    let allowed = |decision: Decision| {
        let Decision { action, rule } = decision;
        (action == Action::Allow).then_some(Passage { query, claimed: None, rule })
    };
    allowed(judge.ports(query)).or_else(|| {
        allowed(judge.ports_from_any(query))?;
        let mut outside = Onlooker;
        let table = caller.domain.rings(&mut outside);
        allowed(judge.ports_from(query, table.ports()))
    })
}

/// The widest passage that the ports have: into any ring, else into one for the sender alone, else
/// the rule that refuses it.
#[inline]
fn passage(judge: &impl Judge, query: PortQuery) -> Result<Passage, Option<usize>> {
    let wide = judge.ports(query);
    if wide.action == Action::Allow {
        return Ok(Passage { query, claimed: None, rule: wide.rule });
    }
    let query = PortQuery { rings: Rings::ForSender, ..query };
    match judge.ports(query) {
        Decision { action: Action::Allow, rule } => Ok(Passage { query, claimed: None, rule }),
        Decision { action: Action::Deny, .. } => Err(wide.rule),
    }
}

//! The policy that is in force now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use argo_core::policy::{Decision, PortQuery, Query};
use argo_core::{DomainId, Errno, Port};
use argo_hypervisor::{Judge, Passage, Refused};
use parking_lot::Mutex;

use super::directory::{Directory, DirectoryError};
use super::refusals::{Cause, Written};
use super::{CompiledPolicy, Pacer};
use crate::audit::{self, Audit, Check, Event, Judged, Party};
use crate::config::{Domain, Rules};

/// Between two looks whether calls that an earlier policy judges are over.
const GRACE: Duration = Duration::from_micros(200);

/// The current policy. Reading never waits; changes follow each other.
pub struct LivePolicy {
    current: ArcSwap<InForce>,
    change: Mutex<()>,
    pacer: Pacer,
    audit: Audit,
    began: Instant,
}

/// Judges hold the `Arc` around this, everybody else the one in it: who looks at a policy at leisure
/// keeps nobody waiting.
struct InForce(Arc<CompiledPolicy>);

impl LivePolicy {
    /// Begins with these rules and domains.
    pub fn new(rules: Rules, directory: Directory) -> Self {
        Self {
            current: ArcSwap::from_pointee(InForce(Arc::new(CompiledPolicy::new(
                rules, directory,
            )))),
            change: Mutex::new(()),
            pacer: Pacer::default(),
            audit: Audit::default(),
            began: Instant::now(),
        }
    }

    /// The same, telling what it refuses.
    #[must_use]
    pub fn with_audit(self, audit: Audit) -> Self {
        Self { audit, ..self }
    }

    /// The policy now; it stays what it is while others replace it.
    pub fn snapshot(&self) -> Arc<CompiledPolicy> {
        self.current.load().0.clone()
    }

    /// Who wakes the domains that limits hold back.
    pub fn pacer(&self) -> &Pacer {
        &self.pacer
    }

    /// Replaces all rules by those that `read` makes, which is told the domains that there are.
    /// When this returns, no call is judged by the earlier rules any more. Counts of refusals, and
    /// what was sent by rules with limits, begin anew.
    ///
    /// # Errors
    /// What is wrong with the rules; the earlier ones stay in force.
    pub fn replace_rules<E>(
        &self,
        read: impl FnOnce(&Directory) -> Result<Rules, E>,
    ) -> Result<(), E> {
        let _alone = self.change.lock();
        let directory = self.current.load().0.directory.clone();
        let rules = read(&directory)?;
        self.install(CompiledPolicy::resolve(Arc::new(Written::new(rules)), directory));
        Ok(())
    }

    /// From now on there is one more domain.
    ///
    /// # Errors
    /// Why it cannot be; nothing changed then.
    pub fn add_domain(&self, domain: &Domain) -> Result<(), DirectoryError> {
        self.change_directory(|directory| directory.add(domain))
    }

    /// The same with several at once.
    ///
    /// # Errors
    /// The name of the first that cannot be, and why; nothing changed then.
    pub fn add_domains(&self, domains: &[Domain]) -> Result<(), (String, DirectoryError)> {
        self.change_directory(|directory| {
            domains.iter().try_for_each(|domain| {
                directory.add(domain).map_err(|error| (domain.name.clone(), error))
            })
        })
    }

    /// From now on there is no such domain; whether there was.
    pub fn remove_domain(&self, id: DomainId) -> bool {
        let remove = |directory: &mut Directory| directory.remove(id).then_some(()).ok_or(());
        self.change_directory(remove).is_ok()
    }

    fn change_directory<E>(
        &self,
        change: impl FnOnce(&mut Directory) -> Result<(), E>,
    ) -> Result<(), E> {
        let _alone = self.change.lock();
        let current = self.snapshot();
        let mut directory = current.directory.clone();
        change(Arc::make_mut(&mut directory))?;
        let new = CompiledPolicy::resolve(current.written.clone(), directory);
        new.take_over_accounts(&current);
        self.install(new);
        Ok(())
    }

    /// Puts a policy into force, and waits for the calls that the one before still judges: there
    /// are none that wait for a guest, so that they are over soon.
    fn install(&self, new: CompiledPolicy) {
        let mut old = self.current.swap(Arc::new(InForce(Arc::new(new))));
        while Arc::get_mut(&mut old).is_none() {
            std::thread::sleep(GRACE);
        }
        // What an earlier limit put off may go now.
        self.pacer.wake_all();
    }
}

impl argo_hypervisor::Policy for LivePolicy {
    type Judge<'p> = Judging<'p>;

    #[inline]
    fn judge(&self) -> Judging<'_> {
        Judging { policy: self.current.load(), live: self }
    }
}

/// The policy that judges one call from its beginning to its end.
pub struct Judging<'p> {
    policy: Guard<Arc<InForce>>,
    live: &'p LivePolicy,
}

impl Judge for Judging<'_> {
    #[inline]
    fn hook(&self, query: Query) -> Decision {
        self.policy.0.decide(query)
    }

    #[inline]
    fn ports(&self, query: PortQuery) -> Decision {
        self.policy.0.decide_ports(query)
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        self.policy.0.decide_from_any_port(query)
    }

    fn ports_from(
        &self,
        query: PortQuery,
        sources: impl Iterator<Item = Port> + Clone,
    ) -> Decision {
        self.policy.0.decide_from_ports(query, sources)
    }

    #[inline]
    fn minds_source(&self, port: Port) -> bool {
        self.policy.0.minds_source(port)
    }

    #[inline]
    fn throttles(&self, passage: &Passage) -> bool {
        let Some((rule, domain)) = self.account(passage) else { return false };
        let now = self.now();
        let Some(due) = self.policy.0.accounts.due(rule, domain, now) else { return false };
        let wait = Duration::from_nanos(due.saturating_sub(now));
        self.live.pacer.wake_at(passage.query.from, Instant::now() + wait);
        let cause = Cause::Limit(rule);
        let (Passage { query, claimed, .. }, errno) = (passage, Some(Errno::EAGAIN));
        self.refuse(cause, || Event::Throttled(self.judged_ports(query, *claimed, cause, errno)));
        true
    }

    #[inline]
    fn delivered(&self, passage: &Passage, bytes: u32) {
        if let Some((rule, domain)) = self.account(passage) {
            self.policy.0.accounts.book(rule, domain, self.now(), bytes);
        }
        let cause = Cause::Port(passage.rule);
        let Passage { query, claimed, .. } = passage;
        self.log(cause, || Event::Allowed(self.judged_ports(query, *claimed, cause, None)));
    }

    #[inline]
    fn allowed(&self, query: Query, rule: Option<usize>) {
        let cause = Cause::Hook(rule);
        self.log(cause, || Event::Allowed(self.judged(query, cause, None)));
    }

    fn refused(&self, what: Refused, rule: Option<usize>) {
        match what {
            Refused::Hook(query) => {
                let cause = Cause::Hook(rule);
                let errno = Some(Errno::EACCES);
                self.refuse(cause, || Event::Refused(self.judged(query, cause, errno)));
            }
            Refused::Ports { query, claimed } => {
                let cause = Cause::Port(rule);
                let errno = Some(Errno::EPERM);
                let event = || Event::Refused(self.judged_ports(&query, claimed, cause, errno));
                self.refuse(cause, event);
            }
        }
    }
}

impl Judging<'_> {
    /// The rule and the place of the sender, if a limit has to be looked at.
    #[inline]
    fn account(&self, passage: &Passage) -> Option<(usize, usize)> {
        let rule = passage.rule.filter(|rule| self.policy.0.accounts.limits(*rule))?;
        Some((rule, self.policy.0.compiled.slot(passage.query.from)?))
    }

    pub(super) fn policy(&self) -> &CompiledPolicy {
        &self.policy.0
    }

    /// Counts a refusal, and tells of it.
    pub(super) fn refuse(&self, cause: Cause, event: impl FnOnce() -> Event) {
        self.policy.0.written.count(cause);
        self.live.audit.refused(cause.number(), event);
    }

    /// Tells of what was allowed, if its rule wants that.
    #[inline]
    pub(super) fn log(&self, cause: Cause, event: impl FnOnce() -> Event) {
        if self.policy.0.written.is_logged(cause) {
            self.live.audit.publish(event);
        }
    }

    /// What a hook decided, as the audit stream tells it.
    fn judged(&self, query: Query, cause: Cause, errno: Option<Errno>) -> Judged {
        let (from, to) = (self.party(query.source()), query.target().map(|to| self.party(to)));
        Judged::new(query.hook().into(), from, to, errno, self.rule(cause))
    }

    /// What was decided about ports, likewise.
    fn judged_ports(
        &self,
        query: &PortQuery,
        claimed: Option<Port>,
        cause: Cause,
        errno: Option<Errno>,
    ) -> Judged {
        let (from, to) = (self.party(query.from), Some(self.party(query.to)));
        let judged = Judged::new(Check::Port, from, to, errno, self.rule(cause));
        Judged { from_port: claimed.map(|port| port.0), to_port: Some(query.to_port.0), ..judged }
    }

    /// The rule as the audit stream names it, if it is one.
    pub(super) fn rule(&self, cause: Cause) -> Option<Arc<audit::Rule>> {
        self.policy.0.written.audited(cause)
    }

    pub(super) fn party(&self, domain: DomainId) -> Party {
        Party::new(domain, self.policy.0.directory.name(domain))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.live.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

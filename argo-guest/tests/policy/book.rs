//! A policy that a test changes while domains use it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use argo_core::policy::{
    Action, Decision, Hook, PortQuery, PortRange, PortRule, Query, Rings, Rule, Subject,
};
use argo_guest::stream::StreamError;
use argo_guest::{Domain, Port};
use argo_hypervisor::inprocess::{InProcess, Rules};
use argo_hypervisor::{Events, Judge, Passage, Policy};
use parking_lot::RwLock;

use crate::support::{id, system_with};

/// Rules that may be replaced, a rate limit for domain 1, and counts of what was asked.
pub struct Book {
    rules: RwLock<Arc<Rules>>,
    throttled: AtomicBool,
    tries: AtomicUsize,
    registrations: AtomicUsize,
}

/// What decides one call.
pub struct Page<'b> {
    book: &'b Book,
    rules: Arc<Rules>,
}

impl Policy for Book {
    type Judge<'b> = Page<'b>;

    fn judge(&self) -> Page<'_> {
        Page { book: self, rules: self.rules.read().clone() }
    }
}

impl Judge for Page<'_> {
    fn hook(&self, query: Query) -> Decision {
        if matches!(query, Query::RegisterAnySource { .. } | Query::RegisterSingleSource { .. }) {
            self.book.registrations.fetch_add(1, Ordering::SeqCst);
        }
        self.rules.hook(query)
    }

    fn ports(&self, query: PortQuery) -> Decision {
        self.rules.ports(query)
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        self.rules.ports_from_any(query)
    }

    fn throttles(&self, passage: &Passage) -> bool {
        self.book.tries.fetch_add(1, Ordering::SeqCst);
        passage.query.from == id(1) && self.book.throttled.load(Ordering::SeqCst)
    }
}

pub type Host = InProcess<Book>;

/// A system under these rules.
pub fn under(rules: Rules) -> Host {
    system_with(Book {
        rules: RwLock::new(Arc::new(rules)),
        throttled: AtomicBool::new(false),
        tries: AtomicUsize::new(0),
        registrations: AtomicUsize::new(0),
    })
}

/// Replaces the rules.
pub fn replace(host: &Host, rules: Rules) {
    *host.engine().policy().rules.write() = Arc::new(rules);
}

/// Replaces the rules and cuts what they forbid, as argod does; how many rings that were.
pub fn enforce(host: &Host, rules: Rules) -> usize {
    replace(host, rules);
    host.engine().enforce().rings
}

/// Sets or lifts the rate limit; who waited is told that it is worth trying again.
pub fn throttle(host: &Host, limit: Limit) {
    host.engine().policy().throttled.store(limit == Limit::Set, Ordering::SeqCst);
    if limit == Limit::Lifted {
        host.engine().events().virq(id(1));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Set,
    Lifted,
}

/// How often something was to be sent, or asked whether it could.
pub fn tries(host: &Host) -> usize {
    host.engine().policy().tries.load(Ordering::SeqCst)
}

/// How often a ring was to be registered, or asked whether it could.
pub fn registrations(host: &Host) -> usize {
    host.engine().policy().registrations.load(Ordering::SeqCst)
}

/// Everything is allowed.
pub fn all() -> Rules {
    let rules = Hook::ALL.map(|hook| Rule {
        hook,
        from: Subject::Any,
        to: Subject::Any,
        action: Action::Allow,
    });
    let ports = vec![port_rule(Subject::Any, Subject::Any, PortRange::ALL)];
    Rules { rules: rules.into(), ports, ..Rules::default() }
}

/// Everything is allowed but what one hook would say to this.
pub fn but(hook: Hook, from: u16, to: Subject) -> Rules {
    let denied = Rule { hook, from: Subject::Domain(id(from)), to, action: Action::Deny };
    let mut rules = all();
    rules.rules.insert(0, denied);
    rules
}

/// Everything is allowed but to send from this domain to that one.
pub fn but_send(from: u16, to: u16) -> Rules {
    but(Hook::Send, from, Subject::Domain(id(to)))
}

/// Everything is allowed but to send from this domain to any port of that one.
pub fn but_ports(from: u16, to: u16) -> Rules {
    let (from, to) = (Subject::Domain(id(from)), Subject::Domain(id(to)));
    let mut rules = all();
    rules.ports.insert(0, PortRule { action: Action::Deny, ..port_rule(from, to, PortRange::ALL) });
    rules
}

fn port_rule(from: Subject, to: Subject, to_port: PortRange) -> PortRule {
    PortRule { from, from_port: None, to, to_port, rings: Rings::Any, action: Action::Allow }
}

/// No port is allowed but one of a server, to a client that gets answers.
pub fn only_with_reply(client: u16, server: u16, port: Port) -> Rules {
    let (from, to) = (Subject::Domain(id(client)), Subject::Domain(id(server)));
    let there = port_rule(from, to, PortRange::one(port));
    let back = PortRule { from_port: Some(there.to_port), ..port_rule(to, from, PortRange::ALL) };
    let rings = Rings::ForSender;
    let between = [
        PortRule { rings, ..port_rule(from, to, PortRange::DYNAMIC) },
        PortRule { rings, ..port_rule(to, from, PortRange::DYNAMIC) },
    ];
    Rules { ports: [there, back].into_iter().chain(between).collect(), ..all() }
}

/// What a stream's operation failed with.
pub fn inside(error: &io::Error) -> StreamError {
    *error.get_ref().unwrap().downcast_ref().unwrap()
}

/// Whether a connection ended because it was cut here, or because the peer's end was.
pub fn is_end(error: StreamError) -> bool {
    use StreamError::{Cut, PeerGone, Reset};
    matches!(error, Cut { .. } | PeerGone { .. } | Reset { .. })
}

/// Something for the dispatch of events to do: nobody else does it for a test that only looks.
pub fn look_around(domain: &Domain) {
    let idle = argo_guest::Datagram::bind_blocking(domain, argo_guest::BindOptions::any_port());
    drop(idle);
}

//! What there is, for administrators.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use argo_core::policy::Hook;
use argo_core::{Errno, Partner};

use super::domain::HostDomain;
use super::host::{Host, NoDomain};
use super::meter::Work;
use super::processor::process_time;
use crate::admin::{DomainStat, RINGS_LISTED, Reserved, RingStat, RuleStat, SessionStat, Stat};
use crate::config::{DOMAINS_MAX, Reserve};

/// The daemon at one moment. Its parts are read one after another while it goes on working.
pub fn stat(host: &Host) -> Stat {
    let refusals = host.policy().snapshot().refusals();
    let rule =
        |refused: crate::policy::Refusals| RuleStat { cause: refused.text, count: refused.count };
    let (began, uptime) = host.began();
    let all = host.domains();
    let domains = all.iter().filter_map(|domain| domain_stat(host, domain).map(cut));
    Stat {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        // A clock before 1970 is as good as none.
        started: began.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        uptime: uptime.as_secs(),
        workers: host.worker_count(),
        admins: host.admins().taken(),
        admins_allowed: host.admins().limit(),
        domains_allowed: DOMAINS_MAX,
        reserved: host.config().reserve.map(|reserve| reserved(&all, reserve)),
        domains: domains.collect(),
        processor_ns: process_time().as_nanos() as u64,
        gone_ns: host.time_gone().as_nanos() as u64,
        refusals: refusals.into_iter().map(rule).collect(),
    }
}

fn reserved(domains: &[Arc<HostDomain>], reserve: Reserve) -> Reserved {
    let ram = domains.iter().map(|domain| domain.config.memory_needed());
    Reserved { ram: ram.fold(0, u64::saturating_add), heap: reserve.heap }
}

/// One domain at one moment, with all of its rings in the order of their ports.
///
/// # Errors
/// There is no such domain.
pub fn domain_in_full(host: &Host, name: &str) -> Result<DomainStat, NoDomain> {
    let domain = host.find(name)?;
    let mut stat = domain_stat(host, &domain).ok_or_else(|| NoDomain(name.to_owned()))?;
    stat.rings.sort_by_key(|ring| (ring.port, ring.partner));
    Ok(stat)
}

/// `None` if the domain has just been destroyed.
fn domain_stat(host: &Host, domain: &HostDomain) -> Option<DomainStat> {
    let engine = host.engine().stat(domain.id())?;
    let sessions = domain.sessions();
    let meter = domain.meter();
    let rings: Vec<_> = engine.rings.iter().map(ring_stat).collect();
    let refusals =
        Errno::ALL.iter().map(|errno| format!("{errno:?}")).zip(engine.counters.refusals);
    let by_ports = [("port", engine.counters.port_denials), ("limit", engine.counters.throttled)];
    let by_hook = Hook::ALL.iter().map(|hook| hook.name()).zip(engine.counters.denials);
    let denials = by_hook.chain(by_ports).map(|(cause, count)| (cause.to_owned(), count));
    Some(DomainStat {
        id: domain.id().raw(),
        name: domain.name().to_owned(),
        socket: domain.socket_path().to_owned(),
        active: engine.active,
        ram: domain.config.ram,
        machine: domain.machine.as_ref().map(|machine| machine.stat()),
        sessions: sessions.iter().map(|session| session_stat(session.peer)).collect(),
        sessions_allowed: domain.config.quotas.sessions,
        sessions_held: domain.sessions_held(),
        rings_total: rings.len(),
        rings_allowed: engine.quotas.rings,
        ring_bytes: rings.iter().map(|ring| u64::from(ring.len)).sum(),
        ring_bytes_allowed: engine.quotas.ring_bytes,
        fullest: rings.iter().max_by_key(|ring| ring.filled_permille()).cloned(),
        waiting: rings.iter().map(|ring| ring.waiting).max().unwrap_or(0),
        waiting_allowed: engine.quotas.waiters,
        entries_allowed: engine.quotas.entries,
        rings,
        messages: engine.counters.messages,
        bytes: engine.counters.bytes,
        refused: occurred(refusals),
        denied: occurred(denials),
        service_ns: meter.nanos(Work::Calls),
        doorbell_ns: meter.nanos(Work::Doorbells),
        attachment_ns: meter.nanos(Work::Attachments),
        services_ns: meter.nanos(Work::Services),
        ending_ns: meter.nanos(Work::Endings),
        guest_ns: meter.nanos(Work::Guest),
        interrupt_ns: domain.interrupt_time().as_nanos() as u64,
        mutes: meter.mutes(),
        attachments: meter.attachments(),
        refused_attachments: meter.refused_attachments(),
        services: domain.services.stat(host, domain),
        services_allowed: domain.config.quotas.services,
    })
}

fn occurred(counts: impl Iterator<Item = (String, u64)>) -> BTreeMap<String, u64> {
    counts.filter(|(_, count)| *count > 0).collect()
}

fn session_stat(peer: super::session::Peer) -> SessionStat {
    SessionStat { pid: peer.pid, uid: peer.uid, gid: peer.gid }
}

fn cut(mut domain: DomainStat) -> DomainStat {
    domain.rings = listed(domain.rings);
    if let Some(machine) = &mut domain.machine {
        machine.console.clear();
    }
    domain
}

/// All rings as they are, or of too many those that matter most when something is stuck.
fn listed(mut rings: Vec<RingStat>) -> Vec<RingStat> {
    if rings.len() > RINGS_LISTED {
        rings.sort_by_key(|ring| Reverse((ring.waiting, ring.filled)));
        rings.truncate(RINGS_LISTED);
    }
    rings
}

fn ring_stat(ring: &argo_hypervisor::RingStat) -> RingStat {
    RingStat {
        port: ring.name.port.0,
        partner: match ring.name.partner {
            Partner::Any => None,
            Partner::Domain(domain) => Some(domain.raw()),
        },
        len: ring.len.bytes(),
        filled: ring.filled,
        waiting: ring.waiting,
        messages: ring.messages,
        bytes: ring.bytes,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::admin::LINE_MAX;

    fn ring(port: u32) -> RingStat {
        let (len, filled, waiting) = (4096, port % 3 * 16, port / 1000);
        RingStat { port, partner: None, len, filled, waiting, messages: 0, bytes: 0 }
    }

    #[test]
    fn as_many_rings_as_can_be_listed_are_all_there_in_order() {
        let all: Vec<_> = (0..RINGS_LISTED as u32).map(ring).collect();
        assert_eq!(listed(all.clone()), all);
    }

    /// The longest numbers, in as many domains with as many sessions as a configuration allows.
    #[test]
    fn the_rings_and_sessions_of_all_domains_fit_into_an_answer() {
        let (word, long) = (u32::MAX, u64::MAX);
        let ring = RingStat {
            port: word,
            partner: Some(u16::MAX),
            len: word,
            filled: word,
            waiting: word,
            messages: long,
            bytes: long,
        };
        let rings = serde_json::to_string(&listed(vec![ring; 4096])).unwrap().len() as u64;
        let session = SessionStat { pid: i32::MIN, uid: word, gid: word };
        let sessions = serde_json::to_string(&vec![session; 64]).unwrap().len() as u64;
        assert!(1024 * (rings + sessions) < LINE_MAX * 7 / 8, "{rings} and {sessions} bytes");
    }

    #[test]
    fn of_more_rings_those_waited_for_and_then_the_fullest_are_listed() {
        let empty = (0..RINGS_LISTED as u32).map(|port| ring(3 * port));
        let all = empty.chain([ring(1), ring(2), ring(1002), ring(2001)]);
        let listed = listed(all.collect());
        assert_eq!(listed.len(), RINGS_LISTED);
        let ports = listed.iter().take(5).map(|ring| ring.port);
        assert_eq!(ports.collect::<Vec<_>>(), [2001, 1002, 2, 1, 0]);
    }
}

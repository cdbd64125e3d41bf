//! What there is, for administrators.

use std::collections::BTreeMap;

use argo_core::policy::Hook;
use argo_core::{Errno, Partner};

use super::domain::HostDomain;
use super::host::Host;
use crate::admin::{DomainStat, RingStat, RuleStat, SessionStat, Stat};

/// The daemon at one moment. Its parts are read one after another while it goes on working.
pub fn stat(host: &Host) -> Stat {
    let refusals = host.policy().snapshot().refusals();
    let rule =
        |refused: crate::policy::Refusals| RuleStat { cause: refused.cause, count: refused.count };
    Stat {
        workers: host.worker_count(),
        domains: host.domains().iter().filter_map(|domain| domain_stat(host, domain)).collect(),
        refusals: refusals.into_iter().map(rule).collect(),
    }
}

/// `None` if the domain has just been destroyed.
fn domain_stat(host: &Host, domain: &HostDomain) -> Option<DomainStat> {
    let engine = host.engine().stat(domain.id())?;
    let sessions = domain.sessions();
    let meter = domain.meter();
    let interrupt_ns = sessions.iter().map(|session| session.bell.time().as_nanos() as u64).sum();
    let refusals =
        Errno::ALL.iter().map(|errno| format!("{errno:?}")).zip(engine.counters.refusals);
    let denials = Hook::ALL.iter().map(|hook| hook.name().to_owned()).zip(engine.counters.denials);
    Some(DomainStat {
        id: domain.id().raw(),
        name: domain.name().to_owned(),
        socket: domain.socket_path().to_owned(),
        active: engine.active,
        ram: domain.config.ram,
        sessions: sessions.iter().map(|session| session_stat(session.peer)).collect(),
        sessions_allowed: domain.config.quotas.sessions,
        rings: engine.rings.iter().map(ring_stat).collect(),
        rings_allowed: engine.quotas.rings,
        messages: engine.counters.messages,
        bytes: engine.counters.bytes,
        refused: occurred(refusals),
        denied: occurred(denials),
        service_ns: meter.time().as_nanos() as u64,
        interrupt_ns,
        mutes: meter.mutes(),
        attachments: meter.attachments(),
        refused_attachments: meter.refused_attachments(),
    })
}

fn occurred(counts: impl Iterator<Item = (String, u64)>) -> BTreeMap<String, u64> {
    counts.filter(|(_, count)| *count > 0).collect()
}

fn session_stat(peer: super::session::Peer) -> SessionStat {
    SessionStat { pid: peer.pid, uid: peer.uid, gid: peer.gid }
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

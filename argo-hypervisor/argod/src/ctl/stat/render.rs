//! What argod says about itself, as tables.

use super::times::{seconds, times};
use crate::admin::{DomainStat, Reserved, Stat};
use crate::ctl::table::{Table, bytes, grouped};

/// A table and what stands above it.
pub(super) type Titled<'t> = (&'t str, Table);

/// Everything; tables without rows are left out.
pub(super) fn tables(stat: &Stat) -> String {
    let rings_title = format!("rings{}", rings_left_out(stat));
    let shown = &stat.domains;
    let tables = [
        ("domains", domains(shown)),
        ("virtual machines", machines(shown)),
        ("sessions", sessions(shown)),
        (&*rings_title, rings(stat, shown)),
        ("what argod's processor time was spent on", times(stat, shown)),
        ("grants, event channels and the store", services(shown)),
        ("refused calls, by the error they got", refused(shown)),
        ("refused by the policy, by hook", denied(shown)),
        ("refused by the policy, by rule", rules(stat)),
    ];
    titled(headline(stat) + "\n" + &reserved(stat), tables)
}

/// The tables that have rows, below a text.
pub(super) fn titled<const N: usize>(mut text: String, tables: [Titled<'_>; N]) -> String {
    for (title, table) in tables {
        if !table.is_empty() {
            text += &format!("\n{title}\n{table}");
        }
    }
    text
}

/// argod as a whole, in one line.
pub(in crate::ctl) fn headline(stat: &Stat) -> String {
    let Stat { version, workers, domains_allowed, admins, admins_allowed, .. } = stat;
    let (up, domains) = (uptime(stat.uptime), stat.domains.len());
    format!(
        "argod {version}, up {up}: {domains}/{domains_allowed} domains, {workers} workers, \
         {admins}/{admins_allowed} administrators"
    )
}

/// What was taken at the start, in one line; nothing unless in static mode.
fn reserved(stat: &Stat) -> String {
    stat.reserved.map_or_else(String::new, |Reserved { ram, heap }| {
        format!("reserved: {} of RAM for sessions, {} of heap\n", bytes(ram), bytes(heap))
    })
}

/// The domains, a line each.
pub(in crate::ctl) fn domains(domains: &[DomainStat]) -> Table {
    let mut table = Table::new(&[
        ">ID",
        "NAME",
        "ARGO",
        ">RAM",
        ">SESSIONS",
        ">RINGS",
        ">SENT",
        ">BYTES",
        ">REFUSED",
    ]);
    for domain in domains {
        table.row([
            domain.id.to_string(),
            domain.name.clone(),
            if domain.active { "on" } else { "off" }.into(),
            bytes(domain.ram),
            format!("{}/{}", domain.sessions.len(), domain.sessions_allowed),
            format!("{}/{}", domain.rings_total, domain.rings_allowed),
            grouped(domain.messages),
            bytes(domain.bytes),
            grouped(domain.refused.values().sum()),
        ]);
    }
    table
}

/// Those domains that are virtual machines.
pub(super) fn machines(domains: &[DomainStat]) -> Table {
    let mut table = Table::new(&[
        "DOMAIN",
        "STATE",
        ">VCPUS",
        ">EXITS",
        ">RAN",
        ">DELAYED",
        ">RESTARTS",
        ">FAILURES",
        "LAST END",
    ]);
    let machines = domains.iter().filter_map(|domain| Some((domain, domain.machine.as_ref()?)));
    for (domain, machine) in machines {
        table.row([
            domain.name.clone(),
            machine.state.name().to_owned(),
            machine.vcpus.to_string(),
            grouped(machine.exits),
            seconds(domain.guest_ns),
            seconds(machine.delayed_ns),
            grouped(machine.restarts),
            grouped(machine.failures),
            machine.last_end.clone().unwrap_or_default(),
        ]);
    }
    table
}

pub(super) fn sessions(domains: &[DomainStat]) -> Table {
    let mut table = Table::new(&["DOMAIN", ">PID", ">UID", ">GID"]);
    for domain in domains {
        for session in &domain.sessions {
            let numbers = [session.pid.to_string(), session.uid.to_string()];
            let [pid, uid] = numbers;
            table.row([domain.name.clone(), pid, uid, session.gid.to_string()]);
        }
    }
    table
}

pub(super) fn rings(stat: &Stat, domains: &[DomainStat]) -> Table {
    let mut table = Table::new(&[
        "DOMAIN",
        ">PORT",
        "FROM",
        ">LENGTH",
        ">FILLED",
        ">WAITING",
        ">DELIVERED",
        ">BYTES",
    ]);
    for domain in domains {
        for ring in &domain.rings {
            table.row([
                domain.name.clone(),
                ring.port.to_string(),
                ring.partner.map_or_else(|| "any".into(), |partner| name(stat, partner)),
                bytes(ring.len.into()),
                share(ring.filled, ring.len),
                ring.waiting.to_string(),
                grouped(ring.messages),
                bytes(ring.bytes),
            ]);
        }
    }
    table
}

/// What those domains that ever asked for it use of the services.
fn services(domains: &[DomainStat]) -> Table {
    let mut table = Table::new(&[
        "DOMAIN",
        ">CONNECTIONS",
        ">SHARES",
        ">PAGES",
        ">MAPS",
        ">PORTS",
        ">NODES",
        ">WATCHES",
        ">REQUESTS",
        ">REFUSED",
    ]);
    let use_them =
        |domain: &&DomainStat| domain.services.connections > 0 || domain.services.requests > 0;
    for domain in domains.iter().filter(use_them) {
        let used = &domain.services;
        table.row([
            domain.name.clone(),
            used.connections.to_string(),
            used.shares.to_string(),
            used.pages.to_string(),
            used.maps.to_string(),
            used.ports.to_string(),
            used.store_nodes.to_string(),
            used.store_watches.to_string(),
            grouped(used.requests),
            grouped(used.refused),
        ]);
    }
    table
}

/// What the table of rings does not show, by domain; empty if it shows all.
fn rings_left_out(stat: &Stat) -> String {
    let left_out = stat.domains.iter().filter_map(|domain| {
        let count = domain.rings_total.saturating_sub(domain.rings.len());
        (count > 0).then(|| format!("\n  ({}: {} more are not shown)", domain.name, count))
    });
    left_out.collect()
}

pub(super) fn refused(domains: &[DomainStat]) -> Table {
    counts(domains, "ERROR", |domain| &domain.refused)
}

pub(super) fn denied(domains: &[DomainStat]) -> Table {
    counts(domains, "HOOK", |domain| &domain.denied)
}

fn counts(
    domains: &[DomainStat],
    title: &'static str,
    of: impl Fn(&DomainStat) -> &std::collections::BTreeMap<String, u64>,
) -> Table {
    let mut table = Table::new(&["DOMAIN", title, ">COUNT"]);
    for domain in domains {
        for (cause, count) in of(domain) {
            table.row([domain.name.clone(), cause.clone(), grouped(*count)]);
        }
    }
    table
}

fn rules(stat: &Stat) -> Table {
    let mut table = Table::new(&[">COUNT", "RULE"]);
    for rule in &stat.refusals {
        table.row([grouped(rule.count), rule.cause.clone()]);
    }
    table
}

/// The name of a domain; its number if there is no such domain now.
pub(in crate::ctl) fn name(stat: &Stat, id: u16) -> String {
    let found = stat.domains.iter().find(|domain| domain.id == id);
    found.map_or_else(|| id.to_string(), |domain| domain.name.clone())
}

/// Seconds as people say them: the two largest units.
fn uptime(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => format!("{minutes} min {rest} s"),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A part in percent, rounded down.
pub(in crate::ctl) fn share(part: u32, whole: u32) -> String {
    format!("{} %", u64::from(part) * 100 / u64::from(whole.max(1)))
}

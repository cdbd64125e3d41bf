//! One domain, as tables: its limits with their use, its sessions, all its rings.

use super::render::{Titled, denied, machines, refused, rings, sessions, share, titled};
use super::times::time_of;
use crate::admin::{DomainStat, Stat};
use crate::ctl::table::{Table, bytes, grouped};

/// The domain; `stat` knows the other domains' names.
pub(in crate::ctl) fn one(stat: &Stat, domain: &DomainStat) -> String {
    let shown = std::slice::from_ref(domain);
    let tables: [Titled<'_>; 8] = [
        ("virtual machine", machines(shown)),
        ("limits", limits(domain)),
        ("sessions", sessions(shown)),
        ("rings", rings(stat, shown)),
        ("sent, and who came", spent(domain)),
        ("what argod's processor time was spent on", time_of(stat, domain)),
        ("refused calls, by the error they got", refused(shown)),
        ("refused by the policy, by hook", denied(shown)),
    ];
    let argo = if domain.active { "on" } else { "off" };
    let DomainStat { id, name, socket, .. } = domain;
    let headline = format!("domain {id} ({name}), Argo {argo}, at {}\n", socket.display());
    titled(headline, tables) + &console(domain)
}

/// What its machine wrote last. Whatever else than text that is does nothing to a terminal.
fn console(domain: &DomainStat) -> String {
    let said = domain.machine.as_ref().map_or("", |machine| machine.console.as_str());
    let lines = said.lines().map(|line| format!("  {}\n", line.escape_debug()));
    let text: String = lines.collect();
    if text.is_empty() { text } else { format!("\nconsole, the last of it\n{text}") }
}

/// The use of each limit.
fn limits(domain: &DomainStat) -> Table {
    let mut table = Table::new(&["OF", ">USED", ">ALLOWED"]);
    let mut row = |what: &str, used: String, allowed: String| {
        table.row([what.to_owned(), used, allowed]);
    };
    let sessions = domain.sessions.len();
    row("sessions", sessions.to_string(), domain.sessions_allowed.to_string());
    let held = domain.ram * domain.sessions_held as u64;
    row("RAM, each session", String::new(), bytes(domain.ram));
    row("RAM of ended sessions that is held", bytes(held), String::new());
    row("rings", domain.rings_total.to_string(), domain.rings_allowed.to_string());
    row("bytes of all rings", bytes(domain.ring_bytes), bytes(domain.ring_bytes_allowed));
    let filled = domain.fullest.as_ref().map_or_else(String::new, |ring| {
        format!("{} (port {})", share(ring.filled, ring.len), ring.port)
    });
    row("fullest ring", filled, String::new());
    row("waiting for one ring", domain.waiting.to_string(), domain.waiting_allowed.to_string());
    row("entries of one notify", String::new(), domain.entries_allowed.to_string());
    for (what, used, allowed) in services(domain) {
        row(what, used.to_string(), allowed.to_string());
    }
    table
}

/// What it uses of the services, and may use.
fn services(domain: &DomainStat) -> [(&'static str, usize, u32); 8] {
    let (used, allowed) = (&domain.services, &domain.services_allowed);
    [
        ("connections for services", used.connections, allowed.connections),
        ("shares", used.shares, allowed.shares),
        ("pages in shares", used.pages as usize, allowed.grant_pages),
        ("maps", used.maps, allowed.maps),
        ("event channel ports", used.ports, allowed.ports),
        ("nodes of the store", used.store_nodes, allowed.store_nodes),
        ("watches of the store", used.store_watches, allowed.store_watches),
        ("transactions of the store", used.store_transactions, allowed.store_transactions),
    ]
}

fn spent(domain: &DomainStat) -> Table {
    let mut table = Table::new(&[">MESSAGES", ">BYTES", ">MUTES", ">ATTACHED", ">REFUSED"]);
    table.row([
        grouped(domain.messages),
        bytes(domain.bytes),
        grouped(domain.mutes),
        grouped(domain.attachments),
        grouped(domain.refused_attachments),
    ]);
    table
}

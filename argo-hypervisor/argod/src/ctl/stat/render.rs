//! What argod says about itself, as tables.

use crate::admin::{DomainStat, Stat};
use crate::ctl::table::{Table, bytes, grouped};

/// Everything; tables without rows are left out.
pub(super) fn tables(stat: &Stat) -> String {
    let mut text = format!("{} domains, {} workers\n", stat.domains.len(), stat.workers);
    let rings_title = format!("rings{}", rings_left_out(stat));
    let tables = [
        ("domains", domains(stat)),
        ("sessions", sessions(stat)),
        (&*rings_title, rings(stat)),
        ("refused calls, by the error they got", refused(stat)),
        ("refused by the policy, by hook", denied(stat)),
        ("refused by the policy, by rule", rules(stat)),
    ];
    for (title, table) in tables {
        if !table.is_empty() {
            text += &format!("\n{title}\n{table}");
        }
    }
    text
}

fn domains(stat: &Stat) -> Table {
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
    for domain in &stat.domains {
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

fn sessions(stat: &Stat) -> Table {
    let mut table = Table::new(&["DOMAIN", ">PID", ">UID", ">GID"]);
    for domain in &stat.domains {
        for session in &domain.sessions {
            let numbers = [session.pid.to_string(), session.uid.to_string()];
            let [pid, uid] = numbers;
            table.row([domain.name.clone(), pid, uid, session.gid.to_string()]);
        }
    }
    table
}

fn rings(stat: &Stat) -> Table {
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
    for domain in &stat.domains {
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

/// What the table of rings does not show, by domain; empty if it shows all.
fn rings_left_out(stat: &Stat) -> String {
    let left_out = stat.domains.iter().filter_map(|domain| {
        let count = domain.rings_total.saturating_sub(domain.rings.len());
        (count > 0).then(|| format!("\n  ({}: {} more are not shown)", domain.name, count))
    });
    left_out.collect()
}

fn refused(stat: &Stat) -> Table {
    counts(stat, "ERROR", |domain| &domain.refused)
}

fn denied(stat: &Stat) -> Table {
    counts(stat, "HOOK", |domain| &domain.denied)
}

fn counts(
    stat: &Stat,
    title: &'static str,
    of: impl Fn(&DomainStat) -> &std::collections::BTreeMap<String, u64>,
) -> Table {
    let mut table = Table::new(&["DOMAIN", title, ">COUNT"]);
    for domain in &stat.domains {
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
fn name(stat: &Stat, id: u16) -> String {
    let found = stat.domains.iter().find(|domain| domain.id == id);
    found.map_or_else(|| id.to_string(), |domain| domain.name.clone())
}

fn share(part: u32, whole: u32) -> String {
    format!("{} %", u64::from(part) * 100 / u64::from(whole.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{RingStat, RuleStat, SessionStat};

    fn domain(id: u16, name: &str) -> DomainStat {
        DomainStat {
            id,
            name: name.into(),
            socket: format!("/run/argod/{name}.sock").into(),
            active: true,
            ram: 16 << 20,
            sessions: vec![SessionStat { pid: 4_194_304, uid: 1001, gid: 1001 }],
            sessions_allowed: 1,
            rings: Vec::new(),
            rings_total: 0,
            rings_allowed: 128,
            messages: 123_456_789,
            bytes: 7 << 30,
            refused: [("EACCES".into(), 7), ("EAGAIN".into(), 12_345)].into(),
            denied: [("send".into(), 7)].into(),
            service_ns: 0,
            interrupt_ns: 0,
            mutes: 0,
            attachments: 1,
            refused_attachments: 0,
        }
    }

    fn ring(partner: Option<u16>) -> RingStat {
        let (port, len, filled) = (2_147_483_650, 131_072, 65_536);
        RingStat { port, partner, len, filled, waiting: 3, messages: 9, bytes: 90 }
    }

    #[test]
    fn everything_is_shown_aligned_and_fits_a_terminal() {
        let mut server = domain(2, "server");
        server.rings = vec![ring(Some(1)), ring(Some(9)), ring(None)];
        server.rings_total = 3;
        let rule = RuleStat { cause: "policy rule 4 (demo.toml:31)".into(), count: 7 };
        let domains = vec![domain(1, "client"), server];
        let text = tables(&Stat { workers: 2, domains, refusals: vec![rule] });
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        let line = |start: &str| text.lines().find(|line| line.trim_start().starts_with(start));
        let shown = |start: &str| line(start).unwrap_or_else(|| panic!("no {start} in {text}"));
        assert_eq!(shown("ID").find("NAME"), shown("1  ").find("client"));
        assert!(shown("1  ").contains("16.0 MiB       1/1  0/128  123 456 789  7.0 GiB   12 352"));
        assert!(text.contains("server  2147483650  client  128.0 KiB    50 %        3          9"));
        assert!(text.contains("server  2147483650  9       128.0 KiB"));
        assert!(text.contains("server  2147483650  any     128.0 KiB"));
        assert!(text.contains("  client  4194304  1001  1001\n"));
        assert!(text.contains("  server  EACCES       7\n  server  EAGAIN  12 345\n"));
        assert!(text.contains("  server  send      7\n"));
        assert!(text.contains("      7  policy rule 4 (demo.toml:31)\n"));
    }

    #[test]
    fn rings_that_are_not_listed_are_counted() {
        let mut server = domain(2, "server");
        (server.rings, server.rings_allowed) = (vec![ring(None); 2], 4096);
        let shown = |total| {
            let domains =
                vec![domain(1, "client"), DomainStat { rings_total: total, ..server.clone() }];
            tables(&Stat { workers: 2, domains, refusals: Vec::new() })
        };
        let text = shown(1002);
        assert!(text.contains("1002/4096"), "{text}");
        assert!(text.contains("\nrings\n  (server: 1000 more are not shown)\n  DOMAIN"), "{text}");
        assert!(shown(2).contains("\nrings\n  DOMAIN"));
    }

    #[test]
    fn tables_without_rows_are_left_out() {
        let text = tables(&Stat { workers: 1, domains: Vec::new(), refusals: Vec::new() });
        assert_eq!(text, "0 domains, 1 workers\n");
    }
}

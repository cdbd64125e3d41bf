//! What argod's processor time was spent on, and for whom.

use crate::admin::{DomainStat, Stat};
use crate::ctl::table::Table;

/// A line for each domain that cost anything, and what is nobody's.
pub(super) fn times(stat: &Stat, domains: &[DomainStat]) -> Table {
    let mut table = table();
    for domain in domains.iter().filter(|domain| domain.time_ns() > 0) {
        row(&mut table, stat, domain);
    }
    for (whose, nanoseconds) in [("(gone)", stat.gone_ns), ("(argod itself)", stat.nobodys_ns())] {
        if nanoseconds > 0 {
            rest(&mut table, stat, whose, nanoseconds);
        }
    }
    table
}

/// One domain's line.
pub(super) fn time_of(stat: &Stat, domain: &DomainStat) -> Table {
    let mut table = table();
    row(&mut table, stat, domain);
    table
}

fn table() -> Table {
    Table::new(&[
        "DOMAIN",
        ">SECONDS",
        ">SHARE",
        ">CALLS",
        ">DOORBELLS",
        ">INTERRUPTS",
        ">ATTACHING",
        ">SERVICES",
        ">ENDING",
    ])
}

fn row(table: &mut Table, stat: &Stat, domain: &DomainStat) {
    let all = domain.time_ns();
    table.row([
        domain.name.clone(),
        seconds(all),
        share(all, stat),
        seconds(domain.service_ns),
        seconds(domain.doorbell_ns),
        seconds(domain.interrupt_ns),
        seconds(domain.attachment_ns),
        seconds(domain.services_ns),
        seconds(domain.ending_ns),
    ]);
}

fn rest(table: &mut Table, stat: &Stat, whose: &str, nanoseconds: u64) {
    let none = [const { String::new() }; 6];
    let [calls, doorbells, interrupts, attaching, services, ending] = none;
    let (all, share) = (seconds(nanoseconds), share(nanoseconds, stat));
    let whose = whose.to_owned();
    table.row([whose, all, share, calls, doorbells, interrupts, attaching, services, ending]);
}

/// Seconds, from nanoseconds.
pub(super) fn seconds(nanoseconds: u64) -> String {
    format!("{:.3}", nanoseconds as f64 / 1e9)
}

/// Of all processor time that argod has used.
fn share(nanoseconds: u64, stat: &Stat) -> String {
    format!("{:.1} %", 100.0 * nanoseconds as f64 / stat.processor_ns.max(1) as f64)
}

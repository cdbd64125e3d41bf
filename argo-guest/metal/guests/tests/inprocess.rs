//! The roles, over the engine in this process.
#![allow(clippy::unwrap_used, reason = "a test may fail so")]

use argo_core::DomainId;
use argo_hypervisor::inprocess::{AllowAll, InProcess};
use argo_hypervisor::{Argo, Config, WildcardRings};
use argo_metal_guests::{Report, loopback};

fn lines_of(role: impl FnOnce(&mut Report<'_>)) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |line: core::fmt::Arguments<'_>| lines.push(line.to_string());
    role(&mut Report::new(&mut tell));
    lines
}

#[test]
fn a_domain_talks_to_itself() {
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
    let system = InProcess::new(config, AllowAll);
    let domain = system.domain(DomainId::new(3).unwrap(), 16).unwrap();
    let lines = lines_of(|report| loopback::run(&domain, report));
    let failed: Vec<_> = lines.iter().filter(|line| line.ends_with("FAILED")).collect();
    assert!(failed.is_empty(), "{lines:#?}");
    assert!(lines.contains(&"check: unregister: ok".into()), "{lines:#?}");
}

//! Of domains that are virtual machines.

use prometheus_client::registry::Unit;

use super::{Family, Kind, Number, Values, nanoseconds};
use crate::admin::{DomainStat, MachineStat, MachineState};

/// What a machine does, and what that costs.
pub(super) fn machines() -> [Family; 6] {
    let counter =
        |name, help, value| Family::new(name, help, Kind::Counter, Values::Machine(value));
    let timed =
        |name, help, value| Family { unit: Some(Unit::Seconds), ..counter(name, help, value) };
    [
        Family::new(
            "domain_machine_running",
            "1 if the domain's virtual machine runs, else 0.",
            Kind::Gauge,
            Values::Machine(|domain| {
                whole(domain, |machine| (machine.state == MachineState::Running).into())
            }),
        ),
        counter("domain_machine_exits", "How often its vCPUs wanted something.", |domain| {
            whole(domain, |machine| machine.exits)
        }),
        counter("domain_machine_restarts", "How often it was started again.", |domain| {
            whole(domain, |machine| machine.restarts)
        }),
        counter("domain_machine_failures", "How often it failed.", |domain| {
            whole(domain, |machine| machine.failures)
        }),
        timed("domain_machine_delayed", "For how long its vCPUs were delayed.", |domain| {
            nanoseconds(domain.machine.as_ref().map_or(0, |machine| machine.delayed_ns))
        }),
        timed("domain_machine_guest", "Time that it ran, beside its calls.", |domain| {
            nanoseconds(domain.guest_ns)
        }),
    ]
}

fn whole(domain: &DomainStat, of: fn(&MachineStat) -> u64) -> Number {
    Number::Whole(domain.machine.as_ref().map_or(0, of))
}

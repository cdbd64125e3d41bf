//! What is measured, by which name. docs/metrics.md lists it; a test compares the two.

mod machines;
mod services;

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode as encode_text;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::admin::{DomainStat, Stat};

/// Metrics of one name.
struct Family {
    /// Without prefix, unit and the `total` of a counter.
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    kind: Kind,
    values: Values,
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

/// Where the values of a family come from, and by what they are told apart.
#[derive(Clone, Copy)]
enum Values {
    /// One value, with the version as label.
    Version,
    /// One value.
    Whole(fn(&Stat) -> Number),
    /// One a domain.
    Domain(fn(&DomainStat) -> Number),
    /// One a domain that is a virtual machine.
    Machine(fn(&DomainStat) -> Number),
    /// Counts of a domain by a label of this name.
    Counts(&'static str, fn(&DomainStat) -> &BTreeMap<String, u64>),
    /// Refusals by rule.
    Rules,
}

enum Number {
    Whole(u64),
    Real(f64),
}

/// All metrics of this moment, in the OpenMetrics text format.
pub fn encode(stat: Stat) -> String {
    let mut registry = Registry::with_prefix("argo");
    registry.register_collector(Box::new(Moment(stat)));
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode_text(&mut text, &registry);
    text
}

#[derive(Debug)]
struct Moment(Stat);

impl Collector for Moment {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { name, help, unit, kind, values } in families() {
            let metric_type = match kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let encoder = encoder.encode_descriptor(name, help, unit.as_ref(), metric_type)?;
            Samples { encoder, kind }.encode(&self.0, values)?;
        }
        Ok(())
    }
}

struct Samples<'e> {
    encoder: MetricEncoder<'e>,
    kind: Kind,
}

impl Samples<'_> {
    fn encode(&mut self, stat: &Stat, values: Values) -> fmt::Result {
        match values {
            Values::Version => self.add(&[("version", &stat.version)], Number::Whole(1)),
            Values::Whole(value) => self.add(&[], value(stat)),
            Values::Domain(value) => stat
                .domains
                .iter()
                .try_for_each(|domain| self.add(&[("domain", &domain.name)], value(domain))),
            Values::Machine(value) => stat
                .domains
                .iter()
                .filter(|domain| domain.machine.is_some())
                .try_for_each(|domain| self.add(&[("domain", &domain.name)], value(domain))),
            Values::Counts(label, counts) => stat.domains.iter().try_for_each(|domain| {
                counts(domain).iter().try_for_each(|(cause, count)| {
                    self.add(&[("domain", &domain.name), (label, cause)], Number::Whole(*count))
                })
            }),
            Values::Rules => stat
                .refusals
                .iter()
                .try_for_each(|rule| self.add(&[("rule", &rule.cause)], Number::Whole(rule.count))),
        }
    }

    fn add(&mut self, labels: &[(&str, &str)], number: Number) -> fmt::Result {
        match number {
            Number::Whole(value) => self.add_value(labels, &value),
            Number::Real(value) => self.add_value(labels, &value),
        }
    }

    fn add_value(
        &mut self,
        labels: &[(&str, &str)],
        value: &(impl EncodeCounterValue + EncodeGaugeValue),
    ) -> fmt::Result {
        let kind = self.kind;
        let encode = |encoder: &mut MetricEncoder<'_>| match kind {
            Kind::Counter => encoder.encode_counter::<NoLabelSet, _, u64>(value, None),
            Kind::Gauge => encoder.encode_gauge(value),
        };
        match labels {
            [] => encode(&mut self.encoder),
            _ => encode(&mut self.encoder.encode_family(&labels)?),
        }
    }
}

fn families() -> impl Iterator<Item = Family> {
    argod()
        .into_iter()
        .chain(limits())
        .chain(work())
        .chain(services::services())
        .chain(machines::machines())
}

/// argod as a whole.
fn argod() -> [Family; 12] {
    let seconds = Some(Unit::Seconds);
    let whole = |name, help, value| Family::new(name, help, Kind::Gauge, Values::Whole(value));
    let spent = |name, help, value| Family {
        unit: Some(Unit::Seconds),
        ..Family::new(name, help, Kind::Counter, Values::Whole(value))
    };
    [
        Family::new(
            "build_info",
            "Always 1; the label version says which argod this is.",
            Kind::Gauge,
            Values::Version,
        ),
        Family {
            unit: seconds.clone(),
            ..whole("start_time", "When argod started, since 1970.", |stat| {
                Number::Whole(stat.started)
            })
        },
        Family {
            unit: seconds,
            ..whole("uptime", "For how long argod runs.", |stat| Number::Whole(stat.uptime))
        },
        spent("processor", "Processor time that argod used.", |stat| {
            nanoseconds(stat.processor_ns)
        }),
        spent("gone_domains", "Of that, what domains caused that are no more.", |stat| {
            nanoseconds(stat.gone_ns)
        }),
        Family {
            unit: Some(Unit::Seconds),
            ..whole(
                "nobodys",
                "Of that, what no domain caused, or has not been told yet.",
                |stat| nanoseconds(stat.nobodys_ns()),
            )
        },
        whole("workers", "Worker threads.", |stat| count(stat.workers)),
        whole("domains", "Domains.", |stat| count(stat.domains.len())),
        whole("domains_limit", "Domains that there may be.", |stat| count(stat.domains_allowed)),
        whole("admin_connections", "Connections to the admin socket.", |stat| count(stat.admins)),
        whole(
            "admin_connections_limit",
            "Connections to the admin socket that there may be.",
            |stat| count(stat.admins_allowed),
        ),
        Family::new(
            "policy_refusals",
            "What the policy refused, by rule; begins anew when the policy is replaced.",
            Kind::Counter,
            Values::Rules,
        ),
    ]
}

/// What each domain has, and may have.
fn limits() -> [Family; 15] {
    let bytes = Some(Unit::Bytes);
    let gauge = |name, help, value| Family::new(name, help, Kind::Gauge, Values::Domain(value));
    let sized = |name, help, value| Family { unit: bytes.clone(), ..gauge(name, help, value) };
    [
        gauge("domain_active", "1 if the domain has Argo state, else 0.", |domain| {
            Number::Whole(domain.active.into())
        }),
        gauge("domain_sessions", "Processes that are attached.", |domain| {
            count(domain.sessions.len())
        }),
        gauge("domain_sessions_limit", "Processes that may be attached.", |domain| {
            Number::Whole(domain.sessions_allowed.into())
        }),
        gauge(
            "domain_sessions_held",
            "Ended sessions whose RAM somebody still holds; they count as attached.",
            |domain| count(domain.sessions_held),
        ),
        sized("domain_ram", "RAM that each session, or the machine, gets.", |domain| {
            Number::Whole(domain.ram)
        }),
        sized("domain_ram_held", "RAM of ended sessions that somebody still holds.", |domain| {
            Number::Whole(domain.ram.saturating_mul(domain.sessions_held as u64))
        }),
        gauge("domain_rings", "Rings.", |domain| count(domain.rings_total)),
        gauge("domain_rings_limit", "Rings that there may be.", |domain| {
            Number::Whole(domain.rings_allowed.into())
        }),
        sized("domain_rings_size", "Length of all rings together.", |domain| {
            Number::Whole(domain.ring_bytes)
        }),
        sized("domain_rings_size_limit", "Length that all rings may have together.", |domain| {
            Number::Whole(domain.ring_bytes_allowed)
        }),
        gauge("domain_fullest_ring_ratio", "Part of the fullest ring that is filled.", |domain| {
            let permille = domain.fullest.as_ref().map_or(0, |ring| ring.filled_permille());
            Number::Real(permille as f64 / 1000.0)
        }),
        sized("domain_fullest_ring_filled", "Bytes in the fullest ring.", |domain| {
            Number::Whole(domain.fullest.as_ref().map_or(0, |ring| ring.filled.into()))
        }),
        gauge(
            "domain_waiting",
            "Domains that wait for room in the ring that most wait for.",
            |domain| Number::Whole(domain.waiting.into()),
        ),
        gauge("domain_waiting_limit", "Domains that may wait for room in one ring.", |domain| {
            Number::Whole(domain.waiting_allowed.into())
        }),
        gauge("domain_notify_entries_limit", "Entries that one notify may have.", |domain| {
            Number::Whole(domain.entries_allowed.into())
        }),
    ]
}

/// What each domain did, and what that cost.
fn work() -> [Family; 13] {
    let counter = |name, help, value| Family::new(name, help, Kind::Counter, Values::Domain(value));
    let timed =
        |name, help, value| Family { unit: Some(Unit::Seconds), ..counter(name, help, value) };
    let counts = |name, help, values| Family::new(name, help, Kind::Counter, values);
    [
        counter("domain_messages", "Messages sent.", |domain| Number::Whole(domain.messages)),
        Family {
            unit: Some(Unit::Bytes),
            ..counter("domain_sent", "Payload sent.", |domain| Number::Whole(domain.bytes))
        },
        counts(
            "domain_refused_calls",
            "Calls that were refused, by the error they got.",
            Values::Counts("errno", |domain| &domain.refused),
        ),
        counts(
            "domain_denied",
            "What the policy denied the domain, by hook, port rules or rate limits.",
            Values::Counts("hook", |domain| &domain.denied),
        ),
        timed("domain_service", "Time that argod spent on calls.", |domain| {
            nanoseconds(domain.service_ns)
        }),
        timed("domain_doorbell", "Time that argod spent on doorbells.", |domain| {
            nanoseconds(domain.doorbell_ns)
        }),
        timed("domain_interrupt", "Time that argod spent on interrupts.", |domain| {
            nanoseconds(domain.interrupt_ns)
        }),
        timed("domain_attachment", "Time that argod spent on who connected.", |domain| {
            nanoseconds(domain.attachment_ns)
        }),
        timed(
            "domain_services",
            "Time that argod spent on grants, event channels and the store.",
            |domain| nanoseconds(domain.services_ns),
        ),
        timed(
            "domain_ending",
            "Time that argod spent on ending sessions, and on beginning and ending a machine.",
            |domain| nanoseconds(domain.ending_ns),
        ),
        counter(
            "domain_mutes",
            "How often doorbells were ignored for a while, since they rang for nothing.",
            |domain| Number::Whole(domain.mutes),
        ),
        counter("domain_attachments", "Processes that attached.", |domain| {
            Number::Whole(domain.attachments)
        }),
        counter("domain_refused_attachments", "Processes that were refused.", |domain| {
            Number::Whole(domain.refused_attachments)
        }),
    ]
}

impl Family {
    fn new(name: &'static str, help: &'static str, kind: Kind, values: Values) -> Self {
        Self { name, help, unit: None, kind, values }
    }
}

fn count(number: usize) -> Number {
    Number::Whole(number as u64)
}

fn nanoseconds(number: u64) -> Number {
    Number::Real(number as f64 / 1e9)
}

//! What each domain uses of grants, event channels and the store.

use super::{Family, Kind, Number, Values, count};
use crate::admin::DomainStat;

pub(super) fn services() -> impl Iterator<Item = Family> {
    sharing().into_iter().chain(store()).chain(requests())
}

fn gauge(name: &'static str, help: &'static str, value: fn(&DomainStat) -> Number) -> Family {
    Family::new(name, help, Kind::Gauge, Values::Domain(value))
}

fn sharing() -> [Family; 10] {
    [
        gauge("domain_services_connections", "Connections for services.", |domain| {
            count(domain.services.connections)
        }),
        gauge(
            "domain_services_connections_limit",
            "Connections for services that there may be.",
            |domain| Number::Whole(domain.services_allowed.connections.into()),
        ),
        gauge(
            "domain_shares",
            "Shares, with those that were taken back and that somebody still has mapped.",
            |domain| count(domain.services.shares),
        ),
        gauge("domain_shares_limit", "Shares that there may be.", |domain| {
            Number::Whole(domain.services_allowed.shares.into())
        }),
        gauge("domain_shared_pages", "Pages of 4 KiB in these shares.", |domain| {
            Number::Whole(domain.services.pages.into())
        }),
        gauge("domain_shared_pages_limit", "Pages that there may be in shares.", |domain| {
            Number::Whole(domain.services_allowed.grant_pages.into())
        }),
        gauge("domain_maps", "Maps of other domains' shares.", |domain| {
            count(domain.services.maps)
        }),
        gauge("domain_maps_limit", "Maps that there may be.", |domain| {
            Number::Whole(domain.services_allowed.maps.into())
        }),
        gauge("domain_event_channel_ports", "Ports of event channels.", |domain| {
            count(domain.services.ports)
        }),
        gauge("domain_event_channel_ports_limit", "Ports that there may be.", |domain| {
            Number::Whole(domain.services_allowed.ports.into())
        }),
    ]
}

fn store() -> [Family; 6] {
    [
        gauge("domain_store_nodes", "Nodes of the store that the domain owns.", |domain| {
            count(domain.services.store_nodes)
        }),
        gauge("domain_store_nodes_limit", "Nodes that it may own.", |domain| {
            Number::Whole(domain.services_allowed.store_nodes.into())
        }),
        gauge("domain_store_watches", "Watches of the store.", |domain| {
            count(domain.services.store_watches)
        }),
        gauge("domain_store_watches_limit", "Watches that there may be.", |domain| {
            Number::Whole(domain.services_allowed.store_watches.into())
        }),
        gauge("domain_store_transactions", "Open transactions of the store.", |domain| {
            count(domain.services.store_transactions)
        }),
        gauge("domain_store_transactions_limit", "Transactions that may be open.", |domain| {
            Number::Whole(domain.services_allowed.store_transactions.into())
        }),
    ]
}

fn requests() -> [Family; 2] {
    let counter = |name, help, value| Family::new(name, help, Kind::Counter, Values::Domain(value));
    [
        counter("domain_services_requests", "Requests to the services.", |domain| {
            Number::Whole(domain.services.requests)
        }),
        counter(
            "domain_services_refused",
            "Requests to the services that were refused.",
            |domain| Number::Whole(domain.services.refused),
        ),
    ]
}

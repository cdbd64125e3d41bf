//! What a guest reaches in the services of its host.

extern crate alloc;

use alloc::vec::Vec;

use argo_core::DomainId;
use argo_core::host::services::{Access, Entry};
use xen_services::Holder;
use xen_services::channels::{Channels, Ends};
use xen_services::grants::{Grants, Limits, Notify, Offer};
use xen_services::store::{ConnectionId, Guard, Quota, Store};

/// Any bytes as a message to the store.
#[unsafe(no_mangle)]
pub fn trusting_store(
    store: &mut Store,
    connection: ConnectionId,
    guard: &dyn Guard,
    message: &[u8],
) -> Option<Vec<u8>> {
    let _ = store.request(connection, guard, message);
    store.next_event(connection)
}

/// The life of a domain in the store.
#[unsafe(no_mangle)]
pub fn trusting_store_connections(
    store: &mut Store,
    domain: DomainId,
    name: &str,
    guard: &dyn Guard,
) {
    let quota = Quota::CONTROL;
    let _ = store.introduce(domain, name, quota, guard);
    if let Some(connection) = store.connect(domain) {
        store.disconnect(connection);
    }
    let _ = store.forget(domain, guard);
}

/// Any pages shared and mapped, and given up in any way.
#[unsafe(no_mangle)]
pub fn trusting_grants(
    grants: &mut Grants<u32, u32>,
    holder: Holder,
    limits: &Limits,
    offer: Offer<u32, u32>,
    access: Access,
    entries: &[Entry],
) -> usize {
    let notify = Notify { byte: offer.notify.byte, event: None };
    let owners = grants.owners(holder.domain, access, entries).map_or(0, |owners| owners.len());
    if let Ok(mapped) = grants.map(holder, limits, access, entries, notify) {
        drop(grants.unmap(holder, mapped.map));
    }
    if let Ok(shared) = grants.share(holder, limits, offer) {
        drop(grants.unshare(holder, shared.share));
    }
    owners + grants.end_connection(holder).len() + grants.end_domain(holder.domain).len()
}

/// Any ports allocated and bound, and closed in any way.
#[unsafe(no_mangle)]
pub fn trusting_channels(
    channels: &mut Channels<u32>,
    holder: Holder,
    remote: DomainId,
    limit: u32,
    port: u32,
) -> usize {
    let allocated = channels.alloc_unbound(holder, remote, limit, Ends { allocator: 0, binder: 1 });
    let bound = channels.bind(holder, remote, port, limit);
    drop(channels.close(holder, allocated.unwrap_or(port)));
    drop(channels.close(holder, bound.map_or(port, |bound| bound.port)));
    channels.end_connection(holder).len()
        + channels.end_domain(holder.domain).len()
        + channels.sever(|from, _| from == remote).len()
}

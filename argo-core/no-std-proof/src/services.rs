//! What a hypervisor with a store does, and a guest that serves a vchan.

use argo_core::DomainId;
use vchan::Server;
use xen_services::store::{Quota, Store};

/// Whether a domain that nobody introduced is kept from the store.
#[unsafe(no_mangle)]
pub extern "C" fn xen_store_refuses_strangers(domain: u16) -> bool {
    let mut store = Store::new(Quota::CONTROL);
    DomainId::new(domain).is_none_or(|domain| store.connect(domain).is_none())
}

/// Whether a domain can be served with rings of at least these sizes in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn vchan_serves(client: u16, read: usize, write: usize) -> bool {
    DomainId::new(client).is_some_and(|client| Server::new(client).minimums(read, write).is_ok())
}

//! A send allocates nothing, delivered or refused. (In a binary of its own, for its allocator.)
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use argo_core::abi::Iov;
use argo_core::{DomainId, Errno};
use argo_hypervisor::{Argo, Caller, Config, Engine, Events, Quotas, Start, WildcardRings};
use argo_hypervisor::{ParkingLot, inprocess::AllowAll};
use support::*;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as for `alloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Hears nothing, so that only the engine could allocate.
struct Quiet;

impl Events for Quiet {
    fn virq(&self, _: DomainId) {}
}

enum Still {}

impl argo_hypervisor::System for Still {
    type Memory = <Testbed as argo_hypervisor::System>::Memory;
    type Policy = AllowAll;
    type Events = Quiet;
    type Locks = ParkingLot;
}

fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

#[test]
fn sends_allocate_nothing() {
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
    let engine = Engine::<Still>::new(config, AllowAll, Quiet);
    let guest = |id| {
        let domain = engine.create_domain(domain(id), Quotas::default(), Start::Active).unwrap();
        Caller::new(domain, ram())
    };
    let (server, clients) = (guest(1), [2, 3, 4].map(guest));
    let len = argo_core::claim::RingLen::check(4096).unwrap();
    let request = argo_hypervisor::RegisterRequest {
        name: from_any(),
        len,
        existing: argo_hypervisor::Existing::Fail,
    };
    assert!(allocations(|| engine.register_ring(&server, &request, pages(8, len)).unwrap()) > 0);
    let send_addr = argo_core::abi::SendAddr {
        src: argo_core::abi::Addr { aport: 1, domain_id: argo_core::abi::DOMID_ANY, pad: 0 },
        dst: argo_core::abi::Addr { aport: PORT.0, domain_id: 1, pad: 0 },
    };
    let iov = Iov { iov_hnd: PAYLOAD, iov_len: 64, pad: 0 };
    for client in &clients {
        use argo_hypervisor::GuestMemory;
        use zerocopy::IntoBytes;
        client.memory.write(argo_core::GuestAddr(0x2000), send_addr.as_bytes()).unwrap();
        client.memory.write(argo_core::GuestAddr(0x2010), iov.as_bytes()).unwrap();
    }
    let (mut sent, mut refused) = (0, 0);
    let count = allocations(|| {
        for client in clients.iter().cycle().take(300) {
            let ret = engine.argo_op(client, 3, 0x2000, 0x2010, 1, 0);
            sent += u32::from(ret == 64);
            refused += u32::from(ret == Errno::EAGAIN.ret());
        }
    });
    assert_eq!((count, sent, refused), (0, 51, 249));
}

//! Grants and event channels under any requests of a few domains. Quotas hold, a map has the pages that
//! were asked for, of shares that are for whoever maps them; and when everybody is gone, nobody holds a
//! share's memory or a channel's end.
#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use argo_core::DomainId;
use argo_core::host::services::{Access, Entry, PAGES_MAX};
use argo_fuzz::world::domain;
use libfuzzer_sys::fuzz_target;
use xen_services::Holder;
use xen_services::channels::{Channels, Ends};
use xen_services::grants::{Grants, Limits, Notify, Offer};

const DOMAINS: u8 = 3;
const LIMITS: Limits = Limits { pages: 6, shares: 3, maps: 3 };
const PORTS: u32 = 3;

#[derive(Arbitrary, Debug)]
enum Step {
    Share { by: Who, to: u8, writable: bool, pages: u8, notify: Option<(u16, u8)> },
    Unshare { by: Who, share: u8 },
    Map { by: Who, writable: bool, entries: Vec<(u8, u8)>, notify: Option<(u16, u8)> },
    Unmap { by: Who, map: u8 },
    Allocate { by: Who, remote: u8 },
    Bind { by: Who, remote: u8, port: u8 },
    Close { by: Who, port: u8 },
    Sever { from: u8 },
    HangUp(Who),
    Go(u8),
}

/// A connection of a domain.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Who {
    domain: u8,
    second: bool,
}

fuzz_target!(|steps: Vec<Step>| {
    let mut scene = Scene::default();
    for step in &steps {
        scene.take(step);
        scene.check();
    }
    scene.end();
});

#[derive(Default)]
struct Scene {
    grants: Grants<Memory, Arc<()>>,
    channels: Channels<Arc<()>>,
    /// One of each end that was ever brought, and of each share's memory.
    ends: Vec<Arc<()>>,
    memories: Vec<Memory>,
    /// How often each domain has gone.
    lives: [u32; DOMAINS as usize],
}

/// A share's memory, which knows for whom it is.
#[derive(Clone, Debug)]
struct Memory {
    owner: DomainId,
    to: DomainId,
    /// Which life of that.
    life: u32,
    writable: bool,
    held: Arc<()>,
}

impl Scene {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Share { by, to, writable, pages, notify } => {
                let notify = self.notify(*by, *notify);
                let memory = self.memory(*by, *to, *writable);
                let (to, access, pages) = (number(*to), access(*writable), (*pages).into());
                let offer = Offer { to, access, pages, memory, notify };
                let _ = self.grants.share(by.holder(), &LIMITS, offer);
            }
            Step::Unshare { by, share } => {
                drop(self.grants.unshare(by.holder(), (*share).into()));
            }
            Step::Map { by, writable, entries, notify } => {
                let notify = self.notify(*by, *notify);
                self.map(*by, *writable, entries, notify);
            }
            Step::Unmap { by, map } => drop(self.grants.unmap(by.holder(), (*map).into())),
            Step::Allocate { by, remote } => {
                let ends = Ends { allocator: self.bring(), binder: self.bring() };
                let _ = self.channels.alloc_unbound(by.holder(), number(*remote), PORTS, ends);
            }
            Step::Bind { by, remote, port } => self.bind(*by, *remote, *port),
            Step::Close { by, port } => drop(self.channels.close(by.holder(), (*port).into())),
            Step::Sever { from } => drop(self.channels.sever(|one, _| one == number(*from))),
            Step::HangUp(by) => {
                drop(self.grants.end_connection(by.holder()));
                drop(self.channels.end_connection(by.holder()));
            }
            Step::Go(id) => self.go(number(*id)),
        }
    }

    fn map(&mut self, by: Who, writable: bool, entries: &[(u8, u8)], notify: Notify<Arc<()>>) {
        let entry = |(domain, reference): &(u8, u8)| Entry {
            domain: number(*domain).raw().into(),
            reference: u32::from(reference >> 3 & 3) * PAGES_MAX + u32::from(reference & 7),
        };
        let entries: Vec<Entry> = entries.iter().map(entry).collect();
        let access = access(writable);
        let Ok(mapped) = self.grants.map(by.holder(), &LIMITS, access, &entries, notify) else {
            return;
        };
        let extents = mapped.extents.iter();
        let of = |memory: u32| mapped.memories[memory as usize].owner.raw().into();
        let pages: Vec<(u32, u32)> = extents
            .flat_map(|extent| {
                (0..extent.pages).map(|page| (of(extent.memory), extent.page + page))
            })
            .collect();
        let asked: Vec<(u32, u32)> =
            entries.iter().map(|entry| (entry.domain, entry.reference % PAGES_MAX)).collect();
        assert_eq!(pages, asked, "other pages than asked for");
        let (mapper, life) = (by.holder().domain, self.life(by.holder().domain));
        let is_for = |memory: &Memory| {
            (memory.to, memory.life) == (mapper, life) && (memory.writable || !writable)
        };
        assert!(mapped.memories.iter().all(is_for), "mapped what is for another domain");
    }

    /// Who binds has what the other domain allocated for it.
    fn bind(&mut self, by: Who, remote: u8, port: u8) {
        let bound = self.channels.bind(by.holder(), number(remote), port.into(), PORTS);
        if let Ok(bound) = bound {
            let (own, theirs) = (by.holder().domain, number(remote));
            assert!(self.channels.is_allocated(theirs, port.into()));
            let ends = [self.channels.end(own, bound.port), self.channels.end(theirs, port.into())];
            let [Some(end), Some(other)] = ends else { panic!("a bound port without an end") };
            assert!(Arc::ptr_eq(&end, &bound.ends.binder));
            assert!(Arc::ptr_eq(&other, &bound.ends.allocator));
        }
    }

    fn life(&self, id: DomainId) -> u32 {
        self.lives[usize::from(id.raw())]
    }

    fn go(&mut self, id: DomainId) {
        self.lives[usize::from(id.raw())] += 1;
        drop(self.grants.end_domain(id));
        drop(self.channels.end_domain(id));
        assert_eq!((self.grants.maps(id), self.channels.ports(id)), (0, 0));
    }

    fn notify(&mut self, by: Who, notify: Option<(u16, u8)>) -> Notify<Arc<()>> {
        let event = notify.and_then(|(_, port)| self.channels.end(by.holder().domain, port.into()));
        Notify { byte: notify.map(|(byte, _)| byte.into()), event }
    }

    fn memory(&mut self, by: Who, to: u8, writable: bool) -> Memory {
        let (owner, to, held) = (by.holder().domain, number(to), Arc::new(()));
        let memory = Memory { owner, to, life: self.life(to), writable, held };
        self.memories.push(memory.clone());
        memory
    }

    fn bring(&mut self) -> Arc<()> {
        let new = Arc::new(());
        self.ends.push(new.clone());
        new
    }

    fn check(&self) {
        for id in (0..DOMAINS).map(number) {
            assert!(self.grants.maps(id) <= LIMITS.maps as usize);
            assert!(self.channels.ports(id) <= PORTS as usize);
            let (pages, shares) = (self.grants.pages(id), self.grants.shares(id));
            assert!(pages <= LIMITS.pages && shares <= LIMITS.shares as usize);
        }
    }

    fn end(mut self) {
        (0..DOMAINS).map(number).for_each(|id| self.go(id));
        for id in (0..DOMAINS).map(number) {
            assert_eq!((self.grants.pages(id), self.grants.shares(id)), (0, 0));
        }
        let is_held = |held: &Arc<()>| Arc::strong_count(held) > 1;
        assert!(!self.ends.iter().any(is_held), "an end is held by nobody's wish");
        assert!(!self.memories.iter().any(|memory| is_held(&memory.held)), "memory is held");
    }
}

impl Who {
    fn holder(self) -> Holder {
        let connection = u64::from(self.domain % DOMAINS) * 2 + u64::from(self.second);
        Holder { domain: number(self.domain), connection }
    }
}

fn number(id: u8) -> DomainId {
    domain((id % DOMAINS).into())
}

fn access(writable: bool) -> Access {
    if writable { Access::Write } else { Access::Read }
}

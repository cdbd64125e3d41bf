//! The simplest machine under a guest: an engine that is called directly, and one processor.

extern crate alloc;

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use core::time::Duration;

use argo_core::abi::PAGE_SIZE;
use argo_core::platform::{Call, EventCounts, Gone, Link, Platform, Submission, Tag};
use argo_core::policy::{Action, Decision, PortQuery, Query};
use argo_core::{DomainId, Errno, GuestAddr};
use argo_hypervisor::{
    Argo, Caller, Config, Engine, Events, Judge, LinearMemory, Quotas, Start, System, WildcardRings,
};
use argo_mem::{HeapRam, Memory, View};

use crate::spin::SpinLocks;

const PAGES: usize = 1024;

struct Bare;
struct Allow;

/// Interrupts, and whatever else ends a wait.
#[derive(Default)]
struct News {
    interrupts: AtomicU32,
    nudges: AtomicU32,
}

impl System for Bare {
    type Memory = LinearMemory<HeapRam>;
    type Policy = Allow;
    type Events = News;
    type Locks = SpinLocks;
}

impl Judge for Allow {
    fn hook(&self, _: Query) -> Decision {
        Decision { action: Action::Allow, rule: None }
    }

    fn ports(&self, _: PortQuery) -> Decision {
        Decision { action: Action::Allow, rule: None }
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        self.ports(query)
    }
}

impl Events for News {
    fn virq(&self, _: DomainId) {
        self.interrupts.fetch_add(1, Ordering::SeqCst);
    }
}

/// A domain that is alone on its engine.
pub struct Machine {
    engine: Engine<Bare>,
    caller: Caller<Bare>,
    broken_chain: AtomicBool,
    closed: AtomicBool,
    /// Its clock, in microseconds: a look at it takes one.
    micros: AtomicU64,
}

impl Machine {
    /// Domain 1 of a new engine, with 4 MiB of RAM; `None`: that could not be made.
    pub fn new() -> Option<Self> {
        let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
        let engine = Engine::new(config, Allow, News::default());
        let id = DomainId::new(1)?;
        let domain = engine.create_domain(id, Quotas::default(), Start::Active).ok()?;
        let ram = Arc::new(HeapRam::zeroed(PAGES * PAGE_SIZE as usize));
        let memory = LinearMemory::new(ram, 0, PAGES as u64).ok()?;
        Some(Self {
            caller: Caller::new(domain, memory),
            engine,
            broken_chain: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            micros: AtomicU64::new(0),
        })
    }

    fn check_open(&self) -> Result<(), Gone> {
        if self.closed.load(Ordering::SeqCst) { Err(Gone) } else { Ok(()) }
    }
}

impl Platform for Machine {
    fn domain(&self) -> DomainId {
        self.caller.domain.id()
    }

    fn ram(&self) -> View<'_> {
        self.caller.memory.memory().view()
    }

    fn handle(&self, offset: usize) -> GuestAddr {
        GuestAddr(offset as u64)
    }

    fn submit(&self, call: &Call, _: Tag) -> Result<Submission, Gone> {
        self.check_open()?;
        let [arg1, arg2, arg3, arg4] = call.args;
        let ret = if self.broken_chain.load(Ordering::SeqCst) {
            Errno::ECANCELED.ret()
        } else {
            self.engine.argo_op(&self.caller, call.cmd, arg1, arg2, arg3, arg4)
        };
        self.broken_chain.store(call.link == Link::Next && ret < 0, Ordering::SeqCst);
        Ok(Submission::Done(ret))
    }

    fn flush(&self) -> Result<(), Gone> {
        self.check_open()
    }

    fn reap(&self, _: &mut dyn FnMut(Tag, i64)) {}

    fn events(&self) -> EventCounts {
        let virq = self.engine.events().interrupts.load(Ordering::SeqCst);
        EventCounts { virq, ..EventCounts::default() }
    }

    fn now(&self) -> Duration {
        Duration::from_micros(self.micros.fetch_add(1, Ordering::SeqCst))
    }

    fn sequence(&self) -> u32 {
        let news = self.engine.events();
        let interrupts = news.interrupts.load(Ordering::SeqCst);
        interrupts.wrapping_add(news.nudges.load(Ordering::SeqCst))
    }

    /// Nobody else runs here. Where no time limit ends the wait, nothing ever would: that is an
    /// end, too, so that a guest which misses its news fails and does not hang.
    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<(), Gone> {
        self.check_open()?;
        if self.sequence() != seen {
            return Ok(());
        }
        let time = timeout.ok_or(Gone)?;
        self.micros.fetch_add(time.as_micros() as u64, Ordering::SeqCst);
        Ok(())
    }

    fn wake(&self) {
        self.engine.events().nudges.fetch_add(1, Ordering::SeqCst);
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

//! A domain's machine: an in-process domain whose calls are answered, and whose interrupts come,
//! when the simulation says so.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use argo_core::abi::{Iov, Op, SendAddr};
use argo_core::host::layout::QUEUE_ENTRIES;
use argo_core::platform::{Call, EventCounts, Gone, Platform, Submission, Tag};
use argo_core::{DomainId, GuestAddr};
use argo_hypervisor::inprocess::{AllowAll, LocalDomain};
use argo_mem::View;
use argo_stream::wire::{Flags, STREAM};
use parking_lot::Mutex;
use zerocopy::{FromZeros, IntoBytes};

/// Virtual time, the same for all.
#[derive(Default)]
pub struct Clock(AtomicU64);

impl Clock {
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(SeqCst))
    }

    pub fn set(&self, to: Duration) {
        self.0.fetch_max(u64::try_from(to.as_nanos()).unwrap(), SeqCst);
    }
}

/// What kind of hypervisor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Takes calls into a queue, and counts what Argo does not report.
    Argod,
    /// Answers at once, and reports nothing but `VIRQ_ARGO`.
    Xen,
}

#[derive(Clone)]
pub struct Machine(Arc<Shared>);

struct Shared {
    local: LocalDomain<AllowAll>,
    kind: Kind,
    /// The domain to which and from which nothing extended is offered.
    plain: Option<u16>,
    clock: Arc<Clock>,
    queue: Mutex<VecDeque<(Call, Tag)>>,
    done: Mutex<VecDeque<(Tag, i64)>>,
    /// The events that the domain has been told of, spurious ones included.
    told: Mutex<EventCounts>,
    spurious: AtomicU32,
    sequence: AtomicU32,
    woken: AtomicBool,
    dead: AtomicBool,
}

impl Machine {
    pub fn new(
        local: LocalDomain<AllowAll>,
        kind: Kind,
        plain: Option<u16>,
        clock: Arc<Clock>,
    ) -> Self {
        let told = Mutex::new(local.events());
        let (queue, done, spurious, sequence, woken, dead) = Default::default();
        let shared = Shared {
            local,
            kind,
            plain,
            clock,
            queue,
            done,
            told,
            spurious,
            sequence,
            woken,
            dead,
        };
        Self(Arc::new(shared))
    }

    /// Handles on it, this one included.
    pub fn handles(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    pub fn has_calls(&self) -> bool {
        !self.0.queue.lock().is_empty() && !self.is_dead()
    }

    /// Executes the oldest call.
    pub fn serve(&self) {
        let Some((call, tag)) = self.0.queue.lock().pop_front() else { return };
        self.downgrade(&call);
        if let Ok(Submission::Done(ret)) = self.0.local.submit(&call, tag) {
            self.0.done.lock().push_back((tag, ret));
            self.0.sequence.fetch_add(1, SeqCst);
        }
    }

    /// Takes the offer of the extension out of a request that the plain domain makes or gets: both
    /// ends then believe that the other does not know it.
    fn downgrade(&self, call: &Call) {
        let (mut addresses, mut iov, mut flags) = (SendAddr::new_zeroed(), Iov::new_zeroed(), 0);
        let ram = self.0.local.ram();
        let read = |at: u64, out: &mut [u8]| ram.read(at as usize, out).unwrap();
        if call.cmd != Op::Sendv as u32 || call.args[3] != u64::from(STREAM) {
            return;
        }
        read(call.args[0], addresses.as_mut_bytes());
        read(call.args[1], iov.as_mut_bytes());
        let ends = [self.domain().raw(), addresses.dst.domain_id];
        if !ends.map(Some).contains(&self.0.plain) {
            return;
        }
        read(iov.iov_hnd, u32::as_mut_bytes(&mut flags));
        let asks = Flags::from_bits_retain(flags);
        if asks.contains(Flags::SYN) && !asks.contains(Flags::SEQPACKET) {
            let plain = (asks - Flags::EXTENDED).bits();
            ram.write(iov.iov_hnd as usize, plain.as_bytes()).unwrap();
        }
    }

    /// Whether events have happened that the domain was not told of.
    pub fn has_events(&self) -> bool {
        self.pending() != *self.0.told.lock() && !self.is_dead()
    }

    /// Tells the domain of all events, as one.
    pub fn interrupt(&self) {
        *self.0.told.lock() = self.pending();
        self.0.sequence.fetch_add(1, SeqCst);
    }

    /// Tells it of an event that did not happen.
    pub fn interrupt_for_nothing(&self) {
        self.0.spurious.fetch_add(1, SeqCst);
        self.interrupt();
    }

    fn pending(&self) -> EventCounts {
        let mut events = self.0.local.events();
        events.virq = events.virq.wrapping_add(self.0.spurious.load(SeqCst));
        events
    }

    /// Whether its driver is to have a turn, since this sequence.
    pub fn has_news(&self, seen: u32) -> bool {
        self.0.woken.swap(false, SeqCst) || self.sequence() != seen
    }

    /// The hypervisor ends the session.
    pub fn kill(&self) {
        self.0.dead.store(true, SeqCst);
        self.0.local.close();
        self.0.sequence.fetch_add(1, SeqCst);
    }

    pub fn is_dead(&self) -> bool {
        self.0.dead.load(SeqCst)
    }
}

impl Platform for Machine {
    fn domain(&self) -> DomainId {
        self.0.local.domain()
    }

    fn ram(&self) -> View<'_> {
        self.0.local.ram()
    }

    fn handle(&self, offset: usize) -> GuestAddr {
        self.0.local.handle(offset)
    }

    fn submit(&self, call: &Call, tag: Tag) -> Result<Submission, Gone> {
        self.flush()?;
        if self.0.kind == Kind::Xen {
            self.downgrade(call);
            return self.0.local.submit(call, tag);
        }
        let mut queue = self.0.queue.lock();
        if queue.len() + self.0.done.lock().len() >= QUEUE_ENTRIES as usize {
            return Ok(Submission::Full);
        }
        queue.push_back((*call, tag));
        Ok(Submission::Queued)
    }

    fn flush(&self) -> Result<(), Gone> {
        if self.is_dead() { Err(Gone) } else { self.0.local.flush() }
    }

    fn reap(&self, completed: &mut dyn FnMut(Tag, i64)) {
        while let Some((tag, ret)) = { self.0.done.lock().pop_front() } {
            completed(tag, ret);
        }
    }

    fn events(&self) -> EventCounts {
        let told = *self.0.told.lock();
        match self.0.kind {
            Kind::Argod => told,
            Kind::Xen => EventCounts {
                space_wanted: None,
                peers_gone: None,
                rings_cut: None,
                wait_lost: 0,
                ..told
            },
        }
    }

    fn now(&self) -> Duration {
        self.0.clock.now()
    }

    fn sequence(&self) -> u32 {
        self.0.sequence.load(SeqCst)
    }

    fn wait(&self, _: u32, _: Option<Duration>) -> Result<(), Gone> {
        // A history that failed already is to name its seed.
        let failed = std::thread::panicking();
        assert!(failed || self.is_dead(), "domain {} blocks", self.domain());
        Err(Gone)
    }

    fn wake(&self) {
        self.0.woken.store(true, SeqCst);
    }

    fn close(&self) {
        self.kill();
    }
}

//! Two or more domains in this process, and a platform whose calls take as long as a test wants.
#![allow(dead_code, reason = "each test file uses its part of this")]

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use argo_core::platform::{Call, EventCounts, Gone, Platform, Submission, Tag};
use argo_core::{DomainId, GuestAddr};
use argo_guest::{Address, BindOptions, Datagram, Domain, Port};
use argo_hypervisor::inprocess::{AllowAll, InProcess, LocalDomain, Rules};
use argo_hypervisor::{Argo, Config, Policy, WildcardRings};
use argo_mem::View;
use parking_lot::{Condvar, Mutex};

pub const PATIENCE: Duration = Duration::from_secs(20);
pub const RAM_PAGES: usize = 256;

pub fn id(raw: u16) -> DomainId {
    DomainId::new(raw).unwrap()
}

pub fn at(domain: u16, port: u32) -> Address {
    Address::new(id(domain), Port(port))
}

pub fn system() -> InProcess<AllowAll> {
    system_with(AllowAll)
}

pub fn guarded(rules: Rules) -> InProcess<Rules> {
    system_with(rules)
}

pub fn system_with<P: Policy + 'static>(policy: P) -> InProcess<P> {
    InProcess::new(Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed }, policy)
}

pub fn local<P: Policy + 'static>(system: &InProcess<P>, raw: u16) -> LocalDomain<P> {
    system.domain(id(raw), RAM_PAGES).unwrap()
}

/// A domain that lends messages in place.
pub fn domain<P: Policy + 'static>(system: &InProcess<P>, raw: u16) -> Domain {
    // SAFETY: nobody else has the platform, and the engine keeps Argo's contract.
    #[allow(unsafe_code, reason = "the constructor under test")]
    unsafe {
        Domain::with_exclusive_ram(local(system, raw))
    }
}

/// Two sockets of two domains, each on port 1.
pub fn pair() -> (Datagram, Datagram) {
    let system = system();
    let bind = |raw| Datagram::bind_blocking(&domain(&system, raw), Port(1)).unwrap();
    (bind(1), bind(2))
}

/// A platform that takes calls into a queue and executes them when told to.
#[derive(Clone)]
pub struct Slow(Arc<Shared>);

struct Shared {
    platform: LocalDomain<AllowAll>,
    capacity: usize,
    queue: Mutex<VecDeque<(Call, Tag)>>,
    done: Mutex<VecDeque<(Tag, i64)>>,
    hold: Mutex<Hold>,
    released: Condvar,
}

/// Whether somebody who takes an answer is slow to record it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hold {
    #[default]
    Nothing,
    Next,
    Holding,
}

impl Slow {
    pub fn new(platform: LocalDomain<AllowAll>, capacity: usize) -> Self {
        let (queue, done, hold, released) = Default::default();
        Self(Arc::new(Shared { platform, capacity, queue, done, hold, released }))
    }

    /// Executes the oldest call, if there is one.
    pub fn step(&self) -> bool {
        let Some((call, tag)) = self.0.queue.lock().pop_front() else { return false };
        let Ok(Submission::Done(ret)) = self.0.platform.submit(&call, tag) else { return false };
        self.0.done.lock().push_back((tag, ret));
        self.0.platform.wake();
        true
    }

    pub fn queued(&self) -> usize {
        self.0.queue.lock().len()
    }

    /// Whoever takes the next answer keeps it until somebody else has recorded another one, or
    /// obviously cannot.
    pub fn hold_next_answer(&self) {
        *self.0.hold.lock() = Hold::Next;
    }

    pub fn is_holding(&self) -> bool {
        *self.0.hold.lock() == Hold::Holding
    }

    fn hold(&self) {
        let mut hold = self.0.hold.lock();
        if *hold == Hold::Next {
            *hold = Hold::Holding;
            let holding = |hold: &mut Hold| *hold == Hold::Holding;
            let _ = self.0.released.wait_while_for(&mut hold, holding, Duration::from_millis(200));
        }
    }

    /// Executes calls as they come, until the session ends.
    pub fn serve(&self) {
        let this = self.clone();
        std::thread::spawn(move || {
            while this.0.platform.flush().is_ok() {
                if !this.step() {
                    std::thread::yield_now();
                }
            }
        });
    }
}

impl Platform for Slow {
    fn domain(&self) -> DomainId {
        self.0.platform.domain()
    }

    fn ram(&self) -> View<'_> {
        self.0.platform.ram()
    }

    fn handle(&self, offset: usize) -> GuestAddr {
        self.0.platform.handle(offset)
    }

    fn submit(&self, call: &Call, tag: Tag) -> Result<Submission, Gone> {
        self.0.platform.flush()?;
        let mut queue = self.0.queue.lock();
        if queue.len() + self.0.done.lock().len() >= self.0.capacity {
            return Ok(Submission::Full);
        }
        queue.push_back((*call, tag));
        Ok(Submission::Queued)
    }

    fn flush(&self) -> Result<(), Gone> {
        self.0.platform.flush()
    }

    fn reap(&self, completed: &mut dyn FnMut(Tag, i64)) {
        while let Some((tag, ret)) = { self.0.done.lock().pop_front() } {
            self.hold();
            completed(tag, ret);
            *self.0.hold.lock() = Hold::Nothing;
            self.0.released.notify_all();
        }
    }

    fn events(&self) -> EventCounts {
        self.0.platform.events()
    }

    fn sequence(&self) -> u32 {
        self.0.platform.sequence()
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<(), Gone> {
        self.0.platform.wait(seen, timeout)
    }

    fn now(&self) -> Duration {
        self.0.platform.now()
    }

    fn wake(&self) {
        self.0.platform.wake();
    }

    fn close(&self) {
        self.0.platform.close();
    }
}

/// Binds over a slow platform that nobody else steps.
pub fn bound(slow: &Slow, domain: &Domain, how: impl Into<BindOptions>) -> Datagram {
    let mut bind = pin!(Datagram::bind(domain, how));
    loop {
        if let Poll::Ready(socket) = poll_once(bind.as_mut()) {
            return socket.unwrap();
        }
        slow.step();
    }
}

/// Polls once, with a waker that nobody hears.
pub fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(futures::task::noop_waker_ref()))
}

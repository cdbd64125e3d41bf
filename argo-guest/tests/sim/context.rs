//! What actors share: time, chance, each other.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use argo_guest::{Address, Domain, DomainId};

use super::machine::Clock;
use super::mail::Mail;
use super::oracle::{Oracle, SessionId, SideId};
use super::rng::Rng;

/// What kind of history it is.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Memory, rings and patience for all, and listeners that stay: nothing is refused.
    pub generous: bool,
    /// Not streams alone: seqpackets and datagrams, too.
    pub all: bool,
    /// The domain that knows the wire of OpenXT's driver only.
    pub plain: Option<u16>,
}

/// What a task does, to say why it may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    Listen,
    Connect,
    Talk(SideId),
}

pub struct Task {
    pub session: SessionId,
    pub label: Label,
    pub future: Pin<Box<dyn Future<Output = ()>>>,
    pub flag: Arc<Flag>,
}

/// Whether a task is to be polled.
pub struct Flag(pub AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

pub struct Context {
    pub rng: Rng,
    pub clock: Arc<Clock>,
    pub oracle: Oracle,
    pub mail: Mail,
    pub plan: Plan,
    /// The sessions of honest domains, the ended ones included.
    pub sessions: RefCell<Vec<Option<Domain>>>,
    /// Domains that died at some time.
    pub dead: RefCell<BTreeSet<u16>>,
    /// The honest domains, and behind them the hostile one.
    pub domains: Vec<u16>,
    pub hostile: Option<u16>,
    pub spawned: RefCell<Vec<Task>>,
    pub sleepers: RefCell<Vec<(Duration, Waker)>>,
    closing: Cell<bool>,
    closers: RefCell<Vec<Waker>>,
    bound: RefCell<BTreeSet<(u16, u32)>>,
}

impl Context {
    pub fn new(rng: Rng, plan: Plan, domains: Vec<u16>, hostile: Option<u16>) -> Self {
        Self {
            rng,
            clock: Arc::default(),
            oracle: Oracle::default(),
            mail: Mail::default(),
            plan,
            sessions: RefCell::default(),
            dead: RefCell::default(),
            domains,
            hostile,
            spawned: RefCell::default(),
            sleepers: RefCell::default(),
            closing: Cell::new(false),
            closers: RefCell::default(),
            bound: RefCell::default(),
        }
    }

    pub fn domain(&self, session: SessionId) -> Domain {
        self.sessions.borrow()[session].clone().unwrap()
    }

    pub fn is_gone(&self, session: SessionId) -> bool {
        self.oracle.is_dead(session)
    }

    pub fn has_died(&self, domain: DomainId) -> bool {
        self.dead.borrow().contains(&domain.raw())
    }

    pub fn is_hostile(&self, domain: DomainId) -> bool {
        self.hostile == Some(domain.raw())
    }

    /// Everybody to whom one can connect.
    pub fn addressable(&self) -> Vec<u16> {
        self.domains.iter().copied().chain(self.hostile).collect()
    }

    pub fn begin_listening(&self, address: Address) {
        self.bound.borrow_mut().insert((address.domain.raw(), address.port.0));
    }

    /// Whether somebody began to listen there. In generous histories they do not stop.
    pub fn is_listening(&self, address: Address) -> bool {
        self.bound.borrow().contains(&(address.domain.raw(), address.port.0))
    }

    pub fn spawn(
        &self,
        session: SessionId,
        label: Label,
        future: impl Future<Output = ()> + 'static,
    ) {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        self.spawned.borrow_mut().push(Task { session, label, future: Box::pin(future), flag });
    }

    pub async fn sleep(&self, time: Duration) {
        let until = self.clock.now() + time;
        poll_fn(|context| {
            if self.clock.now() >= until {
                return Poll::Ready(());
            }
            self.sleepers.borrow_mut().push((until, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    pub fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// Waits until everything is to end.
    pub async fn closing(&self) {
        poll_fn(|context| {
            if self.closing.get() {
                return Poll::Ready(());
            }
            self.closers.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    pub fn close(&self) {
        self.closing.set(true);
        self.closers.take().into_iter().for_each(Waker::wake);
    }
}

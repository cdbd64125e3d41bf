// A domain whose ports call a hook: what happens in a moment that no test could time.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use vchan::DomainId;
use vchan::inprocess::{self, Domain, Pages};
use vchan::platform::{
    Access, AsyncEventChannel, EventChannel, Fault, GrantRef, Platform, Port, UnmapNotify, Waiter,
    Wake,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    // The peer was signalled.
    Notified,
    // A wait is about to say that the time is over.
    TimedOut,
    // A task is about to look for an event.
    Polled,
}

type Hook = Box<dyn FnMut(Moment) + Send>;

#[derive(Clone)]
pub struct Hooked {
    domain: Domain,
    hook: Arc<Mutex<Option<Hook>>>,
}

impl Hooked {
    pub fn new(domain: &Domain) -> Hooked {
        Hooked { domain: domain.clone(), hook: Arc::default() }
    }

    pub fn set(&self, hook: impl FnMut(Moment) + Send + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }

    fn port(&self, channel: inprocess::Channel) -> HookedPort {
        HookedPort { channel, hook: Arc::clone(&self.hook) }
    }
}

pub struct HookedPort {
    channel: inprocess::Channel,
    hook: Arc<Mutex<Option<Hook>>>,
}

impl HookedPort {
    fn at(&self, moment: Moment) {
        // Poisoned by a hook that failed the test: its drops are to go on.
        let Ok(mut hook) = self.hook.lock() else { return };
        if let Some(hook) = &mut *hook {
            hook(moment);
        }
    }
}

impl EventChannel for HookedPort {
    fn port(&self) -> Port {
        self.channel.port()
    }

    fn notify(&self) -> Result<(), Fault> {
        let notified = self.channel.notify();
        self.at(Moment::Notified);
        notified
    }

    fn seen(&self) -> u32 {
        self.channel.seen()
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<Wake, Fault> {
        let woken = self.channel.wait(seen, timeout);
        if woken == Ok(Wake::TimedOut) {
            self.at(Moment::TimedOut);
        }
        woken
    }

    fn interrupt(&self) {
        self.channel.interrupt();
    }
}

impl AsyncEventChannel for HookedPort {
    fn poll_event(
        &self,
        waiter: Waiter,
        seen: u32,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        self.at(Moment::Polled);
        self.channel.poll_event(waiter, seen, context)
    }
}

impl Platform for Hooked {
    type Pages = Pages;
    type ReadPages = Pages;
    type Channel = HookedPort;

    fn share(
        &self,
        domain: DomainId,
        access: Access,
        references: &mut [GrantRef],
        notify: Option<UnmapNotify>,
    ) -> Result<Pages, Fault> {
        self.domain.share(domain, access, references, notify)
    }

    fn map(
        &self,
        domain: DomainId,
        references: &[GrantRef],
        notify: Option<UnmapNotify>,
    ) -> Result<Pages, Fault> {
        self.domain.map(domain, references, notify)
    }

    fn map_to_read(&self, domain: DomainId, references: &[GrantRef]) -> Result<Pages, Fault> {
        self.domain.map_to_read(domain, references)
    }

    fn alloc_unbound(&self, domain: DomainId) -> Result<HookedPort, Fault> {
        self.domain.alloc_unbound(domain).map(|channel| self.port(channel))
    }

    fn bind_interdomain(&self, domain: DomainId, port: Port) -> Result<HookedPort, Fault> {
        self.domain.bind_interdomain(domain, port).map(|channel| self.port(channel))
    }

    fn now(&self) -> Duration {
        self.domain.now()
    }
}

//! A domain in this process, as the guest library sees its machine.

use alloc::sync::Arc;
use core::time::Duration;
use std::time::Instant;

use argo_core::platform::{Call, Chains, EventCounts, Gone, Platform, Submission, Tag};
use argo_core::{DomainId, GuestAddr};
use argo_mem::{Memory, View};

use super::{Bell, Local};
use crate::domain::Caller;
use crate::engine::Engine;
use crate::policy::Policy;

/// A domain of an [`InProcess`](super::InProcess) system. Dropping it destroys the domain.
pub struct LocalDomain<P: Policy + 'static> {
    engine: Arc<Engine<Local<P>>>,
    caller: Caller<Local<P>>,
    bell: Arc<Bell>,
    chains: Chains,
    began: Instant,
}

impl<P: Policy + 'static> LocalDomain<P> {
    pub(super) fn new(
        engine: Arc<Engine<Local<P>>>,
        caller: Caller<Local<P>>,
        bell: Arc<Bell>,
    ) -> Self {
        Self { engine, caller, bell, chains: Chains::default(), began: Instant::now() }
    }

    /// The domain as the engine's typed calls want it.
    pub fn caller(&self) -> &Caller<Local<P>> {
        &self.caller
    }
}

impl<P: Policy + 'static> Platform for LocalDomain<P> {
    fn domain(&self) -> DomainId {
        self.caller.domain.id()
    }

    fn ram(&self) -> View<'_> {
        self.caller.memory.memory().view()
    }

    fn handle(&self, offset: usize) -> GuestAddr {
        GuestAddr(offset as u64)
    }

    fn submit(&self, call: &Call, _tag: Tag) -> Result<Submission, Gone> {
        self.bell.check_open()?;
        let [arg1, arg2, arg3, arg4] = call.args;
        let op = || self.engine.argo_op(&self.caller, call.cmd, arg1, arg2, arg3, arg4);
        Ok(Submission::Done(self.chains.make(call.link, op)))
    }

    fn flush(&self) -> Result<(), Gone> {
        self.bell.check_open()
    }

    fn reap(&self, _completed: &mut dyn FnMut(Tag, i64)) {}

    fn events(&self) -> EventCounts {
        self.bell.counts()
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn sequence(&self) -> u32 {
        self.bell.sequence()
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<(), Gone> {
        self.bell.wait(seen, timeout)
    }

    fn wake(&self) {
        self.bell.nudge();
    }

    fn close(&self) {
        if self.bell.close() {
            self.engine.deactivate(&self.caller.domain);
        }
    }
}

impl<P: Policy + 'static> Drop for LocalDomain<P> {
    fn drop(&mut self) {
        self.bell.close();
        let id = self.caller.domain.id();
        self.engine.events().remove(id, &self.bell);
        // It may have been destroyed by hand, and its id be another's.
        let ours = self.engine.domain(id).is_some_and(|now| Arc::ptr_eq(&now, &self.caller.domain));
        if ours {
            let _ = self.engine.destroy_domain(id);
        }
    }
}

//! Two domains, the second of which receives.
#![allow(clippy::unwrap_used, reason = "models fail by panic")]

use std::sync::Arc;

use argo_hypervisor::inprocess::AllowAll;
use argo_hypervisor::{Engine, Events, Existing, Policy};

use crate::checker::thread;
use crate::heard::Heard;
use crate::world::{Guest, World, engine, fair_engine, id, ring};

/// Domains 1 and 2. The second has a ring for everybody, with room for one message.
pub struct Pair<P: Policy + 'static = AllowAll, E: Events + 'static = Heard> {
    /// Their engine.
    pub engine: Arc<Engine<World<P, E>>>,
    /// Who sends.
    pub sender: Guest<P, E>,
    /// Who receives.
    pub receiver: Guest<P, E>,
}

impl Pair {
    /// The port of the receiver's ring.
    pub const PORT: u32 = 7;

    /// A pair that may do everything.
    pub fn new() -> Arc<Self> {
        Self::of(AllowAll, Heard::default())
    }

    /// The same, where who waits goes in turn.
    pub fn fair() -> Arc<Self> {
        Self::in_engine(fair_engine(AllowAll, Heard::default()))
    }
}

impl<P: Policy + 'static, E: Events + 'static> Pair<P, E> {
    /// A pair with this policy and these events. Each domain may have two rings.
    pub fn of(policy: P, events: E) -> Arc<Self> {
        Self::in_engine(engine(policy, events))
    }

    fn in_engine(engine: Arc<Engine<World<P, E>>>) -> Arc<Self> {
        let [sender, receiver] = [1, 2].map(|number| Guest::new(&engine, id(number), 1, 2));
        receiver.register(ring(Pair::PORT, None), 0, Existing::Fail).unwrap();
        Arc::new(Self { engine, sender, receiver })
    }

    /// A thread of its own for something that happens to the pair.
    pub fn spawn<T: Send + 'static>(
        self: &Arc<Self>,
        run: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> thread::JoinHandle<T> {
        let pair = self.clone();
        thread::spawn(move || run(&pair))
    }
}

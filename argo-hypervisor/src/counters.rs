//! What a domain did, in numbers.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use argo_core::Errno;
use argo_core::policy::Hook;

/// Counters that only the domain's own calls write. Nothing is ordered by them, hence Relaxed.
#[derive(Default)]
pub(crate) struct Counters {
    messages: AtomicU64,
    bytes: AtomicU64,
    refusals: [AtomicU64; Errno::ALL.len()],
    denials: [AtomicU64; Hook::ALL.len()],
    port_denials: AtomicU64,
    throttled: AtomicU64,
}

/// What denied something.
#[derive(Clone, Copy)]
pub(crate) enum Denial {
    /// A hook.
    Hook(Hook),
    /// A port rule, or none.
    Port,
}

/// What a domain did since it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterStat {
    /// Messages that it sent.
    pub messages: u64,
    /// Bytes of payload that it sent.
    pub bytes: u64,
    /// Calls of its that were refused, by error, in the order of [`Errno::ALL`].
    pub refusals: [u64; Errno::ALL.len()],
    /// Questions that the policy denied, in the order of [`Hook::ALL`].
    pub denials: [u64; Hook::ALL.len()],
    /// Messages, and questions about ports, that the ports' rules denied.
    pub port_denials: u64,
    /// Messages that had to wait because of a rule's rate limit.
    pub throttled: u64,
}

impl Counters {
    #[inline]
    pub fn sent(&self, bytes: u32) {
        self.messages.fetch_add(1, Relaxed);
        self.bytes.fetch_add(u64::from(bytes), Relaxed);
    }

    #[cold]
    pub fn refused(&self, errno: Errno) {
        let kinds = Errno::ALL.iter().zip(&self.refusals);
        for (_, counter) in kinds.filter(|(known, _)| **known == errno) {
            counter.fetch_add(1, Relaxed);
        }
    }

    #[cold]
    pub fn denied(&self, denial: Denial) {
        let Denial::Hook(hook) = denial else {
            self.port_denials.fetch_add(1, Relaxed);
            return;
        };
        let kinds = Hook::ALL.iter().zip(&self.denials);
        for (_, counter) in kinds.filter(|(known, _)| **known == hook) {
            counter.fetch_add(1, Relaxed);
        }
    }

    #[cold]
    pub fn throttled(&self) {
        self.throttled.fetch_add(1, Relaxed);
    }

    pub fn stat(&self) -> CounterStat {
        CounterStat {
            messages: self.messages.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            refusals: self.refusals.each_ref().map(|counter| counter.load(Relaxed)),
            denials: self.denials.each_ref().map(|counter| counter.load(Relaxed)),
            port_denials: self.port_denials.load(Relaxed),
            throttled: self.throttled.load(Relaxed),
        }
    }
}

impl CounterStat {
    /// Calls that were refused with this error.
    pub fn refusals_with(&self, errno: Errno) -> u64 {
        let kinds = Errno::ALL.iter().zip(self.refusals);
        kinds.filter(|(known, _)| **known == errno).map(|(_, count)| count).sum()
    }
}

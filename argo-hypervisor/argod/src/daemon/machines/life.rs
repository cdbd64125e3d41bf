//! What became of a machine.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use argo_core::host::queue::BadIndex;
use argo_vm::Fault;
use parking_lot::Mutex;

use crate::admin::{MachineStat, MachineState};
use crate::config::Restart;

/// How a machine ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It said so.
    Exited(u32),
    /// It could not go on.
    Failed(Fault),
    /// It broke the queue protocol.
    Protocol(BadIndex),
    /// It could not be started again, or one of its threads could not go on.
    Host(String),
    /// Somebody wanted it to.
    Stopped,
}

impl End {
    /// Whether the machine is to be started again.
    pub fn asks_for(&self, restart: Restart) -> bool {
        match (self, restart) {
            (Self::Stopped, _) | (_, Restart::Never) => false,
            (_, Restart::Always) => true,
            (end, Restart::OnFailure) => *end != Self::Exited(0),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit code {code}"),
            Self::Failed(fault) => write!(f, "failed: {fault}"),
            Self::Protocol(bad) => write!(f, "protocol broken: {bad}"),
            Self::Host(why) => f.write_str(why),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// What is known of a machine's lives.
pub struct Life {
    now: Mutex<(MachineState, Option<End>)>,
    /// Somebody runs in the domain, or is about to: longer than it is active in the engine.
    inhabited: AtomicBool,
    exits: AtomicU64,
    restarts: AtomicU64,
    failures: AtomicU64,
}

impl Default for Life {
    fn default() -> Self {
        Self {
            now: Mutex::new((MachineState::Stopped, None)),
            inhabited: AtomicBool::new(false),
            exits: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }
}

impl Life {
    /// It runs. To be told before the engine is.
    pub fn begins(&self) {
        self.now.lock().0 = MachineState::Running;
        self.inhabited.store(true, Ordering::SeqCst);
    }

    /// Nobody runs in it any more; what it is now is told later. To be told before the engine is: a
    /// policy that comes into force in between must not find the domain inhabited, and activate it
    /// for ever.
    pub fn is_deserted(&self) {
        self.inhabited.store(false, Ordering::SeqCst);
    }

    /// It has ended, and this is what it is now.
    pub fn ends(&self, end: End, state: MachineState) {
        let failed = !matches!(end, End::Exited(0) | End::Stopped);
        self.failures.fetch_add(failed.into(), Ordering::Relaxed);
        *self.now.lock() = (state, Some(end));
    }

    /// It is started once more.
    pub fn begins_again(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// It is not started again after all.
    pub fn is_stopped(&self) {
        self.now.lock().0 = MachineState::Stopped;
    }

    /// A vCPU wanted something.
    pub fn exited(&self) {
        self.exits.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether somebody runs in it.
    pub fn is_inhabited(&self) -> bool {
        self.inhabited.load(Ordering::SeqCst)
    }

    /// Whether it does not run and will not, unless somebody starts it.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.now.lock().0, MachineState::Ended | MachineState::Stopped)
    }

    /// What there is to say about it.
    pub fn stat(&self) -> MachineStat {
        let (state, end) = self.now.lock().clone();
        MachineStat {
            state,
            exits: self.exits.load(Ordering::Relaxed),
            restarts: self.restarts.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            last_end: end.map(|end| end.to_string()),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_started_again() {
        let failed = End::Failed(Fault::NoMemory(0));
        let cases = [
            (End::Exited(0), [false, false, true]),
            (End::Exited(1), [false, true, true]),
            (failed, [false, true, true]),
            (End::Stopped, [false, false, false]),
        ];
        let restarts = [Restart::Never, Restart::OnFailure, Restart::Always];
        for (end, expected) in cases {
            assert_eq!(restarts.map(|restart| end.asks_for(restart)), expected, "{end}");
        }
    }
}

//! The calls that every guest of Xen makes: its console, its turns on the processor, its end.

use crate::channel::Port;
use crate::hypercall::{Number, call};

/// Proof that this program is a guest of Xen: only who has one can make hypercalls.
#[derive(Clone, Copy, Debug)]
pub struct Xen(());

/// Why a guest ends (Xen's `SHUTDOWN_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Ending {
    /// It has done.
    PowerOff = 0,
    /// It cannot go on.
    Crash = 3,
}

/// Xen refused a call that a guest cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Xen refuses {call}: {result}")]
pub struct Refused {
    /// What was asked for.
    pub call: &'static str,
    /// What Xen answered: minus an error number.
    pub result: i64,
}

impl Xen {
    /// # Safety
    /// This program runs as a guest of Xen: on x86-64 a paravirtualized one, on arm64 at EL1.
    pub unsafe fn here() -> Self {
        Self(())
    }

    /// Writes to the guest's console, which Xen shows as its own if it is built for debugging.
    pub fn print(self, text: &str) {
        let (at, len) = (text.as_ptr() as u64, text.len() as u64);
        // SAFETY: by `self` this is a guest of Xen; Xen only reads `text`.
        let _unheard = unsafe { call(Number::ConsoleIo, [CONSOLE_WRITE, len, at, 0, 0]) };
    }

    /// Xen's version: major and minor.
    pub fn version(self) -> (u16, u16) {
        // SAFETY: as above; Xen writes nothing.
        let version = unsafe { call(Number::XenVersion, [XEN_VERSION, 0, 0, 0, 0]) };
        let [minor_low, minor_high, major_low, major_high, ..] = version.to_le_bytes();
        (u16::from_le_bytes([major_low, major_high]), u16::from_le_bytes([minor_low, minor_high]))
    }

    /// Gives up the rest of this turn on the processor.
    pub fn pause(self) {
        // SAFETY: as above; Xen writes nothing.
        let _always_well = unsafe { call(Number::SchedOp, [SCHED_YIELD, 0, 0, 0, 0]) };
    }

    /// Sleeps until `port` is pending, or Xen's time is past `deadline`, in nanoseconds. May also
    /// return for no reason.
    ///
    /// # Errors
    /// Xen refuses: it can have no such port. It would refuse at once every time.
    pub fn poll(self, port: Port, deadline: Option<u64>) -> Result<(), Refused> {
        let ports = [port.0];
        let ports_at = ports.as_ptr() as u64;
        let deadline = deadline.map_or(0, |at| at.clamp(1, LATEST));
        let mut argument = Poll { ports_at, ports: 1, pad: 0, deadline };
        // SAFETY: SCHEDOP_poll takes this structure, and `ports` lives until it has returned.
        unsafe { self.command("poll", Number::SchedOp, SCHED_POLL, &mut argument) }?;
        Ok(())
    }

    /// Ends this guest.
    pub fn shut_down(self, ending: Ending) -> ! {
        let mut argument = ending as u32;
        loop {
            // SAFETY: SCHEDOP_shutdown takes a pointer to the reason.
            let _never_returns =
                unsafe { self.command("shutdown", Number::SchedOp, SCHED_SHUTDOWN, &mut argument) };
        }
    }

    /// Makes a call of the kind that takes a command and a structure.
    ///
    /// # Safety
    /// `T` is the structure of that command, and what it points to may be written if the command
    /// writes it.
    pub(crate) unsafe fn command<T>(
        self,
        name: &'static str,
        number: Number,
        command: u64,
        argument: &mut T,
    ) -> Result<i64, Refused> {
        let at = &raw mut *argument as u64;
        // SAFETY: by `self` this is a guest of Xen; it writes `argument`, which is exclusively ours,
        // and else what the caller promises.
        let result = unsafe { call(number, [command, at, 0, 0, 0]) };
        if result < 0 { Err(Refused { call: name, result }) } else { Ok(result) }
    }
}

const CONSOLE_WRITE: u64 = 0;
const XEN_VERSION: u64 = 0;
const SCHED_YIELD: u64 = 0;
const SCHED_SHUTDOWN: u64 = 2;
const SCHED_POLL: u64 = 3;

/// Xen's time is a signed number: what is later it takes for long past.
const LATEST: u64 = i64::MAX.unsigned_abs();

/// `struct sched_poll`.
#[repr(C)]
struct Poll {
    ports_at: u64,
    ports: u32,
    pad: u32,
    /// In nanoseconds of Xen's time; 0 for none.
    deadline: u64,
}

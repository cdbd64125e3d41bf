//! The clock of a paravirtualized guest: time stamps, and what Xen says of them in the shared page.

use core::arch::x86_64::{_mm_lfence, _rdtsc};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use core::time::Duration;

use super::scale::Scale;
use crate::channel::Port;
use crate::xen::{Refused, Xen};

/// Xen's own time.
#[derive(Debug)]
pub struct Clock(&'static TimeInfo);

/// `struct vcpu_time_info`.
#[derive(Debug)]
#[repr(C)]
pub struct TimeInfo {
    version: AtomicU32,
    pad: AtomicU32,
    stamp: AtomicU64,
    time: AtomicU64,
    multiplier: AtomicU32,
    /// The shift is the lowest byte.
    shift_and_flags: AtomicU32,
}

impl Clock {
    /// The clock that is described there.
    pub fn new(info: &'static TimeInfo) -> Self {
        Self(info)
    }

    /// The time since Xen's start.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.0.scale().time_at(stamp()))
    }

    /// Sleeps until the port is pending or the time is over; perhaps less.
    pub(crate) fn wait(
        &self,
        xen: Xen,
        port: Port,
        timeout: Duration,
        _: impl Fn() -> bool,
    ) -> Result<(), Refused> {
        let until = self.now().saturating_add(timeout).as_nanos();
        xen.poll(port, Some(u64::try_from(until).unwrap_or(u64::MAX)))
    }
}

impl TimeInfo {
    /// Xen makes the version odd, changes the rest, and makes it even again.
    fn scale(&self) -> Scale {
        loop {
            // Acquire, so that the rest is read after it; the fence, so that the second look comes last.
            let version = self.version.load(Ordering::Acquire);
            let [shift, ..] = self.shift_and_flags.load(Ordering::Relaxed).to_le_bytes();
            let scale = Scale {
                stamp: self.stamp.load(Ordering::Relaxed),
                time: self.time.load(Ordering::Relaxed),
                multiplier: self.multiplier.load(Ordering::Relaxed),
                shift: i8::from_le_bytes([shift]),
            };
            core::sync::atomic::fence(Ordering::Acquire);
            if version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version {
                return scale;
            }
            core::hint::spin_loop();
        }
    }
}

fn stamp() -> u64 {
    // SAFETY: every x86-64 processor has SSE2.
    unsafe { _mm_lfence() };
    // SAFETY: every x86-64 processor has time stamps; where a guest may not read them, Xen answers.
    unsafe { _rdtsc() }
}

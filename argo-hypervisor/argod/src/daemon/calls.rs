//! The calls in a queue: taken, executed and answered, within a budget.

use std::sync::Arc;
use std::time::{Duration, Instant};

use argo_core::Errno;
use argo_core::abi::Op;
use argo_core::errno::decode_ret;
use argo_core::host::queue::{BadIndex, Completion, HostQueue, LINK, Slot};
use argo_core::platform::Call;
use argo_hypervisor::Caller;
use argo_mem::View;

use super::capture::{self, CaptureFeed};
use super::interrupts::Hold;
use super::system::{Engine, HostSystem};

/// Calls between two looks at the clock.
const CALLS_A_LOOK: u32 = 16;
/// Bytes copied between two looks at the clock.
const BYTES_A_LOOK: u32 = 16 << 10;

/// What a visit may take before others get their turn.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Calls.
    pub calls: u32,
    /// Time. It is looked at every 16 calls or 16 KiB; one call is never interrupted.
    pub time: Duration,
}

/// Who calls, and who executes it.
pub struct Calls<'s> {
    /// Executes.
    pub engine: &'s Engine,
    /// The control area with the queues.
    pub memory: View<'s>,
    /// The domain, and the RAM that its addresses mean.
    pub caller: &'s Caller<HostSystem>,
    /// Those who capture what it sends.
    pub capture: &'s Arc<CaptureFeed>,
    /// Holds receivers' interrupts back.
    pub hold: &'s Hold<'s>,
}

/// A queue.
pub struct Queue {
    ends: HostQueue,
    /// A call of the current chain has failed: the rest of it is not executed.
    chain_failed: bool,
}

impl Queue {
    /// The queue with this number in a fresh control area.
    pub fn new(number: u32) -> Self {
        Self { ends: HostQueue::new(number), chain_failed: false }
    }

    /// Up to where calls were taken.
    pub fn taken(&self) -> u32 {
        self.ends.taken()
    }
}

impl Calls<'_> {
    /// Executes what waits in a queue, as far as the budget goes. Whether more waits.
    ///
    /// # Errors
    /// The guest broke the queue protocol.
    pub fn serve(&self, queue: &mut Queue, meter: &mut Meter) -> Result<bool, BadIndex> {
        let pending = queue.ends.pending(&self.memory)?;
        for _ in 0..pending {
            if meter.is_spent() {
                self.tell(queue);
                return Ok(true);
            }
            let slot = queue.ends.take(&self.memory);
            let ret = self.execute(queue, &slot);
            queue.ends.post(&self.memory, Completion { tag: slot.tag, ret });
            if meter.count(&slot, ret) {
                self.tell(queue);
            }
        }
        self.tell(queue);
        Ok(false)
    }

    /// Receivers are told before the guest sees that its calls are done, as Xen does it.
    fn tell(&self, queue: &Queue) {
        self.hold.release();
        queue.ends.publish(&self.memory);
    }

    fn execute(&self, queue: &mut Queue, slot: &Slot) -> i64 {
        let ret = match slot.call() {
            _ if queue.chain_failed => Errno::ECANCELED.ret(),
            None => Errno::EINVAL.ret(),
            Some(call) => self.perform(&call),
        };
        let linked = slot.flags & LINK != 0;
        queue.chain_failed = linked && decode_ret(ret).is_err();
        ret
    }

    #[inline]
    fn perform(&self, call: &Call) -> i64 {
        if self.capture.is_watched() {
            return capture::execute(self.capture, self.engine, self.caller, call);
        }
        let [arg1, arg2, arg3, arg4] = call.args;
        self.engine.argo_op(self.caller, call.cmd, arg1, arg2, arg3, arg4)
    }
}

/// Counts a visit against its budget.
pub struct Meter {
    budget: Budget,
    begun: Instant,
    calls: u32,
    /// A call without a link was executed, or the last one of a chain.
    ended: bool,
    until_look: u32,
    spent: bool,
}

impl Meter {
    /// A visit that begins now.
    pub fn new(budget: Budget) -> Self {
        let begun = Instant::now();
        Self { budget, begun, calls: 0, ended: false, until_look: BYTES_A_LOOK, spent: false }
    }

    /// Calls that were executed.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// Whether a call without a link was executed, or the last one of a chain.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Counts a call; whether that was a time to look at the clock.
    fn count(&mut self, slot: &Slot, ret: i64) -> bool {
        self.calls += 1;
        self.ended |= slot.flags & LINK == 0;
        let sent = if slot.cmd == Op::Sendv as u32 { decode_ret(ret).unwrap_or(0) } else { 0 };
        let weight = sent.saturating_add(BYTES_A_LOOK / CALLS_A_LOOK);
        self.until_look = self.until_look.saturating_sub(weight);
        let looks = self.until_look == 0;
        if looks {
            self.until_look = BYTES_A_LOOK;
            self.spent = self.begun.elapsed() >= self.budget.time;
        }
        looks
    }

    fn is_spent(&self) -> bool {
        self.spent || self.calls >= self.budget.calls
    }
}

//! A vCPU's thread: it runs the guest and executes its calls.

use std::time::{Duration, Instant};

use argo_core::host::layout::QueueLayout;
use argo_core::host::queue::BadIndex;
use argo_core::host::wake::Event;
use argo_core::host::words::Words as _;
use argo_mem::Memory as _;
use argo_vm::{Exit, Vcpu};

use super::life::End;
use super::run::Board;
use crate::cage::Class;
use crate::daemon::calls::{Calls, Meter};
use crate::daemon::kicking::{processor_time_kicking, time_kicking};
use crate::daemon::meter::Work;
use crate::daemon::processor::Stopwatch;

/// Between two looks at the processor time: each is a system call.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// What takes longer was perhaps preempted, which is not its fault (see `tab`).
const LONG: Duration = Duration::from_micros(300);

/// Runs one vCPU.
pub struct Driver<'b> {
    board: &'b Board,
    number: usize,
    vcpu: Vcpu,
    clock: Clock,
}

/// What this thread's time was used for.
struct Clock {
    looked: Instant,
    processor: Stopwatch,
    /// Since the last look, what calls took by the clock that needs no system call.
    calls: Duration,
    kicking: Duration,
}

impl<'b> Driver<'b> {
    /// For this thread.
    pub fn new(board: &'b Board, number: usize, vcpu: Vcpu) -> Self {
        Self { board, number, vcpu, clock: Clock::start() }
    }

    /// Until the machine's end. The vCPU can tell more about that.
    pub fn run(mut self) -> Vcpu {
        let end = match self.board.host.narrow(Class::Vcpu) {
            Ok(()) => self.until_the_end(),
            Err(error) => End::Host(format!("a vCPU's thread cannot be caged: {error}")),
        };
        self.look();
        self.board.ended(self.number, end);
        self.vcpu
    }

    fn until_the_end(&mut self) -> End {
        let machine = &self.board.machine;
        while !machine.bell.is_over() {
            match self.vcpu.run() {
                Exit::Calls(queue) => {
                    if let Err(bad) = self.serve(queue) {
                        return End::Protocol(bad);
                    }
                }
                Exit::Wait(seen) => self.sleep(seen),
                Exit::Console(bytes) => machine.console.write(self.board.domain.name(), bytes),
                Exit::Done(code) => return End::Exited(code),
                Exit::Failed(fault) => return End::Failed(fault),
                Exit::Interrupted => {}
            }
            machine.life.exited();
            self.look_if_it_is_time();
        }
        End::Stopped
    }

    /// Executes all that is in a queue, in visits like a worker's. Of a queue that there is not: nothing.
    fn serve(&mut self, queue: u32) -> Result<(), BadIndex> {
        let board = self.board;
        let Board { host, machine, caller, queues, .. } = board;
        let Some(queue) = queues.get(queue as usize) else { return Ok(()) };
        let mut queue = queue.lock();
        let mut more = true;
        while more && !machine.bell.is_over() {
            let (begun, kicking) = (Instant::now(), time_kicking());
            let hold = host.engine().events().hold();
            let calls = Calls {
                engine: host.engine(),
                memory: machine.ram.view(),
                caller,
                capture: host.capture(),
                hold: &hold,
            };
            let mut meter = Meter::new(host.budget());
            more = calls.serve(&mut queue, &mut meter)?;
            drop(hold);
            if meter.calls() > 0 {
                // Another vCPU may wait for it.
                machine.bell.raise(Event::Completion);
            }
            let took = begun.elapsed().saturating_sub(time_kicking() - kicking);
            let took = self.clock.visited(took);
            self.pay(took);
            // A guest may have more in its queue for ever.
            self.look_if_it_is_time();
        }
        Ok(())
    }

    fn look_if_it_is_time(&mut self) {
        if self.clock.looked.elapsed() >= LOOK_EVERY {
            self.look();
        }
    }

    /// Sleeps as long as the guest says, and there is no event.
    fn sleep(&mut self, seen: u32) {
        self.look();
        let machine = &self.board.machine;
        let patience = QueueLayout::new(self.number as u32).patience();
        let micros = machine.ram.view().load(patience, std::sync::atomic::Ordering::Relaxed);
        let patience = (micros > 0).then(|| Duration::from_micros(micros.into()));
        machine.bell.sleep(seen, patience);
        self.pay(Duration::ZERO);
    }

    /// Takes from the machine's allowance what calls took, and being woken, by whomever: who has used it
    /// up is delayed.
    fn pay(&self, calls: Duration) {
        let Board { host, machine, .. } = self.board;
        let cost = calls + machine.bell.time_to_charge();
        if let Some(delay) = machine.allowance.take(cost, host.budget().time) {
            machine.bell.rest(delay);
        }
    }

    /// Writes down what the processor was used for since the last look: for calls, as far as they are
    /// known to have taken it, and for the guest.
    fn look(&mut self) {
        let (calls, guest) = self.clock.look();
        let meter = self.board.domain.meter();
        meter.add_time(Work::Calls, calls);
        meter.add_time(Work::Guest, guest);
    }
}

impl Clock {
    /// For this thread, from now on.
    fn start() -> Self {
        Self {
            looked: Instant::now(),
            processor: Stopwatch::start(),
            calls: Duration::ZERO,
            kicking: processor_time_kicking(),
        }
    }

    /// Calls took so long. What of that they worked, as far as can be told: not more than this thread
    /// has since the last look, without what is known to be something else. (The guest's part of that
    /// is not known, but it is no more than what passes between two looks.)
    fn visited(&mut self, took: Duration) -> Duration {
        let unknown = || {
            let kicked = processor_time_kicking().saturating_sub(self.kicking);
            self.processor.peek().saturating_sub(self.calls + kicked)
        };
        let worked = if took > LONG { took.min(unknown()) } else { took };
        self.calls += worked;
        worked
    }

    /// What calls took since the last look, and the guest. Interrupts are on their receivers' accounts.
    fn look(&mut self) -> (Duration, Duration) {
        let kicked = processor_time_kicking();
        let before = std::mem::replace(&mut self.kicking, kicked);
        let used = self.processor.lap().saturating_sub(kicked.saturating_sub(before));
        let calls = std::mem::take(&mut self.calls).min(used);
        self.looked = Instant::now();
        (calls, used - calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses processor time until this thread has used so much more.
    fn work(time: Duration) {
        let stopwatch = Stopwatch::start();
        while stopwatch.peek() < time {}
    }

    #[test]
    fn calls_that_were_preempted_cost_no_more_than_they_worked() {
        let all = Stopwatch::start();
        let mut clock = Clock::start();
        assert_eq!(clock.visited(LONG), LONG);
        work(3 * LONG);
        let preempted = clock.visited(Duration::from_secs(3600));
        assert!(preempted >= 2 * LONG, "{preempted:?}");
        let again = clock.visited(Duration::from_secs(3600));
        assert!(LONG + preempted + again <= all.peek(), "{again:?} was counted already");
        let (calls, guest) = clock.look();
        assert_eq!(calls, LONG + preempted + again);
        assert!(calls + guest <= all.peek(), "{guest:?} is not the guest's");
    }
}

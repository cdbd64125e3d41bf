//! A machine's keeper: a thread that starts it, sees it end, and starts it again.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::life::End;
use super::run::Run;
use super::{Machine, MachineError};
use crate::admin::MachineState;
use crate::cage::Class;
use crate::daemon::domain::HostDomain;
use crate::daemon::host::Host;
use crate::daemon::meter::Work;
use crate::daemon::processor::Stopwatch;
use crate::daemon::throttle::Pass;

/// Before a machine that has ended is started again for the first time.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause: each is twice the one before.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// After a life of this length the pauses begin anew.
const LONG: Duration = Duration::from_secs(10);

/// Who keeps a machine.
pub struct Keeper {
    host: Arc<Host>,
    domain: Arc<HostDomain>,
    machine: Arc<Machine>,
    stopwatch: Stopwatch,
}

impl Keeper {
    /// Starts a machine, and a thread that keeps it. When this returns its vCPUs run.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn start(
        host: Arc<Host>,
        domain: Arc<HostDomain>,
        machine: Arc<Machine>,
    ) -> Result<JoinHandle<()>, MachineError> {
        let name = format!("keeper-{}", domain.id());
        let (tell, told) = bounded(1);
        let keep = move || {
            let stopwatch = Stopwatch::since_birth();
            Self { host, domain, machine, stopwatch }.run(&tell);
        };
        let thread = thread::Builder::new().name(name).spawn(keep)?;
        told.recv().unwrap_or(Err(MachineError::Gone))?;
        Ok(thread)
    }

    fn run(mut self, tell: &Sender<Result<(), MachineError>>) {
        self.stay_on_its_processors();
        let first = self.host.narrow(Class::Keeper).map_err(MachineError::from);
        let first = first.and_then(|()| self.begin());
        let mut run = match first {
            Ok(run) => run,
            Err(error) => {
                self.bill();
                self.machine.life.is_stopped();
                // Whoever started this thread waits for it.
                return drop(tell.send(Err(error)));
            }
        };
        let _ = tell.send(Ok(()));
        let mut pause = PAUSE;
        loop {
            let begun = Instant::now();
            let end = run.oversee(|| self.bill());
            self.log(&end);
            if begun.elapsed() >= LONG {
                pause = PAUSE;
            }
            match self.again(end, &mut pause) {
                Some(next) => run = next,
                None => return,
            }
        }
    }

    /// The machine's next life, if it has one.
    fn again(&mut self, mut end: End, pause: &mut Duration) -> Option<Run> {
        let machine = self.machine.clone();
        let Machine { life, restart, .. } = &*machine;
        loop {
            // Before it is told: whoever hears of it finds it on the account.
            self.bill();
            if machine.is_stopping() {
                life.ends(end, MachineState::Stopped);
                return None;
            }
            if !end.asks_for(*restart) {
                life.ends(end, MachineState::Ended);
                return None;
            }
            life.ends(end, MachineState::Waiting);
            if !self.pause(pause) {
                life.is_stopped();
                return None;
            }
            life.begins_again();
            match self.begin() {
                Ok(run) => return Some(run),
                Err(error) => end = End::Host(format!("it cannot be started again: {error}")),
            }
            self.log(&end);
        }
    }

    /// Keeps this thread, and the vCPUs' that it starts, on the processors that the domain may use.
    /// Where that is not allowed they run anywhere.
    fn stay_on_its_processors(&self) {
        let cpus = self.domain.config.cpus.iter().map(|cpu| *cpu as usize);
        let mut allowed = CpuSet::new();
        cpus.filter(|cpu| *cpu < CpuSet::MAX_CPU).for_each(|cpu| allowed.set(cpu));
        if allowed.count() == 0 {
            return;
        }
        if let Err(error) = sched_setaffinity(None, &allowed) {
            tracing::warn!(domain = self.domain.name(), %error, "cannot stay on its processors");
        }
    }

    /// Puts on the machine's account what this thread has done for it.
    fn bill(&mut self) {
        self.domain.meter().add_time(Work::Endings, self.stopwatch.lap());
    }

    fn begin(&self) -> Result<Run, MachineError> {
        Run::begin(&self.host, &self.domain, &self.machine)
    }

    /// Lets some time pass. `false`: somebody wants the machine to stop.
    fn pause(&self, pause: &mut Duration) -> bool {
        let until = Instant::now() + *pause;
        *pause = (*pause * 2).min(PAUSE_MAX);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.machine.is_stopping() || left.is_zero() {
                return !self.machine.is_stopping();
            }
            thread::park_timeout(left);
        }
    }

    fn log(&self, end: &End) {
        if let Some(Pass { suppressed }) = self.domain.log.pass() {
            let domain = self.domain.name();
            tracing::info!(domain, %end, suppressed, "machine ended");
        }
    }
}

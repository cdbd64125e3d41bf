//! A machine's keeper: a thread that starts it, sees it end, and starts it again.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};

use super::life::End;
use super::run::Run;
use super::{Machine, MachineError};
use crate::admin::MachineState;
use crate::cage::Class;
use crate::daemon::domain::HostDomain;
use crate::daemon::host::Host;
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
        let keeper = Self { host, domain, machine };
        let (tell, told) = bounded(1);
        let thread = thread::Builder::new().name(name).spawn(move || keeper.run(&tell))?;
        told.recv().unwrap_or(Err(MachineError::Gone))?;
        Ok(thread)
    }

    fn run(self, tell: &Sender<Result<(), MachineError>>) {
        let first = self.host.narrow(Class::Keeper).map_err(MachineError::from);
        let first = first.and_then(|()| self.begin());
        let mut run = match first {
            Ok(run) => run,
            // Whoever started this thread waits for it.
            Err(error) => return drop(tell.send(Err(error))),
        };
        let _ = tell.send(Ok(()));
        let mut pause = PAUSE;
        loop {
            let begun = Instant::now();
            let end = run.oversee();
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
    fn again(&self, mut end: End, pause: &mut Duration) -> Option<Run> {
        let Machine { life, restart, .. } = &*self.machine;
        loop {
            if self.machine.is_stopping() {
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
            self.machine.wipe();
            match self.begin() {
                Ok(run) => return Some(run),
                Err(error) => end = End::Host(format!("it cannot be started again: {error}")),
            }
            self.log(&end);
        }
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

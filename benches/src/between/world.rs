//! Everybody who takes part in a group of cases: argod, the relay, and the two ends.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use tempfile::TempDir;

use super::end::End;
use super::party::{Ends, Load, Party};
use super::ways::Way;
use super::{debian, hypervisor};
use crate::case::{Contestant, Failure, Plan, Unit};

/// Processes that end when this is dropped.
pub struct World {
    rust: RefCell<Ends>,
    debian: RefCell<Option<Ends>>,
    argod: Party,
    relay: Party,
    dir: TempDir,
}

impl World {
    /// Starts them.
    ///
    /// # Errors
    /// One of them does not start.
    pub fn start() -> Result<Rc<Self>, Failure> {
        let ends = [End::Sender, End::Receiver].map(End::name);
        Self::around(|dir| hypervisor::start(dir, &ends, "16MiB"))
    }

    /// The same with an argod of one's own that has the two ends as domains.
    ///
    /// # Errors
    /// As [`World::start`].
    pub fn around(
        argod: impl FnOnce(&Path) -> Result<Party, Failure>,
    ) -> Result<Rc<Self>, Failure> {
        let dir = tempfile::tempdir()?;
        let argod = argod(dir.path())?;
        let mut relay = Party::start("relay", dir.path())?;
        relay.answer()?;
        let end = |end: End| Party::start(end.name(), dir.path());
        let rust = Ends::new(end(End::Sender)?, end(End::Receiver)?).into();
        Ok(Rc::new(Self { rust, debian: None.into(), argod, relay, dir }))
    }

    /// Connects the two ends by a way. `false`: it is not there on this machine, as has been told on
    /// standard error.
    ///
    /// # Errors
    /// They do not meet.
    pub fn meet(&self, way: Way) -> Result<bool, Failure> {
        let mut debian = self.debian.borrow_mut();
        match way {
            Way::Debian if debian.is_none() => *debian = debian::start(self.dir.path())?,
            Way::Debian => {}
            _ => self.rust.borrow_mut().meet(way)?,
        }
        Ok(way != Way::Debian || debian.is_some())
    }

    /// The processes whose time is the cases' own.
    pub fn own(&self) -> Vec<u32> {
        let mut own = vec![self.argod.pid(), self.relay.pid()];
        own.extend(self.rust.borrow().pids());
        own.extend(self.debian.borrow().iter().flat_map(Ends::pids));
        own
    }

    /// Where the sockets are.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// argod's process.
    pub fn argod(&self) -> u32 {
        self.argod.pid()
    }

    /// Has the two ends of a way do something.
    ///
    /// # Errors
    /// What they did failed.
    pub fn with<T>(
        &self,
        way: Way,
        act: impl FnOnce(&mut Ends) -> std::io::Result<T>,
    ) -> Result<T, Failure> {
        match (way, self.debian.borrow_mut().as_mut()) {
            (Way::Debian, Some(ends)) => Ok(act(ends)?),
            (Way::Debian, None) => Err("Debian's library is not there".into()),
            _ => Ok(act(&mut self.rust.borrow_mut())?),
        }
    }
}

/// Moves a load over a way, and measures how much of it a second.
pub struct Moves {
    /// Who does it.
    pub world: Rc<World>,
    /// The way.
    pub way: Way,
    /// Usually.
    pub load: Load,
    /// What is counted: messages, or else bytes.
    pub unit: Unit,
}

impl Contestant for Moves {
    fn name(&self) -> &'static str {
        self.way.title()
    }

    fn run(&mut self, plan: &Plan) -> Result<Vec<f64>, Failure> {
        let load = self.load.times(plan.effort);
        let took = self.world.with(self.way, |ends| ends.transfer(self.way, load))?;
        let messages = load.count as f64 / took.as_secs_f64();
        Ok(vec![match self.unit {
            Unit::MessagesPerSecond => messages,
            _ => messages * load.len as f64,
        }])
    }
}

/// Sends each message of a load there and back, and measures p50, p99 and p99/p50.
pub struct Turns {
    /// Who does it.
    pub world: Rc<World>,
    /// The way.
    pub way: Way,
    /// Usually.
    pub load: Load,
}

impl Contestant for Turns {
    fn name(&self) -> &'static str {
        self.way.title()
    }

    fn run(&mut self, plan: &Plan) -> Result<Vec<f64>, Failure> {
        let load = self.load.times(plan.effort);
        let told = self.world.with(self.way, |ends| ends.round_trips(self.way, load))?;
        let [p50, p99] = told.map(|nanos| nanos as f64);
        Ok(vec![p50, p99, p99 / p50])
    }
}

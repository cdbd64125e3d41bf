//! A process that is in the way of others: it goes on only while it is let.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use argod_hostile::attacker;
use argod_hostile::diary::Diary;
use argod_hostile::rng::Rng;
use rustix::process::{Pid, Signal, kill_process};

use super::scene::ATTACKER;
use crate::between::party::Party;
use crate::case::{Contestant, Failure, Plan};

/// Until what it did before it was stopped, or has just begun, is at full speed.
const WARM_UP: Duration = Duration::from_millis(50);
/// The same moves each time.
const SEED: u64 = 7;

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Attacks argod in as many ways as there are.
    Attacker,
    /// Counts, in as many threads.
    Burner,
}

impl Kind {
    /// What it is called as a role of this program.
    pub fn role(self) -> &'static str {
        match self {
            Self::Attacker => "attacker",
            Self::Burner => "burner",
        }
    }

    /// What the victims are called with it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Attacker => "beside an attacker",
            Self::Burner => "beside a busy loop",
        }
    }
}

/// Such a process, stopped.
pub struct Trouble(Party);

impl Trouble {
    /// Starts it; argod's sockets are in `dir`.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(kind: Kind, dir: &Path) -> Result<Self, Failure> {
        let mut party = Party::start(kind.role(), dir)?;
        party.answer()?;
        let trouble = Self(party);
        trouble.signal(Signal::STOP)?;
        Ok(trouble)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.0.pid()
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = Pid::from_raw(self.pid() as i32).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(kill_process(pid, signal)?)
    }
}

/// Somebody who does something while a trouble goes on.
pub struct Beside {
    trouble: Rc<Trouble>,
    name: &'static str,
    victim: Box<dyn Contestant>,
}

impl Beside {
    /// This victim beside that.
    pub fn new(trouble: Rc<Trouble>, name: &'static str, victim: Box<dyn Contestant>) -> Self {
        Self { trouble, name, victim }
    }
}

impl Contestant for Beside {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, plan: &Plan) -> Result<Vec<f64>, Failure> {
        self.trouble.signal(Signal::CONT)?;
        std::thread::sleep(WARM_UP);
        let sample = self.victim.run(plan);
        self.trouble.signal(Signal::STOP)?;
        sample
    }
}

/// Its life: it ends with the one that started it.
///
/// # Errors
/// None.
pub fn live(kind: Kind, dir: &Path) -> Result<(), Failure> {
    let socket = dir.join(format!("{ATTACKER}.sock"));
    match kind {
        Kind::Attacker => drop(std::thread::spawn(move || {
            let (diary, _) = Diary::create();
            attacker::flood(&socket, &diary, Rng::from_seed(SEED));
        })),
        Kind::Burner => (0..attacker::THREADS).for_each(|_| drop(std::thread::spawn(count))),
    }
    println!("ok");
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

fn count() {
    for number in 0u64.. {
        std::hint::black_box(number);
    }
}

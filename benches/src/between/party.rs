//! The processes that take part, as the one that started them sees them.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::ways::Way;
use crate::payload;

/// Messages to move.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Bytes of payload in each: a multiple of 8.
    pub len: usize,
    /// How many.
    pub count: u64,
}

impl Load {
    /// That share of the messages, but at least one.
    pub fn times(self, share: f64) -> Self {
        Self { count: ((self.count as f64 * share) as u64).max(1), ..self }
    }
}

/// A process that takes orders.
pub struct Party {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Party {
    /// Starts this program again in a role (see `compare`); its sockets are in `dir`.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start(role: &str, dir: &Path) -> io::Result<Self> {
        let mut program = Command::new(std::env::current_exe()?);
        Self::run(program.args(["--role", role, "--dir"]).arg(dir))
    }

    /// Starts a program that takes orders.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn run(program: &mut Command) -> io::Result<Self> {
        let mut process = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let missing = || io::Error::other("no pipe to the party");
        let orders = process.stdin.take().ok_or_else(missing)?;
        let answers = BufReader::new(process.stdout.take().ok_or_else(missing)?);
        Ok(Self { process, orders, answers })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Tells it what to do.
    ///
    /// # Errors
    /// It is gone.
    pub fn order(&mut self, order: &str) -> io::Result<()> {
        writeln!(self.orders, "{order}")
    }

    /// Waits until it has, and returns the numbers that it answers with.
    ///
    /// # Errors
    /// It failed, and has said why on standard error.
    pub fn answer(&mut self) -> io::Result<Vec<u64>> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let numbers = match words.next() {
            Some("ok") => words.map(|word| word.parse().ok()).collect(),
            _ => None,
        };
        numbers.ok_or_else(|| io::Error::other(format!("a party answered {line:?}")))
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Two parties that move messages to each other.
pub struct Ends {
    sender: Party,
    receiver: Party,
    met: HashSet<Way>,
}

impl Ends {
    /// These two.
    pub fn new(sender: Party, receiver: Party) -> Self {
        Self { sender, receiver, met: HashSet::new() }
    }

    /// Their processes.
    pub fn pids(&self) -> [u32; 2] {
        [self.sender.pid(), self.receiver.pid()]
    }

    /// Has them connected by a way, if they are not yet.
    ///
    /// # Errors
    /// They do not meet.
    pub fn meet(&mut self, way: Way) -> io::Result<()> {
        if self.met.insert(way) {
            let order = format!("meet {}", way.name());
            self.receiver.order(&order)?;
            self.receiver.answer()?;
            self.sender.order(&order)?;
            self.sender.answer()?;
            self.receiver.answer()?;
        }
        Ok(())
    }

    /// Has a load moved; tells how long it took.
    ///
    /// # Errors
    /// A party failed, or a sum was wrong.
    pub fn transfer(&mut self, way: Way, load: Load) -> io::Result<Duration> {
        let order = format!("move {} {} {}", way.name(), load.len, load.count);
        let begun = Instant::now();
        self.receiver.order(&order)?;
        self.sender.order(&order)?;
        let received = self.receiver.answer()?;
        let took = begun.elapsed();
        self.sender.answer()?;
        check(way, load, &received)?;
        Ok(took)
    }

    /// Has each message of a load sent there and back; tells the median and the 99th percentile,
    /// in nanoseconds.
    ///
    /// # Errors
    /// A party failed, or a sum was wrong.
    pub fn round_trips(&mut self, way: Way, load: Load) -> io::Result<[u64; 2]> {
        let order = format!("turn {} {} {}", way.name(), load.len, load.count);
        self.receiver.order(&order)?;
        self.sender.order(&order)?;
        check(way, load, &self.receiver.answer()?)?;
        let told = self.sender.answer()?;
        check(way, load, &told)?;
        match told[..] {
            [_, p50, p99] => Ok([p50, p99]),
            _ => Err(io::Error::other("a party told no times")),
        }
    }
}

fn check(way: Way, load: Load, told: &[u64]) -> io::Result<()> {
    match told.first() == Some(&payload::expected(load.len, load.count)) {
        true => Ok(()),
        false => Err(io::Error::other(format!("{way:?} changed the messages"))),
    }
}

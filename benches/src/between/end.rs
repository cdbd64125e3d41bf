//! The life of either end: a process that moves messages when it is told to.
//!
//! It is this program started again with a role; orders come on its standard input, one a line,
//! and answers go to its standard output:
//!
//! | order | answer |
//! |---|---|
//! | `meet WAY` | `ok`; the receiver's first says that it listens, its second that it is connected |
//! | `move WAY LEN COUNT` | `ok SUM` (the sender's is 0) |
//! | `turn WAY LEN COUNT`: each message there and back | `ok SUM P50 P99`, in nanoseconds (the receiver's without times) |

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use argo_core::DomainId;
use argo_guest::Domain;
use clap::ValueEnum;
use hdrhistogram::Histogram;
use vchan::host::Host;

use super::ways::{Mover, Way};
use crate::case::Failure;
use crate::placement::{self, Place};

/// The ends of a way, each a process and a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Sends.
    Sender,
    /// Receives.
    Receiver,
}

impl End {
    /// The name of its domain.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Receiver => "receiver",
        }
    }

    /// The id of its domain.
    pub const fn id(self) -> u16 {
        match self {
            Self::Sender => 1,
            Self::Receiver => 2,
        }
    }

    /// Its domain.
    ///
    /// # Errors
    /// None; the id is a valid one.
    pub fn domain(self) -> Result<DomainId, Failure> {
        DomainId::new(self.id()).ok_or_else(|| "bad id".into())
    }

    /// The one that it talks to.
    pub fn other(self) -> Self {
        match self {
            Self::Sender => Self::Receiver,
            Self::Receiver => Self::Sender,
        }
    }

    /// Where it runs.
    pub fn place(self) -> Place {
        match self {
            Self::Sender => Place::First,
            Self::Receiver => Place::Second,
        }
    }
}

/// What the ways of one end share.
pub struct Home {
    /// Which end.
    pub end: End,
    /// Where the sockets are.
    pub dir: PathBuf,
    domain: Option<Domain>,
    host: Option<Host>,
}

impl Home {
    /// Its domain, attached when it is first wanted.
    ///
    /// # Errors
    /// argod is not there.
    pub fn domain(&mut self) -> Result<Domain, Failure> {
        let attached = match self.domain.take() {
            Some(domain) => domain,
            None => Domain::attach(self.socket())?,
        };
        Ok(self.domain.insert(attached).clone())
    }

    /// Its connection to argod's services, likewise.
    ///
    /// # Errors
    /// argod is not there.
    pub fn host(&mut self) -> Result<Host, Failure> {
        let attached = match self.host.take() {
            Some(host) => host,
            None => Host::attach(self.socket())?,
        };
        Ok(self.host.insert(attached).clone())
    }

    fn socket(&self) -> PathBuf {
        self.dir.join(format!("{}.sock", self.end.name()))
    }
}

/// Follows orders until there are no more.
///
/// # Errors
/// A way broke.
pub fn live(end: End, dir: &Path) -> Result<(), Failure> {
    placement::pin(end.place())?;
    let mut home = Home { end, dir: dir.to_owned(), domain: None, host: None };
    let mut ways: HashMap<Way, Box<dyn Mover>> = HashMap::new();
    for order in io::stdin().lines() {
        let order = order?;
        let words: Vec<&str> = order.split(' ').collect();
        if let ["meet", way] = words[..] {
            let way = Way::from_str(way, false)?;
            ways.insert(way, way.meet(&mut home, || println!("ok"))?);
            println!("ok");
            continue;
        }
        let [task, way, len, count] = words[..] else { return Err(strange(&order)) };
        let way = ways.get_mut(&Way::from_str(way, false)?).ok_or_else(|| strange(&order))?;
        let load = (len.parse()?, count.parse()?);
        match (task, end) {
            ("move", End::Sender) => send(way.as_mut(), load)?,
            ("move", End::Receiver) => println!("ok {}", way.receive(load.0, load.1)?),
            ("turn", End::Sender) => ask(way.as_mut(), load)?,
            ("turn", End::Receiver) => echo(way.as_mut(), load)?,
            _ => return Err(strange(&order)),
        }
    }
    Ok(())
}

/// Round trips that take longer than this, in nanoseconds, are counted as if they took that long.
const LONGEST: u64 = 60_000_000_000;

fn strange(order: &str) -> Failure {
    format!("a strange order: {order:?}").into()
}

fn send(way: &mut dyn Mover, (len, count): (usize, u64)) -> Result<(), Failure> {
    way.send(len, 0..count)?;
    println!("ok 0");
    Ok(())
}

/// Sends each message and waits for the answer.
fn ask(way: &mut dyn Mover, (len, count): (usize, u64)) -> Result<(), Failure> {
    // Three digits are enough for a ratio.
    let mut times = Histogram::<u64>::new_with_max(LONGEST, 3)?;
    let mut sum = 0u64;
    for number in 0..count {
        let begun = Instant::now();
        way.send(len, number..number + 1)?;
        sum = sum.wrapping_add(way.receive(len, 1)?);
        times.saturating_record(begun.elapsed().as_nanos() as u64);
    }
    println!("ok {sum} {} {}", times.value_at_quantile(0.5), times.value_at_quantile(0.99));
    Ok(())
}

/// Answers each message with one of the same number.
fn echo(way: &mut dyn Mover, (len, count): (usize, u64)) -> Result<(), Failure> {
    let mut sum = 0u64;
    for number in 0..count {
        sum = sum.wrapping_add(way.receive(len, 1)?);
        way.send(len, number..number + 1)?;
    }
    println!("ok {sum}");
    Ok(())
}

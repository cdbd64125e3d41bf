//! The process at either end of the ways: it moves messages when it is told to.
//!
//! It is this program started again with an argument; orders come on its standard input, one a
//! line (`unix 64 100000`), answers go to its standard output (`ok SUM`).

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use argo_core::DomainId;
use argo_guest::Domain;
use clap::ValueEnum;

use crate::plain::{self, ArgoStream, Plain};
use crate::vchan::{self, BareRing, Served, Vchan};
use crate::way::{Argo, Failure, Framed, Receiver, Sender};

/// The ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// Frames on a Unix stream.
    Framed,
    /// Datagrams through argod.
    Argo,
    /// A stream through argod.
    Stream,
    /// A Unix stream.
    Unix,
    /// A Unix stream to a process that copies to a Unix stream.
    Relay,
    /// A vchan through argod.
    Vchan,
    /// A bare ring in memory that argod shares.
    Bare,
    /// A vchan of Debian's library, in a program of its own.
    Debian,
}

impl Way {
    /// Its name in orders.
    fn name(self) -> &'static str {
        match self {
            Self::Framed => "framed",
            Self::Argo => "argo",
            Self::Stream => "stream",
            Self::Unix => "unix",
            Self::Relay => "relay",
            Self::Vchan => "vchan",
            Self::Bare => "bare",
            Self::Debian => "debian",
        }
    }
}

/// The ends of a way, each a process and a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
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
}

/// Messages to move.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Bytes of payload in each: a multiple of 8.
    pub len: usize,
    /// How many.
    pub count: u64,
}

/// The id of the receiver's domain.
pub const RECEIVER: u16 = 2;
/// The id of the sender's domain.
pub const SENDER: u16 = 1;

/// Two parties that move messages to each other.
pub struct Ends {
    /// Sends.
    pub sender: Party,
    /// Receives.
    pub receiver: Party,
}

impl Ends {
    /// Their processes.
    pub fn pids(&self) -> [u32; 2] {
        [self.sender.pid(), self.receiver.pid()]
    }
}

/// A party as its parent sees it.
pub struct Party {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Party {
    /// Starts one; its sockets are in `dir`. Both are ready when the second has answered.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start(end: End, dir: &Path) -> io::Result<Self> {
        Self::spawn(&["--party", end.name()], dir)
    }

    /// Starts argod as a process of its own.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn hypervisor(dir: &Path) -> io::Result<Self> {
        Self::spawn(&["--hypervisor"], dir)
    }

    /// Starts the relay as a process of its own.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn relay(dir: &Path) -> io::Result<Self> {
        Self::spawn(&["--relay"], dir)
    }

    fn spawn(role: &[&str], dir: &Path) -> io::Result<Self> {
        Self::run(Command::new(std::env::current_exe()?).args(role).arg("--dir").arg(dir))
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

    /// Tells it to move a load.
    ///
    /// # Errors
    /// It is gone.
    pub fn order(&mut self, way: Way, load: Load) -> io::Result<()> {
        writeln!(self.orders, "{} {} {}", way.name(), load.len, load.count)
    }

    /// Waits until it has, and returns its sum.
    ///
    /// # Errors
    /// It failed, and has said why on standard error.
    pub fn answer(&mut self) -> io::Result<u64> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let sum = line.trim().strip_prefix("ok ").and_then(|sum| sum.parse().ok());
        sum.ok_or_else(|| io::Error::other(format!("a party answered {line:?}")))
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The party's own life: follows orders until there are no more.
///
/// # Errors
/// A way broke.
pub fn live(end: End, dir: &Path) -> Result<(), Failure> {
    let mut ways = Ways::meet(end, dir)?;
    println!("ok 0");
    for order in io::stdin().lines() {
        let order = order?;
        let words: Vec<&str> = order.split(' ').collect();
        let [way, len, count] = words[..] else { return Err(format!("order {order:?}").into()) };
        let load = Load { len: len.parse()?, count: count.parse()? };
        let sum = match Way::from_str(way, false)? {
            Way::Framed => go(end, &mut ways.framed, load)?,
            Way::Argo => go(end, &mut ways.argo, load)?,
            Way::Stream => go(end, &mut ways.stream, load)?,
            Way::Unix => go(end, &mut ways.unix, load)?,
            Way::Relay => go(end, &mut ways.relay, load)?,
            Way::Vchan => go(end, &mut ways.vchan, load)?,
            Way::Bare => go(end, &mut ways.bare, load)?,
            Way::Debian => return Err("Debian's library is in another program".into()),
        };
        println!("ok {sum}");
    }
    Ok(())
}

fn go(end: End, way: &mut (impl Sender + Receiver), load: Load) -> Result<u64, Failure> {
    match end {
        End::Sender => way.send(load.len, load.count).map(|()| 0),
        End::Receiver => way.receive(load.len, load.count),
    }
}

struct Ways {
    framed: Framed,
    argo: Argo,
    stream: Plain<ArgoStream>,
    unix: Plain<UnixStream>,
    relay: Plain<UnixStream>,
    vchan: Plain<Vchan>,
    bare: Plain<BareRing>,
}

impl Ways {
    /// Connects the two ends: the receiver listens and says so, the sender is started then.
    fn meet(end: End, dir: &Path) -> Result<Self, Failure> {
        let receiver = DomainId::new(RECEIVER).ok_or("bad id")?;
        let domain = Domain::attach(dir.join(format!("{}.sock", end.name())))?;
        let argo = Argo::bind(&domain, receiver)?;
        let listener = plain::listen(end, &domain)?;
        let relay = plain::relayed(end, dir)?;
        let host = vchan::attach(end, dir)?;
        let served = match end {
            End::Receiver => Some(Served::new(&host)?),
            End::Sender => None,
        };
        let [framed, unix] = unix_streams(end, &dir.join("unix.sock"))?;
        let stream = plain::argo(&domain, listener)?;
        let (vchan, bare) = match served {
            Some(served) => served.meet()?,
            None => vchan::connect(&host)?,
        };
        Ok(Self {
            framed: Framed::new(framed),
            argo,
            stream: Plain::new(stream),
            unix: Plain::new(unix),
            relay: Plain::new(relay),
            vchan: Plain::new(vchan),
            bare: Plain::new(bare),
        })
    }
}

/// Two Unix streams between the two ends.
fn unix_streams(end: End, path: &Path) -> io::Result<[UnixStream; 2]> {
    match end {
        End::Receiver => {
            let listener = UnixListener::bind(path)?;
            println!("ok 0");
            Ok([listener.accept()?.0, listener.accept()?.0])
        }
        End::Sender => Ok([UnixStream::connect(path)?, UnixStream::connect(path)?]),
    }
}

//! Many processes attached to one argod.

use std::io;
use std::path::Path;
use std::time::Instant;

use argo_guest::{BindOptions, Datagram, Domain, Port};

use crate::between::end::End;
use crate::between::hypervisor;
use crate::between::party::{Ends, Load, Party};
use crate::between::ways::Way;
use crate::case::{Contestant, Failure, Plan};
use crate::memory::Memory;

/// What an idle process is called among the roles.
pub const ROLE: &str = "idler";

/// So many idle processes, beside the two that talk.
#[derive(Clone, Copy)]
pub struct Point {
    name: &'static str,
    idle: usize,
}

/// More and more processes.
pub const POINTS: &[Point] = &[
    Point { name: "1 process", idle: 1 },
    Point { name: "16 processes", idle: 16 },
    Point { name: "64 processes", idle: 64 },
    Point { name: "256 processes", idle: 256 },
];

/// Rings of an idle process.
const RINGS: u32 = 8;
const MESSAGES: Load = Load { len: 64, count: 200_000 };
/// Moved before that.
const BEFORE: Load = Load { len: 64, count: 10_000 };

impl Contestant for Point {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, plan: &Plan) -> Result<Vec<f64>, Failure> {
        let dir = tempfile::tempdir()?;
        let idlers: Vec<_> = (1..=self.idle).map(|number| format!("idle-{number}")).collect();
        let ends = [End::Sender, End::Receiver];
        let mut domains: Vec<_> = ends.iter().map(|end| (end.name(), "16MiB")).collect();
        domains.extend(idlers.iter().map(|name| (name.as_str(), "1MiB")));

        let begun = Instant::now();
        let argod = hypervisor::start_each(dir.path(), &domains)?;
        let start = begun.elapsed().as_nanos() as f64;
        // Held until the end: they are attached all the time.
        let (_idlers, attaching) = attach(dir.path(), &idlers)?;
        let memory = Memory::of(argod.pid())?.own as f64;
        let message = message(dir.path(), MESSAGES.times(plan.effort))?;
        Ok(vec![start, attaching, memory, message])
    }
}

/// Starts the idle processes; tells how long it took each to attach and bind, in nanoseconds.
fn attach(dir: &Path, names: &[String]) -> Result<(Vec<Party>, f64), Failure> {
    let mut idlers = Vec::new();
    let mut took = 0;
    for name in names {
        let mut idler = Party::start(ROLE, dir)?;
        idler.order(name)?;
        took += idler.answer()?.first().ok_or("an idler told no time")?;
        idlers.push(idler);
    }
    Ok((idlers, took as f64 / names.len() as f64))
}

/// Nanoseconds of a datagram among many.
fn message(dir: &Path, load: Load) -> Result<f64, Failure> {
    let end = |end: End| Party::start(end.name(), dir);
    let mut ends = Ends::new(end(End::Sender)?, end(End::Receiver)?);
    ends.meet(Way::Argo)?;
    ends.transfer(Way::Argo, BEFORE)?;
    Ok(ends.transfer(Way::Argo, load)?.as_nanos() as f64 / load.count as f64)
}

/// The life of an idle process: an order with the name of its domain, and the answer `ok TIME` once
/// it is attached and has its rings, in nanoseconds. It ends with its standard input.
///
/// # Errors
/// argod refuses.
pub fn live(dir: &Path) -> Result<(), Failure> {
    let mut name = String::new();
    io::stdin().read_line(&mut name)?;
    let begun = Instant::now();
    let domain = Domain::attach(dir.join(format!("{}.sock", name.trim_end())))?;
    let bind =
        |port| Datagram::bind_blocking(&domain, BindOptions::port(Port(port)).ring_len(4096));
    let _rings = (1..=RINGS).map(bind).collect::<Result<Vec<_>, _>>()?;
    println!("ok {}", begun.elapsed().as_nanos());
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}

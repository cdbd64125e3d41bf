//! What memory argod takes.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;

use argo_guest::{BindOptions, Datagram, Domain, Port};

use crate::between::hypervisor;
use crate::between::party::{Load, Party};
use crate::between::ways::Way;
use crate::between::world::World;
use crate::case::{Case, Contestant, Failure, Figure, Plan, RatioOf, Unit};

/// Moved in a round, as the target says it.
const MESSAGES: Load = Load { len: 64, count: 10_000_000 };
/// Moved before that, so that everything has been used once.
const BEFORE: Load = Load { len: 64, count: 200_000 };
/// Domains and rings that are made to see what each takes.
const MANY: usize = 48;

/// Growth of argod over messages, and what it needs for a domain and a ring.
///
/// # Errors
/// Somebody does not start, or argod's memory may not be looked at (that takes root: argod is not
/// dumpable).
pub fn cases(plan: &Plan) -> Result<Vec<Case>, Failure> {
    let world = World::start()?;
    world.meet(Way::Argo)?;
    world.with(Way::Argo, |ends| ends.transfer(Way::Argo, BEFORE))?;
    Memory::of(world.argod())?;
    let bytes = |name| Figure { name, unit: Unit::Bytes };
    let alone = |name, figure| RatioOf { name, figure, of: 0, to: 0 };
    let (own, messages) = (world.own(), MESSAGES.times(plan.effort));
    Ok(vec![
        Case {
            title: format!("argod's memory over {} datagrams of 64 bytes", messages.count),
            figures: vec![bytes("growth"), bytes("all")],
            contestants: vec![Box::new(Growth { world, messages })],
            ratios: vec![alone("memory_growth_bytes", 0)],
            own,
        },
        Case {
            title: "argod's own memory, without the domains' RAM".into(),
            figures: vec![bytes("a domain"), bytes("a session"), bytes("a ring")],
            contestants: vec![Box::new(Each)],
            ratios: vec![],
            own: vec![],
        },
    ])
}

/// Bytes that a process holds.
#[derive(Clone, Copy)]
pub struct Memory {
    /// That nobody else can have.
    pub own: u64,
    /// In its memfds: the domains' RAM with the sessions' pages, whoever touched them.
    shared: u64,
}

impl Memory {
    /// What this process holds now.
    ///
    /// # Errors
    /// It is gone, or may not be looked at.
    pub fn of(process: u32) -> io::Result<Self> {
        let folder = format!("/proc/{process}");
        let rollup = fs::read_to_string(format!("{folder}/smaps_rollup"))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:"));
        let kibibytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        let own = kibibytes.ok_or(io::ErrorKind::InvalidData)? << 10;
        let files = fs::read_dir(format!("{folder}/fd"))?.map(|file| memfd_bytes(&file?.path()));
        Ok(Self { own, shared: files.sum::<io::Result<u64>>()? })
    }

    fn all(self) -> u64 {
        self.own + self.shared
    }
}

/// Bytes that a memfd holds; 0 of another file.
fn memfd_bytes(file: &Path) -> io::Result<u64> {
    match fs::read_link(file)?.to_string_lossy().starts_with("/memfd:") {
        // In units of 512 bytes, whatever the file system.
        true => Ok(fs::metadata(file)?.blocks() * 512),
        false => Ok(0),
    }
}

/// Before and after messages.
struct Growth {
    world: Rc<World>,
    messages: Load,
}

impl Contestant for Growth {
    fn name(&self) -> &'static str {
        "argod"
    }

    fn run(&mut self, _plan: &Plan) -> Result<Vec<f64>, Failure> {
        let load = self.messages;
        let before = Memory::of(self.world.argod())?.all();
        self.world.with(Way::Argo, |ends| ends.transfer(Way::Argo, load))?;
        let after = Memory::of(self.world.argod())?.all();
        Ok(vec![after as f64 - before as f64, after as f64])
    }
}

/// One and then many.
struct Each;

impl Contestant for Each {
    fn name(&self) -> &'static str {
        "argod"
    }

    fn run(&mut self, _plan: &Plan) -> Result<Vec<f64>, Failure> {
        let (one, _dir) = argod(1)?;
        let (many, dir) = argod(MANY)?;
        let own = |party: &Party| Memory::of(party.pid()).map(|memory| memory.own);
        let (alone, idle) = (own(&one)?, own(&many)?);
        let attach = |number| Domain::attach(dir.path().join(format!("domain-{number}.sock")));
        let domains = (1..=MANY).map(attach).collect::<Result<Vec<_>, _>>()?;
        let attached = own(&many)?;
        let rings = |port| BindOptions::port(Port(port)).ring_len(4096);
        let bind = |port| Datagram::bind_blocking(&domains[0], rings(port));
        let rings = (1..=MANY as u32).map(bind).collect::<Result<Vec<_>, _>>()?;
        let bound = own(&many)?;
        drop(rings);
        let each = |more: u64, less: u64, count| (more as f64 - less as f64) / count as f64;
        Ok(vec![
            each(idle, alone, MANY - 1),
            each(attached, idle, MANY),
            each(bound, attached, MANY),
        ])
    }
}

/// An argod with so many domains.
fn argod(domains: usize) -> Result<(Party, tempfile::TempDir), Failure> {
    let dir = tempfile::tempdir()?;
    let names: Vec<_> = (1..=domains).map(|number| format!("domain-{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let argod = hypervisor::start(dir.path(), &names, "4MiB")?;
    Ok((argod, dir))
}

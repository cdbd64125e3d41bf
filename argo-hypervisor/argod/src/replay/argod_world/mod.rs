//! Traces against an argod: each domain is a process of its own.

mod daemon;
mod denials;
mod guest;
mod protocol;
mod serve;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use super::PAGE_BYTES;
use super::record::{Hook, System};
use super::world::{Interrupts, OpResult, World, WorldError};
use crate::admin::{Request, Standing};
use crate::tied::tied;
use daemon::Daemon;
use denials::Denials;
use guest::Guest;

pub use serve::serve_guest;

/// What the processes of an [`ArgodWorld`] run.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The daemon; argoctl itself if there is none.
    pub argod: Option<PathBuf>,
    /// argoctl, which also is each domain's process.
    pub argoctl: PathBuf,
}

impl Programs {
    /// The command that is argod.
    fn run_argod(&self) -> Command {
        match &self.argod {
            Some(argod) => tied(&self.argoctl, argod),
            None => {
                let mut command = tied(&self.argoctl, &self.argoctl);
                command.arg("argod");
                command
            }
        }
    }
}

/// An argod in a folder of its own, and a process for each domain of a trace. All of them end
/// when it is dropped, and when the thread that started them ends.
pub struct ArgodWorld {
    // First, so that it is dropped first and does not clean up after each guest.
    daemon: Daemon,
    programs: Programs,
    guests: BTreeMap<u16, Guest>,
    /// Guests that were not heard of yet: processes start side by side.
    arriving: Vec<u16>,
    denials: Denials,
    /// Whether argod knows all of `denials`.
    told: bool,
}

impl ArgodWorld {
    /// Starts an argod for a trace.
    ///
    /// # Errors
    /// It does not start; what it said is in the error.
    pub fn start(system: &System, programs: &Programs) -> Result<Self, WorldError> {
        let denials = Denials::default();
        let daemon = Daemon::start(system, &denials.policy(), programs)?;
        let (guests, arriving) = Default::default();
        Ok(Self { daemon, programs: programs.clone(), guests, arriving, denials, told: true })
    }

    fn guest(&mut self, dom: u16) -> Result<&mut Guest, WorldError> {
        self.settle()?;
        self.guests.get_mut(&dom).ok_or_else(|| format!("there is no domain {dom}").into())
    }

    /// Waits until every domain's process is attached.
    fn settle(&mut self) -> Result<(), WorldError> {
        for dom in std::mem::take(&mut self.arriving) {
            if let Some(guest) = self.guests.get_mut(&dom) {
                guest.attached()?;
            }
        }
        Ok(())
    }

    /// Brings the policy up to date, once for all denials in a row.
    fn tell_policy(&mut self) -> Result<(), WorldError> {
        if !self.told {
            self.settle()?;
            self.daemon.ask(&Request::Policy {
                file: "denials of the trace".into(),
                text: self.denials.policy(),
                standing: Standing::Kept,
            })?;
            self.told = true;
        }
        Ok(())
    }

    /// The domains that were interrupted since this was last asked. argod counts the interrupts of
    /// a call before it completes the call, so that none is late.
    fn interrupted(&mut self) -> Result<Vec<u16>, WorldError> {
        for guest in self.guests.values_mut() {
            guest.ask_virqs()?;
        }
        let mut interrupted = Vec::new();
        for (dom, guest) in &mut self.guests {
            if guest.virqs()? > 0 {
                interrupted.push(*dom);
            }
        }
        Ok(interrupted)
    }
}

impl World for ArgodWorld {
    fn interrupts(&self) -> Interrupts {
        Interrupts::AsSet
    }

    fn create_domain(&mut self, id: u16, pages: u64, ro: &[u64]) -> Result<(), WorldError> {
        self.tell_policy()?;
        let mut read_only: Vec<u64> = ro.iter().copied().filter(|gfn| *gfn < pages).collect();
        read_only.sort_unstable();
        read_only.dedup();
        let ram = pages * PAGE_BYTES;
        let name = format!("d{id}");
        let domain =
            format!("id = {id}\nname = \"{name}\"\nram = {ram}\nread_only_pages = {read_only:?}\n");
        self.daemon.ask(&Request::Create { file: None, domain })?;
        let guest = Guest::spawn(&self.programs.argoctl, &self.daemon.socket(&name), id)?;
        self.guests.insert(id, guest);
        self.arriving.push(id);
        Ok(())
    }

    fn write(&mut self, dom: u16, addr: u64, bytes: &[u8]) -> Result<(), WorldError> {
        self.guest(dom)?.write(addr, bytes)
    }

    fn read(&mut self, dom: u16, addr: u64, bytes: &mut [u8]) -> Result<(), WorldError> {
        self.guest(dom)?.read(addr, bytes)
    }

    fn op(&mut self, dom: u16, cmd: u32, args: [u64; 4]) -> Result<OpResult, WorldError> {
        self.tell_policy()?;
        let ret = self.guest(dom)?.op(cmd, args)?;
        Ok(OpResult { ret, virq: self.interrupted()? })
    }

    fn destroy(&mut self, dom: u16) -> Result<Vec<u16>, WorldError> {
        self.settle()?;
        self.daemon.ask(&Request::Destroy { domain: dom.to_string() })?;
        self.guests.remove(&dom);
        self.interrupted()
    }

    fn soft_reset(&mut self, dom: u16) -> Result<Vec<u16>, WorldError> {
        self.settle()?;
        self.daemon.ask(&Request::SoftReset { domain: dom.to_string() })?;
        self.interrupted()
    }

    fn deny(&mut self, hook: Hook) -> Result<(), WorldError> {
        self.denials.add(hook);
        self.told = false;
        Ok(())
    }

    fn allow(&mut self, hook: Hook) -> Result<(), WorldError> {
        self.denials.remove(hook);
        self.told = false;
        Ok(())
    }
}

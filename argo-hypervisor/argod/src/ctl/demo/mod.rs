//! `argoctl demo`: three processes exchange messages through an argod, and one of them attacks.
//!
//! | module | what |
//! |---|---|
//! | [`stage`] | the folder, argod, and the processes of the domains |
//! | [`script`] | what happens, and what is said about it |
//! | [`verdict`] | the tables at the end, and whether everything went as claimed |
//! | [`line`] | how the processes are told what to do |
//! | [`message`] | what client and server exchange |
//! | [`channel`] | the vchan of client and server |
//! | [`client`], [`server`], [`attacker`], [`attack`] | the processes |
//! | [`vm`] | the other demo, with a virtual machine |

mod attack;
mod attacker;
mod channel;
mod client;
mod line;
mod message;
mod script;
mod server;
mod stage;
mod verdict;
mod vm;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Failure, values};
use line::Line;

/// Anything that may go wrong here: it ends the demo with its text.
type Mishap = Box<dyn Error>;

/// Watch three processes exchange messages through argod, one refused and misbehaving.
///
/// Needs nothing installed and no root: everything runs in a temporary folder and is gone
/// afterwards. As root, each domain gets a uid of its own. The exit status is 0 only if everything
/// went as claimed.
#[derive(Args)]
pub(super) struct Demo {
    /// How long each of the three measurements takes.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = values::duration)]
    each: Duration,
    /// Watch a virtual machine with this kernel talk to processes instead; docs/kvm.md says how one is
    /// built. Takes an argod built with the feature kvm.
    #[arg(long, value_name = "KERNEL")]
    vm: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let went_well = match &self.vm {
            Some(kernel) => vm::play(kernel, self.each),
            None => script::play(self.each),
        };
        let went_well = went_well.map_err(Failure::failed)?;
        Ok(if went_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The process of a domain of the demo; standard input is a socket to whoever started it.
#[derive(Args)]
pub(super) struct DemoActor {
    role: Role,
    /// The domain's socket, or what `probe` looks for.
    path: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Client,
    Server,
    Attacker,
    /// Finds out whether a process like this one can reach a folder.
    Probe,
}

impl DemoActor {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        if self.role == Role::Probe {
            std::fs::metadata(self.path.join(".")).map_err(Failure::failed)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut line = Line::of_stdin().map_err(Failure::failed)?;
        let done = match self.role {
            Role::Client => client::act(&self.path, &mut line),
            Role::Server => server::act(&self.path, &mut line),
            Role::Attacker => attacker::act(&self.path, &mut line),
            Role::Probe => Ok(()),
        };
        let Err(error) = done else { return Ok(ExitCode::SUCCESS) };
        // It is for whoever started us to tell; an error means that there is nobody.
        let _ = line.say(&Err::<(), _>(error.to_string()));
        Ok(ExitCode::FAILURE)
    }
}

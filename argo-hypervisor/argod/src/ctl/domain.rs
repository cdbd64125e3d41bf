//! `argoctl domain`: the domains of a running argod, and what an administrator does with them.

use std::fs;
use std::io;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Failure;
use super::format::{Format, print};
use super::sockets::Admin;
use super::stat::{one, render};
use crate::admin::{Changed, DomainStat, Request};

/// See and change the domains of a running argod.
#[derive(Args)]
pub(super) struct Domain {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// All domains, a line each.
    List(List),
    /// One domain: its limits and their use, its sessions, all its rings.
    Show(Show),
    /// Make a domain that is not in the configuration. It is gone when argod ends.
    Create(Create),
    /// Destroy a domain: its sessions end, its socket goes, its id is free.
    Destroy(Target),
    /// Take all rings and waits of a domain away. Its sessions stay.
    Reset(Target),
    /// Start a domain's virtual machine, which has ended.
    Start(Target),
    /// End a domain's virtual machine. It stays so until it is started.
    Stop(Target),
    /// End the sessions of a domain. It stays, and processes may attach to it again.
    Detach(Detach),
}

#[derive(Args)]
struct List {
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Args)]
struct Show {
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
struct Create {
    /// The keys of a `[[domain]]` table of the configuration, as TOML; `-`: standard input.
    file: String,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Args)]
struct Detach {
    /// Only the sessions of this process.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
    pid: Option<i32>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
struct Target {
    /// The domain's name or number.
    domain: String,
    #[command(flatten)]
    admin: Admin,
}

impl Domain {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.action {
            Action::List(list) => list.run(),
            Action::Show(show) => show.run(),
            Action::Create(create) => create.run(),
            Action::Destroy(Target { domain, admin }) => {
                let gone: Changed = admin.ask(&Request::Destroy { domain })?;
                say("destroyed", &gone, &sessions_ended(&gone))
            }
            Action::Reset(Target { domain, admin }) => {
                let reset: Changed = admin.ask(&Request::SoftReset { domain })?;
                let rings = counted(reset.rings_removed, "ring");
                say("reset", &reset, &format!("{rings} removed, its sessions stay"))
            }
            Action::Start(Target { domain, admin }) => {
                let started: Changed = admin.ask(&Request::Start { domain })?;
                say("started", &started, "its machine runs")
            }
            Action::Stop(Target { domain, admin }) => {
                let stopped: Changed = admin.ask(&Request::Stop { domain })?;
                let ran = if stopped.sessions_ended > 0 { "ran" } else { "had ended" };
                say("stopped", &stopped, &format!("its machine {ran}"))
            }
            Action::Detach(Detach { pid, target: Target { domain, admin } }) => {
                let left: Changed = admin.ask(&Request::Detach { domain, pid })?;
                say("detached", &left, &sessions_ended(&left))
            }
        }
    }
}

impl List {
    fn run(self) -> Result<ExitCode, Failure> {
        let domains = self.admin.stat()?.domains;
        self.format.print(&domains, || render::domains(&domains).to_string())
    }
}

impl Show {
    fn run(self) -> Result<ExitCode, Failure> {
        let Target { domain, admin } = self.target;
        let shown: DomainStat = admin.ask(&Request::Domain { domain })?;
        let stat = admin.stat()?;
        self.format.print(&shown, || one::one(&stat, &shown))
    }
}

impl Create {
    fn run(self) -> Result<ExitCode, Failure> {
        let (file, read) = match &*self.file {
            "-" => ("standard input".to_owned(), io::read_to_string(io::stdin())),
            path => (path.to_owned(), fs::read_to_string(path)),
        };
        let domain = read.map_err(|error| Failure::failed(format!("{file}: {error}")))?;
        let made: Changed = self.admin.ask(&Request::Create { file: Some(file), domain })?;
        say("created", &made, &format!("processes attach at {}", made.socket.display()))
    }
}

/// `destroyed 3 (stranger): 2 sessions ended`
fn say(what: &str, whom: &Changed, more: &str) -> Result<ExitCode, Failure> {
    print(&format!("{what} {} ({}): {more}\n", whom.id, whom.name))
}

fn sessions_ended(changed: &Changed) -> String {
    format!("{} ended", counted(changed.sessions_ended, "session"))
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

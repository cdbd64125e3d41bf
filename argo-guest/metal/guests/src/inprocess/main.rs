//! The guests of Xen as domains of this project's engine, in this process: what they tell here they must
//! tell there.
//!
//! Each argument is the command line of a domain, `0:role=probe`, with the domain's number. `--silo`
//! before them forbids that one talks to another. The status is 1 if a check of one has failed.

use std::process::ExitCode;
use std::sync::Mutex;
use std::{env, fmt, thread};

use argo_core::DomainId;
use argo_core::platform::{Call, Link, Platform, Submission};
use argo_core::policy::{Action, Decision, PortQuery, Query};
use argo_hypervisor::inprocess::{InProcess, LocalDomain};
use argo_hypervisor::{Argo, Config, Judge, WildcardRings};
use argo_metal_guests::probe::Asked;
use argo_metal_guests::{Report, play};

/// Enough for the rings of every role.
const RAM_PAGES: usize = 2048;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let before = arguments.len();
    arguments.retain(|argument| argument != "--silo");
    let policy = if arguments.len() < before { Mode::Silo } else { Mode::Dummy };
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
    let system = InProcess::new(config, policy);
    let guests: Option<Vec<Guest>> =
        arguments.iter().map(|line| Guest::new(&system, line)).collect();
    let Some(guests) = guests else {
        eprintln!("arguments are NUMBER:COMMAND LINE, each number once");
        return ExitCode::FAILURE;
    };
    // Who does nothing is there until the end, as on Xen.
    let (idle, busy): (Vec<Guest>, Vec<Guest>) =
        guests.into_iter().partition(|guest| guest.command_line == "role=idle");
    let console = &Mutex::new(());
    let well = thread::scope(|scope| {
        let run = |guest: Guest| scope.spawn(move || guest.run(console));
        let running: Vec<_> = busy.into_iter().map(run).collect();
        let ended = running.into_iter().map(|guest| guest.join().unwrap_or(false));
        ended.fold(true, |all, one| all & one)
    });
    let well = idle.into_iter().map(|guest| guest.run(console)).fold(well, |all, one| all & one);
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Guest {
    domain: LocalDomain<Mode>,
    command_line: String,
}

impl Guest {
    fn new(system: &InProcess<Mode>, argument: &str) -> Option<Self> {
        let (number, command_line) = argument.split_once(':')?;
        let domain = system.domain(DomainId::new(number.parse().ok()?)?, RAM_PAGES).ok()?;
        Some(Self { domain, command_line: command_line.into() })
    }

    /// Whether everything was as it should be.
    fn run(self, console: &Mutex<()>) -> bool {
        let number = self.domain.domain();
        let mut tell = |what: fmt::Arguments<'_>| {
            let _one_line_at_a_time = console.lock();
            println!("(d{number}) guest: {what}");
        };
        let command_line = self.command_line.clone();
        let mut report = Report::new(&mut tell);
        play(self, &command_line, &mut report);
        !report.has_failed()
    }
}

impl Asked for Guest {
    type Platform = LocalDomain<Mode>;

    fn platform(&self) -> &Self::Platform {
        &self.domain
    }

    fn into_platform(self) -> Self::Platform {
        self.domain
    }

    fn ask(&self, cmd: u32, args: [u64; 4]) -> i64 {
        match self.domain.submit(&Call { cmd, args, link: Link::None }, 0) {
            Ok(Submission::Done(answer)) => answer,
            other => unreachable!("the engine answers at once: {other:?}"),
        }
    }
}

/// The two of Xen's security modules that are tried.
#[derive(Clone, Copy)]
enum Mode {
    /// Everybody may talk to everybody.
    Dummy,
    /// Each domain for itself.
    Silo,
}

impl Judge for Mode {
    fn hook(&self, query: Query) -> Decision {
        let own = query.target().is_none_or(|target| target == query.source());
        let allowed = own || matches!(self, Self::Dummy);
        Decision { action: if allowed { Action::Allow } else { Action::Deny }, rule: None }
    }

    fn ports(&self, _: PortQuery) -> Decision {
        Decision { action: Action::Allow, rule: None }
    }

    fn ports_from_any(&self, query: PortQuery) -> Decision {
        self.ports(query)
    }

    fn minds_source(&self, _: argo_core::Port) -> bool {
        false
    }
}

//! `argoctl proxy`: between Argo and Unix or TCP sockets.

mod door;
mod endpoint;
mod party;
mod relay;
pub(super) mod socket_file;
mod target;

use std::process::ExitCode;
use std::{io, thread};

use argo_guest::{Address, Domain, DomainId, Gone, Port};
use clap::{Args, value_parser};
use crossbeam_channel::{Sender, bounded};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::bound::Rings;
use super::complaint::{Complaints, say};
use super::slots::Slots;
use super::sockets::Acting;
use super::{Failure, values};
use door::Door;
use endpoint::Endpoint;
use party::Party;
use relay::relay;
use target::Target;

/// Carry connections between Argo and Unix or TCP sockets, either way.
///
/// Each connection that comes in at --listen is carried to a new one to --to, its half-close too.
/// One that breaks ends alone, is told on standard error, and breaks its other half off. Ctrl-C or
/// SIGTERM ends all.
#[derive(Args)]
pub(super) struct Proxy {
    /// Where connections come in: argo:PORT, unix:PATH or tcp:ADDRESS:PORT.
    ///
    /// A Unix socket that nobody serves any more is replaced; its mode is what the umask leaves,
    /// and it goes with the proxy.
    #[arg(long, value_name = "ENDPOINT", value_parser = endpoint::listen)]
    listen: Endpoint<Port>,
    /// Where they go to: argo:DOMAIN:PORT, unix:PATH or tcp:HOST:PORT.
    #[arg(long, value_name = "ENDPOINT", value_parser = endpoint::to)]
    to: Endpoint<Address>,
    /// With --listen argo:PORT: let only the domain with this number connect.
    ///
    /// Its process has to be there already. Default: every domain that the policy lets.
    #[arg(long, value_name = "DOMAIN", value_parser = values::domain)]
    from: Option<DomainId>,
    /// Connections at once; more wait to be accepted.
    #[arg(long, value_name = "N", default_value = "64", value_parser = value_parser!(u16).range(1..))]
    max_connections: u16,
    /// Bytes of the ring that receives, of each connection over Argo, such as 64KiB.
    ///
    /// At least 32800, a multiple of 16. Default: 1 MiB.
    #[arg(long, value_name = "BYTES", value_parser = values::ring_len)]
    ring_len: Option<u32>,
    #[command(flatten)]
    acting: Acting,
}

/// A proxy at work.
struct Service {
    /// Takes why everything ends; the first word counts.
    end: Sender<io::Result<()>>,
    domain: Domain,
    door: Door,
    target: Target,
    slots: Slots,
    complaints: Complaints,
}

impl Proxy {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        self.check()?;
        let domain = self.acting.attach()?;
        // Before there is a socket file: a signal that comes meanwhile still has it removed.
        let signals = Signals::new([SIGINT, SIGTERM]).map_err(Failure::failed)?;
        let (end, ended) = bounded(1);
        spawn_waiter(signals, end.clone()).map_err(Failure::failed)?;
        let (door, _file) = Door::open(&domain, &self.listen, self.from, self.rings())?;
        say(format_args!("listening at {}", door.name()));
        let service = self.service(&domain, door, end);
        thread::Builder::new().spawn(move || service.run()).map_err(Failure::failed)?;
        // The threads end with the process, and their connections.
        ended.recv().map_err(Failure::failed)?.map_err(Failure::failed)?;
        Ok(ExitCode::SUCCESS)
    }

    fn check(&self) -> Result<(), Failure> {
        if !self.listen.is_argo() && !self.to.is_argo() {
            return Err(Failure::usage("one of --listen and --to must be of Argo: argo:…"));
        }
        if self.from.is_some() && !self.listen.is_argo() {
            return Err(Failure::usage("--from is of --listen argo:PORT: others have no domain"));
        }
        Ok(())
    }

    fn rings(&self) -> Rings {
        Rings { len: self.ring_len, connect_timeout: None }
    }

    fn service(&self, domain: &Domain, door: Door, end: Sender<io::Result<()>>) -> Service {
        Service {
            end,
            domain: domain.clone(),
            door,
            target: Target::new(domain, self.to.clone(), self.rings()),
            slots: Slots::new(self.max_connections),
            complaints: Complaints::default(),
        }
    }
}

/// Ends everything at the first signal.
fn spawn_waiter(mut signals: Signals, end: Sender<io::Result<()>>) -> io::Result<()> {
    let waiting = move || {
        if signals.forever().next().is_some() {
            // An error means that all ends already.
            let _ = end.try_send(Ok(()));
        }
    };
    thread::Builder::new().spawn(waiting).map(drop)
}

impl Service {
    /// Serves until no connection can come or go any more.
    fn run(&self) {
        thread::scope(|scope| {
            loop {
                let slot = self.slots.take();
                let (party, name) = match self.door.accept(&self.complaints) {
                    Ok(accepted) => accepted,
                    Err(error) => return self.ends(error),
                };
                let spawned = thread::Builder::new().spawn_scoped(scope, {
                    let name = name.clone();
                    move || {
                        self.serve(&party, &name);
                        drop(slot);
                    }
                });
                if let Err(error) = spawned {
                    self.complaints.say(name, format_args!("no thread for it: {error}"));
                }
            }
        });
    }

    fn serve(&self, party: &Party, name: &str) {
        let served = self.target.connect().and_then(|to| relay(party, &to));
        let Err(error) = served else { return };
        if self.domain.is_gone() {
            self.ends(io::Error::other(Gone));
        } else {
            self.complaints.say(name, error);
        }
    }

    fn ends(&self, error: io::Error) {
        // An error means that all ends already.
        let _ = self.end.try_send(Err(error));
    }
}

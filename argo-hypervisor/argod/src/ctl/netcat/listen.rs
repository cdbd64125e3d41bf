//! `argoctl listen`.

use std::process::ExitCode;
use std::thread;

use argo_guest::{Domain, DomainId, Partner, Port};
use clap::{Args, value_parser};

use super::local::ServeError;
use super::{Options, is_unread};
use crate::ctl::bound::{bind, whom};
use crate::ctl::channel::{Listener, Others, SocketType, converse};
use crate::ctl::complaint::{Complaints, say};
use crate::ctl::progress::Progress;
use crate::ctl::slots::Slots;
use crate::ctl::{Failure, values};

/// Wait for a connection on a port and connect it to standard input and output, as netcat does.
///
/// Says on standard error where it listens as soon as it does. Without --from every domain may
/// connect that the policy lets; argod's configuration must allow such rings.
#[derive(Args)]
pub(in super::super) struct Listen {
    /// The port to listen on.
    #[arg(value_parser = values::port)]
    port: Port,
    /// Let only the domain with this number connect. Its process has to be there already.
    #[arg(long, value_name = "DOMAIN", value_parser = values::domain)]
    from: Option<DomainId>,
    /// Serve one connection after another; with --exec several at once.
    ///
    /// One that breaks is told on standard error and ends alone; --timeout is for each, not for
    /// the wait between them. With datagrams: hear everybody, and answer whoever spoke last.
    #[arg(long)]
    keep_open: bool,
    /// Connections that --keep-open with --exec serves at once; others wait.
    #[arg(long, value_name = "N", default_value = "64", value_parser = value_parser!(u16).range(1..))]
    max_connections: u16,
    #[command(flatten)]
    options: Options,
}

impl Listen {
    pub(in super::super) fn run(self) -> Result<ExitCode, Failure> {
        let domain = self.options.acting.attach()?;
        let served = match self.options.kind {
            SocketType::Datagram => self.converse(&domain),
            _ => self.serve(&domain),
        };
        served.map(|()| ExitCode::SUCCESS)
    }

    /// With datagrams: one conversation, with its first sender or with everybody.
    fn converse(&self, domain: &Domain) -> Result<(), Failure> {
        if self.keep_open && self.options.exec.is_some() {
            let text = "--keep-open with --exec takes connections: datagrams have no end at which \
                        another command could begin";
            return Err(Failure::usage(text));
        }
        let others = if self.keep_open { Others::Answered } else { Others::Dropped };
        let mut how = self.options.rings().datagram(Some(self.port));
        if let Some(partner) = self.from {
            how = how.partner(partner);
        }
        let socket = bind(domain, how)?;
        self.announce(socket.local_addr());
        let channel = converse(socket, others, self.options.timeout).map_err(Failure::failed)?;
        self.ended(domain, self.options.talk(&channel, self.options.progress))
    }

    fn serve(&self, domain: &Domain) -> Result<(), Failure> {
        let Options { kind, timeout, .. } = self.options;
        let listener = Listener::bind(domain, kind, self.port, self.from, self.options.rings())?;
        self.announce(listener.local_addr());
        match (self.keep_open, &self.options.exec) {
            (false, _) => {
                let channel = listener.accept(timeout).map_err(Failure::failed)?;
                // Whoever comes later is refused, not left waiting.
                drop(listener);
                self.ended(domain, self.options.talk(&channel, self.options.progress))
            }
            (true, None) => self.one_by_one(domain, &listener),
            (true, Some(_)) => self.at_once(&listener),
        }
    }

    fn one_by_one(&self, domain: &Domain, listener: &Listener) -> Result<(), Failure> {
        let complaints = Complaints::default();
        loop {
            let channel = listener.accept(None).map_err(Failure::failed)?;
            match self.options.talk(&channel, self.options.progress) {
                Err(error) if is_unread(&error, domain) => return Ok(()),
                Err(error) => complaints.say(channel.peer(), error),
                Ok(()) => {}
            }
        }
    }

    fn at_once(&self, listener: &Listener) -> Result<(), Failure> {
        let (slots, complaints) = (Slots::new(self.max_connections), Complaints::default());
        thread::scope(|scope| {
            loop {
                let slot = slots.take();
                let channel = listener.accept(None).map_err(Failure::failed)?;
                let complaints = &complaints;
                let peer = channel.peer();
                let served = move || {
                    // Of several at once there is nothing to show in one line.
                    if let Err(error) = self.options.talk(&channel, Progress::NONE) {
                        complaints.say(peer, error);
                    }
                    drop(slot);
                };
                if let Err(error) = thread::Builder::new().spawn_scoped(scope, served) {
                    complaints.say(peer, format_args!("no thread for it: {error}"));
                }
            }
        })
    }

    fn ended(&self, domain: &Domain, outcome: Result<(), ServeError>) -> Result<(), Failure> {
        match outcome {
            Err(error) if !is_unread(&error, domain) => Err(Failure::failed(error)),
            _ => Ok(()),
        }
    }

    fn announce(&self, at: argo_guest::Address) {
        let partner = self.from.map_or(Partner::Any, Partner::Domain);
        say(format_args!("listening at {at} for {}", whom(partner)));
    }
}

//! This end of a connection: standard input and output, or a command in their place.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;

use super::carry::{Carrier, CarryError, Outcome};
use crate::ctl::channel::{Channel, Idle};
use crate::ctl::input::{Input, Stop};

/// Why a command did not serve a connection to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    /// The connection broke.
    #[error(transparent)]
    Carry(#[from] CarryError),
    /// The command cannot be started.
    #[error("starting the command: {0}")]
    Start(io::Error),
    /// What became of the command cannot be told.
    #[error("waiting for the command: {0}")]
    Wait(io::Error),
    /// It failed by itself.
    #[error("the command failed: {0}")]
    Command(ExitStatus),
}

/// Standard input goes out, what comes goes to standard output, until both have ended. A person's
/// input need not end: the end of the peer's is enough.
pub(super) fn stdio(carrier: Carrier<'_>) -> Result<(), CarryError> {
    let stdin = io::stdin();
    let stop = Stop::new().map_err(CarryError::Input)?;
    let outcome = Outcome::default();
    let fails = |error| {
        outcome.settle(Err(error));
        carrier.channel.end();
    };
    thread::scope(|scope| {
        let sending = || carrier.send(Input::new(stdin.as_fd(), &stop)).unwrap_or_else(fails);
        if let Err(error) = thread::Builder::new().spawn_scoped(scope, sending) {
            return fails(CarryError::Thread(error));
        }
        let received = carrier.receive(&mut io::stdout());
        if received.is_err() || stdin.is_terminal() {
            stop.now();
        }
        received.unwrap_or_else(fails);
    });
    clean(outcome.into_result(), carrier.channel)
}

/// A conversation by datagrams has no other end than silence.
fn clean(outcome: Result<(), CarryError>, channel: &Channel) -> Result<(), CarryError> {
    match (outcome, channel) {
        (Err(CarryError::Silent(_)), Channel::Datagram(_)) => Ok(()),
        (outcome, _) => outcome,
    }
}

/// What comes goes to the command, what it writes goes out, until it has ended.
pub(super) fn serve(carrier: Carrier<'_>, command: &str) -> Result<(), ServeError> {
    let serving = Serving {
        carrier,
        stop: Stop::new().map_err(ServeError::Start)?,
        outcome: Outcome::default(),
    };
    let mut child = start(command, carrier.channel).map_err(ServeError::Start)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let status = thread::scope(|scope| {
        match thread::Builder::new().spawn_scoped(scope, || serving.feed(stdin)) {
            Ok(_) => serving.answer(stdout),
            Err(error) => {
                drop(stdout);
                serving.outcome.settle(Err(CarryError::Thread(error)));
            }
        }
        let status = child.wait();
        serving.outcome.settle(Ok(()));
        carrier.channel.end();
        status
    });
    serving.outcome.into_result()?;
    let status = status.map_err(ServeError::Wait)?;
    if status.success() { Ok(()) } else { Err(ServeError::Command(status)) }
}

/// A connection that a command serves.
struct Serving<'c> {
    carrier: Carrier<'c>,
    stop: Stop,
    outcome: Outcome,
}

impl Serving<'_> {
    /// Gives the command what comes, and the end.
    fn feed(&self, stdin: Option<ChildStdin>) {
        let Some(mut stdin) = stdin else { return };
        let received = self.carrier.receive(&mut stdin);
        // It sees the end.
        drop(stdin);
        if let Err(error) = wanted(clean(received, self.carrier.channel)) {
            self.outcome.settle(Err(error));
            self.stop.now();
        }
    }

    /// Sends what the command writes, and the end. Closes its output in any case.
    fn answer(&self, stdout: Option<ChildStdout>) {
        let Some(stdout) = stdout else { return };
        // The silence that ends datagrams is the peer's: the command may still answer.
        let endless = Idle::new(None);
        let carrier = match self.carrier.channel {
            Channel::Datagram(_) => Carrier { idle: &endless, ..self.carrier },
            _ => self.carrier,
        };
        if let Err(error) = carrier.send(Input::new(stdout, &self.stop)) {
            self.outcome.settle(Err(error));
            self.carrier.channel.end();
        }
    }
}

/// A command need not read everything.
fn wanted(received: Result<(), CarryError>) -> Result<(), CarryError> {
    match received {
        Err(CarryError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn start(command: &str, channel: &Channel) -> io::Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", command])
        .env("ARGO_PEER", channel.peer().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}

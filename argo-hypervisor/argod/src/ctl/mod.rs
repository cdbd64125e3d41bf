//! argoctl: one module a subcommand.
//!
//! Exit status: 0 done, 1 failed, 2 wrongly called; 3 an answer of `policy explain`, `diff`, `lint`.
#![forbid(unsafe_code)]

mod audit;
mod bound;
mod capture;
mod channel;
mod complaint;
mod demo;
mod domain;
mod format;
mod generate;
mod input;
mod netcat;
mod ping;
mod policy;
mod progress;
mod proxy;
mod recv;
mod replay;
mod replay_domain;
mod send;
mod slots;
mod sockets;
mod stat;
mod table;
mod tied;
mod values;
mod vchan;
mod watch;

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

const EXIT_STATUS: &str = "Exit status: 0 done, 1 failed, 2 wrongly called; 3 refused \
                           (policy explain), different (policy diff), findings (policy lint).";

/// Argo on a Linux host: what argod's operators and users do by hand.
#[derive(Parser)]
#[command(name = "argoctl", version, after_help = EXIT_STATUS)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    Listen(netcat::Listen),
    Connect(netcat::Connect),
    Proxy(proxy::Proxy),
    Vchan(vchan::Vchan),
    Send(send::Send),
    Recv(recv::Recv),
    Ping(ping::Ping),
    Policy(policy::Policy),
    Stat(stat::Stat),
    Domain(domain::Domain),
    Audit(audit::Audit),
    Capture(capture::Capture),
    Replay(replay::Replay),
    #[command(hide = true)]
    ReplayDomain(replay_domain::ReplayDomain),
    #[command(hide = true, name = crate::tied::SUBCOMMAND)]
    Tied(tied::Tied),
    #[command(hide = true)]
    Generate(generate::Generate),
    #[command(hide = true)]
    Argod(crate::program::Argod),
    #[command(hide = true)]
    DemoActor(demo::DemoActor),
}

/// Why a subcommand did not do what it was asked to.
#[derive(Debug)]
enum Failure {
    /// It was called wrongly.
    Usage(Box<dyn Error>),
    /// It went wrong.
    Failed(Box<dyn Error>),
}

/// Runs the program on this process's arguments.
pub fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let done = match command {
        Command::Demo(demo) => demo.run(),
        Command::Listen(listen) => listen.run(),
        Command::Connect(connect) => connect.run(),
        Command::Proxy(proxy) => proxy.run(),
        Command::Vchan(vchan) => vchan.run(),
        Command::Send(send) => send.run(),
        Command::Recv(recv) => recv.run(),
        Command::Ping(ping) => ping.run(),
        Command::Policy(policy) => policy.run(),
        Command::Stat(stat) => stat.run(),
        Command::Domain(domain) => domain.run(),
        Command::Audit(audit) => audit.run(),
        Command::Capture(capture) => capture.run(),
        Command::Replay(replay) => replay.run(),
        Command::ReplayDomain(domain) => domain.run(),
        Command::Tied(tied) => tied.run(),
        Command::Generate(generate) => generate.run(),
        Command::Argod(argod) => argod.run().map(|()| ExitCode::SUCCESS).map_err(Failure::failed),
        Command::DemoActor(actor) => actor.run(),
    };
    let (error, status) = match done {
        Ok(status) => return status,
        Err(Failure::Usage(error)) => (error, 2),
        Err(Failure::Failed(error)) => (error, 1),
    };
    complaint::say(format_args!("argoctl: {error}"));
    ExitCode::from(status)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(error) | Self::Failed(error)) = self;
        error.fmt(f)
    }
}

impl Failure {
    fn usage(error: impl Into<Box<dyn Error>>) -> Self {
        Self::Usage(error.into())
    }

    fn failed(error: impl Into<Box<dyn Error>>) -> Self {
        Self::Failed(error.into())
    }
}

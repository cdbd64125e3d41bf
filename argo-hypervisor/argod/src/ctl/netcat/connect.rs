//! `argoctl connect`.

use std::process::ExitCode;

use argo_guest::Address;
use clap::Args;

use super::{Options, is_unread};
use crate::ctl::channel::Channel;
use crate::ctl::{Failure, values};

/// Connect standard input and output to a port of another domain, as netcat does.
///
/// The end of standard input is told to the other end, and what comes from there is written until
/// its end. The policy must let both domains send to one another, and each register a ring for
/// the other.
#[derive(Args)]
pub(in super::super) struct Connect {
    /// Where to: the domain's number and the port.
    #[arg(value_name = "DOMAIN:PORT", value_parser = values::address)]
    to: Address,
    #[command(flatten)]
    options: Options,
}

impl Connect {
    pub(in super::super) fn run(self) -> Result<ExitCode, Failure> {
        let options = &self.options;
        let domain = options.acting.attach()?;
        let channel = Channel::connect(&domain, self.to, options.kind, options.rings())?;
        match options.talk(&channel, options.progress) {
            Err(error) if !is_unread(&error, &domain) => Err(Failure::failed(error)),
            _ => Ok(ExitCode::SUCCESS),
        }
    }
}

//! `argoctl policy explain`: what a policy says to one message or one access to the store, and which
//! rules say it.

use std::process::ExitCode;

use argo_core::policy::Hook;
use clap::Args;

use super::source::Source;
use super::{Answer, print};
use crate::admin::Request;
use crate::config::number;
use crate::ctl::Failure;
use crate::ctl::sockets::Admin;
use crate::policy::{Explanation, Inquiry};

/// Say whether a message may go from one domain to another, or whether a domain may read or write a
/// path of the store, and by which rules.
///
/// Domains are meant by name or number. The exit status is 0 if it may, 3 if not.
#[derive(Args)]
pub(super) struct Explain {
    /// The sender, or whoever asks. With a port: supposing that it owns a ring there.
    #[arg(long, value_name = "DOMAIN[:PORT]", value_parser = end)]
    from: End,
    /// The receiver, and the port there.
    #[arg(long, value_name = "DOMAIN[:PORT]", value_parser = end)]
    to: Option<End>,
    /// Ask this hook only.
    #[arg(long, value_parser = Hook::ALL.map(Hook::name))]
    hook: Option<String>,
    /// Ask whether the domain may read this path of the store: an absolute one, or one that begins
    /// at the domain's own /local/domain/N.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["to", "hook"])]
    store: Option<String>,
    /// Ask whether it may write it.
    #[arg(long, requires = "store")]
    write: bool,
    #[command(flatten)]
    source: Source,
    /// Ask the running argod for the policy that is in force, instead of reading a configuration.
    #[arg(long, conflicts_with = "config")]
    running: bool,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Clone)]
struct End {
    domain: String,
    port: Option<u32>,
}

impl Explain {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let (to, to_port) = self.to.map_or((None, None), |to| (Some(to.domain), to.port));
        let End { domain: from, port: from_port } = self.from;
        let (hook, path, write) = (self.hook, self.store, self.write);
        let inquiry = Inquiry { from, from_port, to, to_port, hook, path, write };
        let explanation: Explanation = match self.running {
            true => self.admin.ask(&Request::Explain(inquiry))?,
            false => self.source.policy()?.inquire(&inquiry).map_err(Failure::failed)?,
        };
        let Explanation { lines, verdict, errno } = explanation;
        let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
        let answer = if errno.is_none() { Answer::Yes } else { Answer::No };
        print(&format!("{lines}{verdict}\n"), answer)
    }
}

fn end(text: &str) -> Result<End, String> {
    let (domain, port) = match text.split_once(':') {
        None => (text, None),
        Some((domain, port)) => {
            let wrong = || format!("{port:?} is no port: expected 0 to {}", u32::MAX);
            (domain, Some(number(port).ok_or_else(wrong)?))
        }
    };
    Ok(End { domain: domain.to_owned(), port })
}

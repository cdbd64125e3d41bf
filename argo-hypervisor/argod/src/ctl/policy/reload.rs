//! `argoctl policy reload`: the policy in the files, put into force.

use std::process::ExitCode;

use clap::Args;

use super::{Answer, print};
use crate::admin::{Reloaded, Request};
use crate::ctl::Failure;
use crate::ctl::sockets::Admin;

/// Have argod read its policy anew, and cut what it forbids.
///
/// argod reads the configuration that it was started with and its policy folder, not what else
/// stands in the configuration. A bad policy changes nothing. SIGHUP does the same.
#[derive(Args)]
pub(super) struct Reload {
    #[command(flatten)]
    admin: Admin,
}

impl Reload {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Reloaded { policy_rules, port_rules, rings_cut, waits_ended } =
            self.admin.ask(&Request::Reload)?;
        let text = format!(
            "in force: {policy_rules} policy rules, {port_rules} port rules; \
             cut: {rings_cut} rings, {waits_ended} waits for room\n"
        );
        print(&text, Answer::Yes)
    }
}

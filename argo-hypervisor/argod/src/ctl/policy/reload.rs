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
        let reloaded: Reloaded = self.admin.ask(&Request::Reload)?;
        let beside = match reloaded.restart_needed {
            true => "the configuration has other changes (or faults), which only a restart meets\n",
            false => "",
        };
        let Reloaded { policy_rules, port_rules, store_rules, .. } = reloaded;
        let Reloaded { rings_cut, waits_ended, channels_cut, .. } = reloaded;
        let text = format!(
            "in force: {policy_rules} policy rule(s), {port_rules} port rule(s), {store_rules} store \
             rule(s); cut: {rings_cut} ring(s), {waits_ended} wait(s) for room, \
             {channels_cut} event channel(s)\n{beside}"
        );
        print(&text, Answer::Yes)
    }
}

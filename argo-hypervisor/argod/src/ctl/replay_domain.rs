//! `argoctl replay-domain`: the process of one domain of a replay.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Failure;
use crate::replay::serve_guest;
use crate::tied::tie;

/// Attaches to a domain and does what is asked for over standard input, which is a socket.
#[derive(Args)]
pub(super) struct ReplayDomain {
    /// The process that started this one.
    parent: i32,
    /// Where to attach.
    socket: PathBuf,
}

impl ReplayDomain {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        tie(self.parent).map_err(Failure::failed)?;
        let asker: OwnedFd = io::stdin().as_fd().try_clone_to_owned().map_err(Failure::failed)?;
        serve_guest(&self.socket, UnixStream::from(asker)).map_err(Failure::failed)?;
        Ok(ExitCode::SUCCESS)
    }
}

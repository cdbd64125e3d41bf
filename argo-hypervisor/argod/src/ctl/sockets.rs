//! Where argod is reached: as a domain, and as an administrator.

use std::path::{Path, PathBuf};

use argo_guest::Domain;
use argo_guest::host::DOMAIN_VARIABLE;
use clap::Args;
use serde::de::DeserializeOwned;
use vchan::host::Host;

use super::Failure;
use crate::admin::{AdminClient, Request, Stat};

/// The domain that a subcommand acts as.
#[derive(Args, Default)]
pub(super) struct Acting {
    /// Act as the domain whose socket this is.
    #[arg(long, env = DOMAIN_VARIABLE, value_name = "SOCKET")]
    domain: Option<PathBuf>,
}

/// The administrators' socket, for subcommands that ask argod itself.
#[derive(Args)]
pub(super) struct Admin {
    /// The administrators' socket of argod.
    #[arg(
        long,
        env = "ARGO_ADMIN",
        value_name = "SOCKET",
        default_value = "/run/argod/admin.sock"
    )]
    admin: PathBuf,
}

impl Acting {
    /// Attaches to the domain.
    pub(super) fn attach(&self) -> Result<Domain, Failure> {
        Domain::attach(self.socket()?).map_err(Failure::failed)
    }

    /// Connects to the domain for its grants, event channels and store.
    pub(super) fn host(&self) -> Result<Host, Failure> {
        Host::attach(self.socket()?).map_err(Failure::failed)
    }

    fn socket(&self) -> Result<&Path, Failure> {
        let missing = || {
            let text = "which domain to act as? Give --domain SOCKET, or set ";
            Failure::usage(format!("{text}{DOMAIN_VARIABLE}"))
        };
        self.domain.as_deref().ok_or_else(missing)
    }
}

impl Admin {
    /// What argod says about itself.
    pub(super) fn stat(&self) -> Result<Stat, Failure> {
        self.ask(&Request::Stat)
    }

    /// Asks argod for something.
    pub(super) fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Failure> {
        let mut admin = AdminClient::connect(&self.admin).map_err(Failure::failed)?;
        admin.request(request).map_err(Failure::failed)
    }
}

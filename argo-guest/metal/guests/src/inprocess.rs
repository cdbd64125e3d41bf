//! Puts the questions to this project's engine, in this process.

use std::fmt;
use std::process::ExitCode;

use argo_core::DomainId;
use argo_core::platform::{Call, Link, Platform, Submission};
use argo_hypervisor::inprocess::{AllowAll, InProcess, LocalDomain};
use argo_hypervisor::{Argo, Config, WildcardRings};
use argo_metal_guests::probe::{self, Asked};

struct Domain(LocalDomain<AllowAll>);

impl Asked for Domain {
    type Platform = LocalDomain<AllowAll>;

    fn platform(&self) -> &Self::Platform {
        &self.0
    }

    fn ask(&self, cmd: u32, args: [u64; 4]) -> i64 {
        match self.0.submit(&Call { cmd, args, link: Link::None }, 0) {
            Ok(Submission::Done(answer)) => answer,
            other => unreachable!("the engine answers at once: {other:?}"),
        }
    }
}

fn main() -> ExitCode {
    let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
    let system = InProcess::new(config, AllowAll);
    // The number of the guest that is alone on Xen.
    let Some(Ok(domain)) = DomainId::new(0).map(|id| system.domain(id, 16)) else {
        return ExitCode::FAILURE;
    };
    let mut tell =
        |question: &str, answer: fmt::Arguments<'_>| println!("probe: {question:<45} {answer}");
    probe::ask_all(&Domain(domain), &mut tell);
    ExitCode::SUCCESS
}

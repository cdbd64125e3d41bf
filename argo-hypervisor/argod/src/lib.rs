//! argod, the daemon that runs Argo on a Linux host, and what its tool `argoctl` is made of.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | the configuration file, checked whole, errors with line and column |
//! | [`policy`] | rules resolved against domains, the policy in force |
//! | [`daemon`] | domains, sessions, workers |
//! | [`audit`] | the audit stream: what was refused, by which rule, and what was administered |
//! | [`capture`] | messages as they are sent, as pcapng |
//! | [`admin`] | the administrators' protocol, and a client for it |
//! | [`replay`] | conformance traces |
//! | [`ctl`] | argoctl |
//! | `cage` | what argod gives up once it has started |
//! | [`program`] | argod, the program |
//! | [`log`] | the log |
//! | [`systemd`] | what argod and systemd tell each other |
//! | [`tied`] | processes that end with the one that started them |
//!
//! Unsafe code is in three modules: `daemon::sockopt`, system calls that no library offers yet,
//! `daemon::malloc`, which tells the allocator to keep what it has, and `systemd::descriptor`, which
//! takes over inherited descriptors.
#![deny(unsafe_code)]

pub mod admin;
pub mod audit;
mod cage;
pub mod capture;
pub mod config;
pub mod ctl;
pub mod daemon;
mod feed;
pub mod log;
pub mod policy;
pub mod program;
pub mod replay;
mod started;
pub mod systemd;
pub mod tied;

//! Argo's formats and rules, shared by the hypervisor's side and the guest's.
//!
//! Argo moves messages between domains by letting the hypervisor copy them into a ring that the
//! receiver registered in its own memory. This crate holds what both ends must agree on, once:
//!
//! | module | what |
//! |---|---|
//! | [`abi`] | numbers and structures of the hypercall, with their sizes checked at compile time |
//! | [`id`] | domains, ports, ring names, guest addresses |
//! | [`errno`] | the errors a hypercall answers with |
//! | [`claim`] | what a guest says, and the types that prove it was checked |
//! | [`ring`] | the ring: index arithmetic, [`Producer`](ring::Producer), [`Consumer`](ring::Consumer) |
//! | [`policy`] | who may do what: rules as data, one pure decision that names its rule |
//! | [`platform`] | the seam under the guest library: submit a call, wait for an interrupt |
//! | [`host`] | the shared pages and messages between `argod` and an attached process |
//! | [`xenstore`] | the messages of XenStore |
//!
//! It knows no operating system, allocates nothing and contains no unsafe code. Little-endian
//! machines only, as the ABI.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_underscore,
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::indexing_slicing,
        clippy::string_slice
    )
)]

pub mod abi;
pub mod claim;
pub mod errno;
pub mod host;
pub mod id;
pub mod platform;
pub mod policy;
pub mod ring;
pub mod xenstore;

pub use errno::Errno;
pub use id::{DomainId, Gfn, GuestAddr, Partner, Port, RingName};

//! Streams over Argo: the protocol alone, without clock, thread, memory or system.
//!
//! Messages go in as what the ring holds of them ([`Arrival`]), what they mean comes out as a
//! value. Two wires are spoken, both described in `docs/wire.md`:
//! - the *plain* one of OpenXT's Linux driver, for peers that know nothing else;
//! - the *extended* one between two of ours, offered by a bit of the SYN and confirmed by the ACK:
//!   a ring for each connection, half-close, and an epoch that tells a restarted peer from the
//!   one before.
//!
//! ```
//! use argo_core::{DomainId, Port};
//! use argo_stream::{Arrival, Connection, Endpoint, Kind, Verdict, wire};
//!
//! let server = Endpoint { domain: DomainId::new(2).unwrap(), port: Port(7) };
//! let mut connection = Connection::connecting(server, 0xC0FFEE, Kind::Stream);
//! let ack = wire::head(wire::Flags::ACK, 0xC0FFEE);
//! let arrival = Arrival { source: server, message_type: wire::STREAM, len: 8, head: &ack };
//! assert_eq!(connection.receive(&arrival), Verdict::Connected);
//! ```
//!
//! # How it is made
//! [`wire`] has the layouts, [`Connection`] one end of one connection, [`Verdict`] what a message
//! means to it, [`Backlog`] what a listener has been asked and not yet answered.
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

extern crate alloc;

mod arrival;
mod backlog;
mod connection;
mod verdict;
pub mod wire;

pub use arrival::{Arrival, Endpoint, HEAD_MAX};
pub use backlog::{Admission, Backlog, Key, Knock, Limits, Offer, Request};
pub use connection::{Connection, Kind, Mode};
pub use verdict::Verdict;

//! What `argod` and a process that attaches to one of its domains share: fixed, versioned layouts.
//!
//! ```text
//! process                         argod
//!   | -- connect to the domain's socket (SOCK_SEQPACKET)
//!   | -- Hello ------------------>  |  checks credentials, session limit, version
//!   | <------ Welcome + descriptors |  RAM (memfd), one doorbell (eventfd) a worker
//!   |   maps the RAM, adds the final seals
//!   | -- Sealed ----------------->  |  checks the seals, prefaults, locks
//!   | <------------------- Verdict  |  served from here on
//!   | <----------------- interrupts |  one byte each, only while the process sleeps
//! ```
//!
//! The memory is one memfd: first the *control area* ([`layout`]: a session page, then the
//! queues), then the domain's RAM, whose first page is never used (guest address 0 is null).
//!
//! - [`layout`]: where everything lies in the control area.
//! - [`attach`]: the messages above.
//! - [`words`]: how shared words are reached, so that a model checker can stand in for memory.
//! - [`wake`]: sleep and interrupt without a lost wake-up, in both directions.
//! - [`turn`]: which of argod's workers watches a session.
//! - [`queue`]: submissions and completions.
//! - [`services`]: a connection of another kind, for grants, event channels and the store.
//! - [`machine`]: what a virtual machine that is a domain finds instead of a socket.

pub mod attach;
pub mod layout;
pub mod machine;
pub mod queue;
pub mod services;
pub mod turn;
pub mod wake;
pub mod words;

/// The version of everything in this module. A peer with another version is refused by name.
pub const VERSION: u32 = 3;

/// What every message begins with: "ARGO".
pub const MAGIC: u32 = u32::from_le_bytes(*b"ARGO");

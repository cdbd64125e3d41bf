//! The Argo engine: what Xen's hypervisor does for Argo, for any host.
//!
//! A receiver registers a ring in its own memory; a sender asks the engine to send; only the
//! engine writes into the ring. No memory is shared between domains. The engine knows no operating
//! system: guest memory, policy, events and locks are the host's ([`System`]).
//!
//! # The way of a message
//! claim the arguments (`hypercall`) → policy decides (`policy`) → find the ring (`table`) → copy
//! once and publish (`ring`) → raise (`send`, with no lock held).
//!
//! # What is guaranteed
//! - Data comes only from a source that the policy approved, and the source *domain* is true.
//! - Only the free part of a ring is written, each message once, in the order sent; what a sender
//!   changes after the call has no effect. Of what the receiver's ring says only `rx_ptr` is read,
//!   once a call, and any value of it is harmless.
//! - A domain that floods, corrupts its own memory or goes away costs others nothing but the room
//!   in the rings that they share with it. Everything a domain can pile up has a limit
//!   ([`Quotas`]); a send allocates nothing.
//! - With [`Tables::Reserved`] a domain's tables have all memory that its quotas allow from the
//!   beginning: no call takes any, not even a registration.
//! - Nothing a guest says makes the engine panic. Memory that has run out is `ENOMEM` to a guest,
//!   and its end by [`Engine::withdraw_rings`] and [`Engine::deactivate`] needs none. What the host
//!   asks for needs some, and without it ends as the host's allocator says: to create a domain, to
//!   enforce a policy, to read statistics, to reset or destroy a domain for which others have rings.
//!
//! # Faults of Xen's that cannot happen here
//! There are no reverse indexes (rings by partner, waits by domain): when a domain goes, the
//! engine *walks* the others and takes away what names it. Xen's faults with those indexes (a
//! wait list walked by the wrong link, entries doubled by a re-registration, entries left behind)
//! have no place to be. A registration is checked whole before anything changes, so a failed
//! re-registration leaves the old ring, its waits and its counts alone.
//!
//! # Locks
//! Four, in this order:
//!
//! | lock | where | reading | writing |
//! |---|---|---|---|
//! | L1 | gate of a domain | its own calls, to their end | its own coming and going |
//! | L2 | ring table of a domain | senders to it, its notify | register, unregister, teardown |
//! | L3 | a ring | | sends to it, questions about it |
//! | L0 | the table of domains, in shards | any look-up, not longer | create, destroy |
//!
//! L0 is innermost: nothing is locked while it is held. A thread holds at most one gate, so that
//! teardowns of two domains cannot wait for each other. No lock is held when an event is raised or
//! the memory of a ring is let go.
//!
//! The types enforce a part of this: a ring table is opened with a `&mut` of who opens it, which is
//! the guard of a gate or an `Onlooker` who holds none, so one at a time for each; a ring is found
//! in an open table only; a table of L0 does not leave the module `registry`. They do not keep
//! anybody from making an `Onlooker`, or entering a second gate, with a lock held, nor from raising
//! an event then. That is for the models in `loom-tests`: there a lock that is taken twice, locks
//! that wait for each other, and events and ends of rings with a lock held all fail.
//!
//! By path:
//! - *send*: L0, then sender's L1, receiver's L2 (read), ring's L3; all dropped; raise.
//! - *register*: L0; own L1; own L2 (read) to check; pages are read and mapped with no L2; own L2
//!   (write) to check again and install.
//! - *notify*: own L1, own L2 (read), the L3 of each ring with waiters in turn (`waited` says which
//!   they are, with no lock); all dropped whenever the buffer of signals is full; raise; go on at the
//!   next ring. Then each question like a send.
//! - *lend*: L0; the owner's L2 (read); then like notify, without a gate.
//! - *teardown*: own L1 (write), so that none of the domain's calls is under way and none can
//!   queue a wait any more; `active` is cleared; then L2 (write) of each domain in turn. A
//!   registration that names the domain checks `active` under its L2: either the walk finds its
//!   ring, or it finds the domain inactive.
//!
//! An [`Observer`], if there is one, copies a payload with the ring's L3 held, and is told the rest
//! with no lock held.
//!
//! So senders to different rings do not wait for each other, with one exception: while the owner
//! registers or unregisters a ring (or a teardown looks at its table), new senders to *that owner*
//! wait until the copies under way into its rings are done, at most one ring's length each.
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
#![warn(missing_docs)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod config;
mod counters;
mod domain;
mod enforce;
mod engine;
mod fallible;
mod hypercall;
#[cfg(feature = "std")]
pub mod inprocess;
mod lists;
mod memory;
mod names;
mod notify;
mod observer;
mod policy;
mod quotas;
mod register;
mod registry;
mod reserves;
mod ring;
mod send;
mod signals;
mod stat;
mod sync;
mod system;
mod table;
mod teardown;
mod waited;
mod waiters;

pub use config::{Argo, Config, Tables, Waking, WildcardRings};
pub use counters::CounterStat;
pub use domain::{Caller, Domain, Start};
pub use enforce::Cut;
pub use engine::{CreateError, Engine, NoSuchDomain};
pub use memory::{BadRam, Fault, GuestMemory, LinearMemory, MapError, PageLists, RingPages};
pub use notify::{Answer, Question};
pub use observer::{Copied, Observer, Sent};
pub use policy::{Judge, Passage, Policy, Refused};
pub use quotas::{BadQuotas, Quotas};
pub use register::{Existing, RegisterRequest};
pub use send::SendRequest;
pub use stat::{DomainStat, RingStat};
#[cfg(feature = "std")]
pub use system::ParkingLot;
pub use system::{Events, Locks, System};

//! XenStore: a tree of small values with permissions, watches, transactions and quotas.
//!
//! [`Store`] answers the messages of [`argo_core::xenstore`] as Xen's daemon does; its protocol is
//! described in Xen's `docs/misc/xenstore.txt`. The host says which domains there are
//! ([`Store::introduce`], [`Store::forget`]), opens connections for them ([`Store::connect`]), passes
//! their messages in ([`Store::request`]) and fetches what their watches have seen
//! ([`Store::next_event`]).
//!
//! **Who may do what.** For each path that a request concerns, first the host's [`Guard`] is asked,
//! then the node's permissions; domain 0 passes the latter. A watch is told of a node only if the
//! guard lets the domain read that path, and the permissions let it read the node or its parent
//! (which tells of the node anyway).
//!
//! **Transactions** keep what they have read and changed in an overlay, not a copy of the tree. At
//! their end each node that they have touched must be as it was at first touch, else the answer is
//! `EAGAIN` and nothing happens. What they have seen of a node does not change under them. The guard
//! is asked about each change again then: a policy that has changed meanwhile holds for it.
//!
//! **Bounds.** A node counts for its owner; all else for the domain whose connection it is. Past a
//! limit of its [`Quota`] a domain gets `ENOSPC` (`E2BIG` for watches, as on Xen). Work is
//! bounded by what the caller asks for and by who watches that: for each node that changes, the guard
//! is asked once for each domain with a watch on it or above, and each such watch gets an event. Other
//! domains' nodes, watches elsewhere in the tree and open transactions cost nothing. Memory that
//! nodes do not count for is bounded in bytes: what events that wait and open transactions hold on to.
//! A connection that does not fetch its events is given up, and if a domain's events take too much
//! memory, its connection with most of them: it is reported in [`Signals::overrun`], and the host has
//! to end it.
//!
//! Beyond Xen's own limits on paths, a path has at most [`DEPTH_MAX`] names of [`NAME_MAX`] bytes.

mod connection;
mod delivery;
mod domain;
mod events;
mod guard;
mod lifecycle;
mod message;
mod node;
mod operations;
mod overlay;
mod path;
mod permissions;
mod refusal;
mod requests;
mod session;
mod settle;
mod transactions;
mod tree;
mod watches;

pub use connection::ConnectionId;
pub use domain::{Quota, Usage};
pub use guard::{Access, Guard};
pub use path::{DEPTH_MAX, NAME_MAX};
pub use settle::{Outcome, Signals};
pub use watches::TOKEN_MAX;

use alloc::collections::BTreeMap;

/// A XenStore. See the [module](self).
#[derive(Debug)]
pub struct Store {
    tree: tree::Tree,
    domains: domain::Domains,
    connections: BTreeMap<ConnectionId, connection::Connection>,
    watches: watches::Watches,
    /// Counts changes of the tree and of the set of domains.
    clock: u64,
    next_connection: u64,
}

//! The seam to the store in which a server tells its clients where it is.

use alloc::vec::Vec;
use core::time::Duration;

use argo_core::DomainId;

use super::{Fault, Wake};

/// A transaction's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transaction(pub u32);

impl Transaction {
    /// No transaction: each call for itself.
    pub const NONE: Transaction = Transaction(0);
}

/// What became of a transaction.
#[must_use = "a transaction that met a conflict has changed nothing"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// All of it was done.
    Done,
    /// Somebody else changed what it had read or written; nothing was done. Try again.
    Conflict,
}

/// XenStore, or what stands for it, as one domain sees it.
///
/// Paths that do not begin with `/` begin at the domain's own `/local/domain/<id>`.
pub trait Store {
    /// A watch on a path. Dropping it ends the watch.
    type Watch: Watch;

    /// This domain.
    ///
    /// # Errors
    /// The store or the platform refuses.
    fn domain(&self) -> Result<DomainId, Fault>;

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`Cause::Full`](super::Cause::Full): too many; or the store refuses.
    fn begin(&self) -> Result<Transaction, Fault>;

    /// Ends a transaction with all its changes.
    ///
    /// # Errors
    /// The store refuses; the transaction has ended then, without its changes.
    fn commit(&self, transaction: Transaction) -> Result<Committed, Fault>;

    /// Ends a transaction without its changes.
    fn abandon(&self, transaction: Transaction);

    /// A node's value, `None` if it is not there.
    ///
    /// # Errors
    /// The store refuses.
    fn read(&self, within: Transaction, path: &str) -> Result<Option<Vec<u8>>, Fault>;

    /// Writes a node; makes it and its parents if they are not there.
    ///
    /// # Errors
    /// The store refuses.
    fn write(&self, within: Transaction, path: &str, value: &[u8]) -> Result<(), Fault>;

    /// Removes a node and all below it. It need not be there.
    ///
    /// # Errors
    /// The store refuses.
    fn remove(&self, within: Transaction, path: &str) -> Result<(), Fault>;

    /// Makes a node readable by `reader` and by nobody else but its owner, which becomes this domain.
    ///
    /// # Errors
    /// The store refuses.
    fn set_reader(&self, within: Transaction, path: &str, reader: DomainId) -> Result<(), Fault>;

    /// Watches a node and all below it, there or not.
    ///
    /// # Errors
    /// The store refuses.
    fn watch(&self, path: &str) -> Result<Self::Watch, Fault>;
}

/// Changes below one path, from the moment of the watch on.
pub trait Watch {
    /// Waits for a change since the last call, or since the watch began. It may tell of changes
    /// that were none.
    ///
    /// # Errors
    /// The store or the platform has gone.
    fn wait(&self, timeout: Option<Duration>) -> Result<Wake, Fault>;
}

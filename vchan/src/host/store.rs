//! argod's store.

use core::time::Duration;
use std::format;
use std::string::ToString;
use std::vec::Vec;

use argo_core::DomainId;
use argo_guest::services::{self, Commit, Services};

use super::Host;
use super::fault::{fault, store_fault};
use crate::platform::{Cause, Committed, Fault, Store, Transaction, Wake, Watch};

impl Store for Host {
    type Watch = HostWatch;

    fn domain(&self) -> Result<DomainId, Fault> {
        Ok(self.services().domain())
    }

    fn begin(&self) -> Result<Transaction, Fault> {
        let begun = self.services().transaction().map_err(store_fault)?;
        Ok(Transaction(begun.into_number()))
    }

    fn commit(&self, transaction: Transaction) -> Result<Committed, Fault> {
        let open = services::Transaction::from_number(self.services(), transaction.0);
        Ok(match open.commit().map_err(store_fault)? {
            Commit::Done => Committed::Done,
            Commit::Conflict => Committed::Conflict,
        })
    }

    fn abandon(&self, transaction: Transaction) {
        drop(services::Transaction::from_number(self.services(), transaction.0));
    }

    fn read(&self, within: Transaction, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        match self.services().nodes_within(within.0).read(path) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is("ENOENT") => Ok(None),
            Err(error) => Err(store_fault(error)),
        }
    }

    fn write(&self, within: Transaction, path: &str, value: &[u8]) -> Result<(), Fault> {
        self.services().nodes_within(within.0).write(path, value).map_err(store_fault)
    }

    fn remove(&self, within: Transaction, path: &str) -> Result<(), Fault> {
        match self.services().nodes_within(within.0).rm(path) {
            Err(error) if !error.is("ENOENT") => Err(store_fault(error)),
            _ => Ok(()),
        }
    }

    fn set_reader(&self, within: Transaction, path: &str, reader: DomainId) -> Result<(), Fault> {
        let owner = format!("n{}", self.services().domain().raw());
        let reader = format!("r{}", reader.raw());
        let nodes = self.services().nodes_within(within.0);
        nodes.set_permissions(path, &[&owner, &reader]).map_err(store_fault)
    }

    fn watch(&self, path: &str) -> Result<HostWatch, Fault> {
        let gone =
            |error: argo_guest::host::AttachError| Fault::new(Cause::Gone, error.to_string());
        let connection = Services::attach(self.socket()).map_err(gone)?;
        connection.watch(path, "vchan").map_err(store_fault)?;
        Ok(HostWatch { connection })
    }
}

/// A watch, on a connection of its own: events that one does not take are not in another's way.
pub struct HostWatch {
    connection: Services,
}

impl Watch for HostWatch {
    fn wait(&self, timeout: Option<Duration>) -> Result<Wake, Fault> {
        let event = self.connection.next_event(timeout).map_err(fault)?;
        Ok(if event.is_some() { Wake::Event } else { Wake::TimedOut })
    }
}

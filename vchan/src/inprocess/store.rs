//! The hub's store, by its messages.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::str;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use argo_core::DomainId;
use argo_core::xenstore::{Header, Kind};
use xen_services::store::ConnectionId;
use zerocopy::{FromBytes, IntoBytes};

use super::domain::{Domain, Process};
use super::hub::Hub;
use crate::platform::{self, Bell, Cause, Committed, Fault, Store, Transaction, Wake};

/// A watch on a path of the hub's store: a connection of its own.
pub struct Watch {
    hub: Hub,
    connection: ConnectionId,
    bell: Arc<Bell>,
    told: AtomicU32,
}

impl platform::Watch for Watch {
    fn wait(&self, timeout: Option<Duration>) -> Result<Wake, Fault> {
        let woken = self.bell.wait(self.told.load(Ordering::Relaxed), timeout)?;
        // One that comes after the time was over is told the next time.
        if woken == Wake::Event {
            self.told.store(self.bell.seen(), Ordering::Relaxed);
        }
        Ok(woken)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut tables = self.hub.lock();
        tables.store.disconnect(self.connection);
        tables.watches.remove(&self.connection);
    }
}

impl Store for Domain {
    type Watch = Watch;

    fn domain(&self) -> Result<DomainId, Fault> {
        Ok(self.id())
    }

    fn begin(&self) -> Result<Transaction, Fault> {
        let answer = self.ask(Transaction::NONE, Kind::TransactionStart, &[b"\0"])?;
        let number =
            answer.strip_suffix(b"\0").and_then(|text| str::from_utf8(text).ok()?.parse().ok());
        number.map(Transaction).ok_or_else(|| Fault::new(Cause::Failed, "no transaction number"))
    }

    fn commit(&self, transaction: Transaction) -> Result<Committed, Fault> {
        match self.ask(transaction, Kind::TransactionEnd, &[b"T\0"]) {
            Ok(_) => Ok(Committed::Done),
            Err(fault) if fault.cause == Cause::Busy => Ok(Committed::Conflict),
            Err(fault) => Err(fault),
        }
    }

    fn abandon(&self, transaction: Transaction) {
        // An error: it has ended already.
        let _ended = self.ask(transaction, Kind::TransactionEnd, &[b"F\0"]);
    }

    fn read(&self, within: Transaction, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        match self.ask(within, Kind::Read, &[path.as_bytes(), b"\0"]) {
            Ok(value) => Ok(Some(value)),
            Err(fault) if fault.cause == Cause::NotThere => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn write(&self, within: Transaction, path: &str, value: &[u8]) -> Result<(), Fault> {
        self.ask(within, Kind::Write, &[path.as_bytes(), b"\0", value]).map(drop)
    }

    fn remove(&self, within: Transaction, path: &str) -> Result<(), Fault> {
        match self.ask(within, Kind::Rm, &[path.as_bytes(), b"\0"]) {
            Err(fault) if fault.cause != Cause::NotThere => Err(fault),
            _ => Ok(()),
        }
    }

    fn set_reader(&self, within: Transaction, path: &str, reader: DomainId) -> Result<(), Fault> {
        let message = format!("{path}\0n{}\0r{reader}\0", self.id());
        self.ask(within, Kind::SetPerms, &[message.as_bytes()]).map(drop)
    }

    fn watch(&self, path: &str) -> Result<Watch, Fault> {
        let hub = self.process.hub.clone();
        let (bell, told) = (Arc::new(Bell::default()), AtomicU32::new(0));
        let connection = {
            let mut tables = hub.lock();
            let connection = tables.store.connect(self.id()).ok_or_else(gone)?;
            tables.watches.insert(connection, Arc::clone(&bell));
            connection
        };
        let watch = Watch { hub, connection, bell, told };
        let message = [path.as_bytes(), b"\0vchan\0"];
        ask(&watch.hub, connection, Transaction::NONE, Kind::Watch, &message)?;
        Ok(watch)
    }
}

impl Domain {
    fn ask(&self, within: Transaction, kind: Kind, payload: &[&[u8]]) -> Result<Vec<u8>, Fault> {
        let Process { hub, store, .. } = &*self.process;
        ask(hub, store.ok_or_else(gone)?, within, kind, payload)
    }
}

fn ask(
    hub: &Hub,
    connection: ConnectionId,
    within: Transaction,
    kind: Kind,
    payload: &[&[u8]],
) -> Result<Vec<u8>, Fault> {
    let payload = payload.concat();
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let header = Header { kind: kind as u32, request: 0, transaction: within.0, len };
    let message = [header.as_bytes(), &payload].concat();
    let mut tables = hub.lock();
    let outcome = tables.store.request(connection, &hub.guard(), &message);
    tables.signal(outcome.signals);
    drop(tables);
    match Header::read_from_prefix(&outcome.reply) {
        Ok((header, value)) if header.kind == Kind::Error as u32 => Err(refused(value)),
        Ok((_, value)) => Ok(value.to_vec()),
        Err(_) => Err(gone()),
    }
}

/// What the name of an errno, as the store answers with, means.
fn refused(name: &[u8]) -> Fault {
    let name = str::from_utf8(name).unwrap_or("?").trim_end_matches('\0');
    let cause = match name {
        "EACCES" | "EPERM" => Cause::Refused,
        "ENOENT" => Cause::NotThere,
        "ENOSPC" | "E2BIG" => Cause::Full,
        "EAGAIN" => Cause::Busy,
        "EIO" => Cause::Gone,
        _ => Cause::Failed,
    };
    Fault::new(cause, format!("the store answers {name}"))
}

fn gone() -> Fault {
    Fault::new(Cause::Gone, "the domain's connection to the store has ended")
}

//! A store with domains, and clients that talk to it in messages.

use std::collections::BTreeSet;

use argo_core::DomainId;
use argo_core::xenstore::{Header, Kind};
use xen_services::store::{Access, ConnectionId, Guard, Outcome, Quota, Signals, Store, Usage};
use zerocopy::{FromBytes, IntoBytes};

pub const OK: &str = "OK\0";

/// A client: a domain's connection.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub id: ConnectionId,
}

pub struct World {
    pub store: Store,
    pub signals: Signals,
}

pub fn domain(id: u16) -> DomainId {
    DomainId::new(id).unwrap()
}

/// The guard that refuses nothing.
pub fn anything(_: DomainId, _: &str, _: Access) -> bool {
    true
}

pub fn message(kind: u32, transaction: u32, payload: &[u8]) -> Vec<u8> {
    let header = Header { kind, request: 7, transaction, len: payload.len() as u32 };
    [header.as_bytes(), payload].concat()
}

/// What an answer says: what follows its header, or the errno's name.
pub fn said(reply: &[u8]) -> Result<Vec<u8>, String> {
    let (header, payload) = Header::read_from_prefix(reply).unwrap();
    assert_eq!(header.len as usize, payload.len());
    match Kind::new(header.kind).unwrap() {
        Kind::Error => Err(text(payload).strip_suffix('\0').unwrap().to_owned()),
        _ => Ok(payload.to_vec()),
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

impl World {
    /// A store with domain 0 and these, all with Xen's quotas.
    pub fn with(domains: &[u16]) -> Self {
        Self::limited(domains, Quota::XEN)
    }

    pub fn limited(domains: &[u16], quota: Quota) -> Self {
        let mut world = Self { store: Store::new(Quota::CONTROL), signals: Signals::default() };
        domains.iter().for_each(|id| world.introduce(*id, quota));
        world
    }

    pub fn introduce(&mut self, id: u16, quota: Quota) {
        self.signals = self.store.introduce(domain(id), &format!("dom{id}"), quota, &anything);
    }

    pub fn forget(&mut self, id: u16) {
        self.signals = self.store.forget(domain(id), &anything);
    }

    pub fn connect(&mut self, id: u16) -> Client {
        Client { id: self.store.connect(domain(id)).unwrap() }
    }

    pub fn usage(&self, id: u16) -> Usage {
        self.store.usage(domain(id)).unwrap()
    }

    /// Asks in a transaction (or 0), under a guard.
    pub fn ask(
        &mut self,
        client: Client,
        guard: &dyn Guard,
        transaction: u32,
        kind: Kind,
        payload: &[u8],
    ) -> Result<String, String> {
        let message = message(kind as u32, transaction, payload);
        let Outcome { reply, signals } = self.store.request(client.id, guard, &message);
        self.signals = signals;
        let header = Header::ref_from_prefix(&reply).unwrap().0;
        assert_eq!((header.request, header.transaction), (7, transaction));
        said(&reply).map(|payload| text(&payload))
    }

    /// Asks on its own, without a guard.
    pub fn does(&mut self, client: Client, kind: Kind, payload: &str) -> Result<String, String> {
        self.ask(client, &anything, 0, kind, payload.as_bytes())
    }

    pub fn within(
        &mut self,
        client: Client,
        transaction: u32,
        kind: Kind,
        payload: &str,
    ) -> Result<String, String> {
        self.ask(client, &anything, transaction, kind, payload.as_bytes())
    }

    pub fn read(&mut self, client: Client, path: &str) -> Result<String, String> {
        self.does(client, Kind::Read, &format!("{path}\0"))
    }

    pub fn write(&mut self, client: Client, path: &str, value: &str) -> Result<String, String> {
        self.does(client, Kind::Write, &format!("{path}\0{value}"))
    }

    pub fn rm(&mut self, client: Client, path: &str) -> Result<String, String> {
        self.does(client, Kind::Rm, &format!("{path}\0"))
    }

    pub fn set(&mut self, client: Client, path: &str, entries: &str) -> Result<String, String> {
        let entries = entries.replace(' ', "\0");
        self.does(client, Kind::SetPerms, &format!("{path}\0{entries}\0"))
    }

    pub fn permissions(&mut self, client: Client, path: &str) -> Result<String, String> {
        let answer = self.does(client, Kind::GetPerms, &format!("{path}\0"))?;
        Ok(answer.trim_end_matches('\0').replace('\0', " "))
    }

    pub fn list(&mut self, client: Client, path: &str) -> Result<Vec<String>, String> {
        let names = self.does(client, Kind::Directory, &format!("{path}\0"))?;
        Ok(names.split_terminator('\0').map(str::to_owned).collect())
    }

    pub fn watch(&mut self, client: Client, path: &str, token: &str) -> Result<String, String> {
        self.does(client, Kind::Watch, &format!("{path}\0{token}\0"))
    }

    /// Watches, and takes the first event.
    pub fn watch_quietly(&mut self, client: Client, path: &str, token: &str) {
        assert_eq!(self.watch(client, path, token).as_deref(), Ok(OK));
        assert_eq!(self.events(client).len(), 1);
    }

    pub fn begin(&mut self, client: Client) -> u32 {
        let number = self.does(client, Kind::TransactionStart, "\0").unwrap();
        number.trim_end_matches('\0').parse().unwrap()
    }

    pub fn commit(&mut self, client: Client, transaction: u32) -> Result<String, String> {
        self.within(client, transaction, Kind::TransactionEnd, "T\0")
    }

    /// Takes all events: "path token" each.
    pub fn events(&mut self, client: Client) -> Vec<String> {
        let events = std::iter::from_fn(|| self.store.next_event(client.id));
        let event = |message: Vec<u8>| {
            let (header, payload) = Header::read_from_prefix(&message).unwrap();
            assert_eq!((header.kind, header.request), (Kind::WatchEvent as u32, 0));
            text(payload).trim_end_matches('\0').replace('\0', " ")
        };
        events.map(event).collect()
    }

    pub fn woken(&self) -> BTreeSet<ConnectionId> {
        self.signals.events.clone()
    }
}

pub fn refused<T>(errno: &str) -> Result<T, String> {
    Err(errno.to_owned())
}

pub fn ok() -> Result<String, String> {
    Ok(OK.to_owned())
}

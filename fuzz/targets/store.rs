//! The store under any messages of a few domains. Answers are messages, whatever was asked; quotas
//! hold; what the guard keeps from a domain is neither read, nor written, nor told by a watch; and what
//! belonged to a connection or a domain goes with it.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use argo_core::DomainId;
use argo_core::xenstore::{Header, Kind, PAYLOAD_MAX};
use argo_fuzz::world::domain;
use libfuzzer_sys::fuzz_target;
use xen_services::store::{Access, ConnectionId, Outcome, Quota, Store, Usage};
use zerocopy::{FromBytes, IntoBytes};

/// Domain 0 passes permissions; the guard keeps paths with [`SECRET`] from domain 2.
const DOMAINS: u8 = 3;
const KEPT_OUT: u16 = 2;
const SECRET: &str = "s3";
const QUOTA: Quota = Quota { nodes: 12, watches: 4, transactions: 2, ..Quota::XEN };

/// What is asked of a path.
const NODE_KINDS: [Kind; 9] = [
    Kind::Watch,
    Kind::Write,
    Kind::Read,
    Kind::Directory,
    Kind::DirectoryPart,
    Kind::GetPerms,
    Kind::SetPerms,
    Kind::Mkdir,
    Kind::Rm,
];

#[derive(Arbitrary, Debug)]
enum Step<'b> {
    Ask {
        client: u8,
        kind: u8,
        transaction: u8,
        pieces: Vec<Piece<'b>>,
    },
    /// A request about a path that is one.
    Node {
        client: u8,
        what: u8,
        transaction: u8,
        names: Vec<u8>,
        rest: Vec<Piece<'b>>,
    },
    Raw {
        client: u8,
        bytes: &'b [u8],
    },
    Events {
        client: u8,
    },
    Reconnect {
        client: u8,
    },
    Renew {
        domain: u8,
    },
}

#[derive(Arbitrary, Debug)]
enum Piece<'b> {
    Home(u8),
    Name(u8),
    Secret,
    Slash,
    End,
    Introduce,
    Release,
    Token,
    True,
    Permission(u8, u8),
    Bytes(&'b [u8]),
}

fuzz_target!(|steps: Vec<Step>| {
    let mut scene = Scene::new();
    for step in &steps {
        scene.take(step);
        scene.check();
    }
    (0..DOMAINS).for_each(|id| scene.events(id.into()));
    (1..DOMAINS).for_each(|id| scene.renew(id.into()));
});

struct Scene {
    store: Store,
    clients: BTreeMap<u16, ConnectionId>,
}

fn guard(domain: DomainId, path: &str, _: Access) -> bool {
    domain.raw() != KEPT_OUT || path.split('/').all(|name| name != SECRET)
}

impl Scene {
    fn new() -> Self {
        let mut scene = Self { store: Store::new(Quota::CONTROL), clients: BTreeMap::new() };
        scene.connect(0);
        (1..DOMAINS).for_each(|id| scene.introduce(id.into()));
        scene
    }

    fn introduce(&mut self, id: u16) {
        let _told = self.store.introduce(domain(id), &format!("dom{id}"), QUOTA, &guard);
        self.connect(id);
    }

    fn connect(&mut self, id: u16) {
        let client = self.store.connect(domain(id));
        self.clients.insert(id, client.unwrap_or_else(|| panic!("domain {id} cannot connect")));
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Ask { client, kind, transaction, pieces } => {
                self.request(*client, u32::from(kind % 24), *transaction, &joined(pieces));
            }
            Step::Node { client, what, transaction, names, rest } => {
                let kind = NODE_KINDS[usize::from(*what) % NODE_KINDS.len()];
                let path: String =
                    names.iter().map(|name| format!("/{}", self::name(*name))).collect();
                let payload = [path.as_bytes(), b"\0", &joined(rest)].concat();
                self.request(*client, kind as u32, *transaction, &payload);
            }
            Step::Raw { client, bytes } => self.ask(id(*client), bytes),
            Step::Events { client } => self.events(id(*client)),
            Step::Reconnect { client } => {
                self.store.disconnect(self.clients[&id(*client)]);
                let Usage { watches, transactions, event_bytes, transaction_bytes, .. } =
                    self.usage(id(*client));
                assert_eq!((watches, transactions, event_bytes, transaction_bytes), (0, 0, 0, 0));
                self.connect(id(*client));
            }
            Step::Renew { domain } => self.renew(1 + u16::from(domain % (DOMAINS - 1))),
        }
    }

    fn request(&mut self, client: u8, kind: u32, transaction: u8, payload: &[u8]) {
        let payload = &payload[..payload.len().min(PAYLOAD_MAX)];
        let (transaction, len) = (u32::from(transaction % 3), payload.len() as u32);
        let header = Header { kind, request: 7, transaction, len };
        self.ask(id(client), &[header.as_bytes(), payload].concat());
    }

    fn ask(&mut self, id: u16, message: &[u8]) {
        let Outcome { reply, .. } = self.store.request(self.clients[&id], &guard, message);
        let Ok((header, answer)) = Header::read_from_prefix(&reply) else {
            panic!("an answer of {} bytes", reply.len());
        };
        assert!(header.len as usize == answer.len() && answer.len() <= PAYLOAD_MAX);
        let is_error = header.kind == Kind::Error as u32;
        assert!(!is_error || answer.strip_suffix(b"\0").is_some_and(|name| name.is_ascii()));
        let Ok((asked, payload)) = Header::read_from_prefix(message) else {
            assert!(is_error);
            return;
        };
        assert_eq!((header.request, header.transaction), (asked.request, asked.transaction));
        assert!(is_error || header.kind == asked.kind);
        let kept = id == KEPT_OUT && is_about_nodes(asked.kind) && names_secret(payload);
        assert!(is_error || !kept, "the guard was passed");
    }

    /// All that the client is told.
    fn events(&mut self, id: u16) {
        while let Some(event) = self.store.next_event(self.clients[&id]) {
            let Ok((header, payload)) = Header::read_from_prefix(&event) else {
                panic!("an event of {} bytes", event.len());
            };
            let is_event = header.kind == Kind::WatchEvent as u32;
            assert!(is_event && header.len as usize == payload.len());
            assert!(id != KEPT_OUT || !names_secret(payload), "a watch has told what is kept");
        }
    }

    /// A domain goes with all it has, and another of its id comes.
    fn renew(&mut self, id: u16) {
        let _told = self.store.forget(domain(id), &guard);
        assert_eq!(self.store.usage(domain(id)), None);
        self.introduce(id);
        // The node that it begins with.
        assert_eq!(self.usage(id), Usage { nodes: 1, ..Usage::default() });
    }

    fn usage(&self, id: u16) -> Usage {
        self.store.usage(domain(id)).unwrap_or_else(|| panic!("domain {id} is not known"))
    }

    fn check(&self) {
        for id in 1..DOMAINS {
            let Usage { nodes, watches, transactions, .. } = self.usage(id.into());
            let within = watches <= QUOTA.watches && transactions <= QUOTA.transactions;
            assert!(within && nodes <= QUOTA.nodes, "domain {id} has {nodes} nodes");
        }
    }
}

impl Piece<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Piece::Home(id) => format!("/local/domain/{}", id % DOMAINS).into(),
            Piece::Name(number) => format!("n{}", number % 4).into(),
            Piece::Secret => SECRET.into(),
            Piece::Slash => b"/".into(),
            Piece::End => b"\0".into(),
            Piece::Introduce => b"@introduceDomain".into(),
            Piece::Release => b"@releaseDomain".into(),
            Piece::Token => b"token\0".into(),
            Piece::True => b"T\0".into(),
            Piece::Permission(letter, id) => {
                let letter = ["n", "r", "w", "b"][usize::from(letter % 4)];
                format!("{letter}{}\0", id % DOMAINS).into()
            }
            Piece::Bytes(bytes) => bytes.to_vec(),
        }
    }
}

fn id(client: u8) -> u16 {
    u16::from(client % DOMAINS)
}

fn joined(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(Piece::bytes).collect()
}

fn name(number: u8) -> &'static str {
    ["n0", "n1", "n2", SECRET, "local/domain/0", "local/domain/1", "local/domain/2"]
        [usize::from(number % 7)]
}

fn is_about_nodes(kind: u32) -> bool {
    NODE_KINDS.iter().any(|known| *known as u32 == kind)
}

/// Whether the path at the beginning of a payload does.
fn names_secret(payload: &[u8]) -> bool {
    let path = payload.split(|byte| *byte == 0).next().unwrap_or_default();
    path.split(|byte| *byte == b'/').any(|name| name == SECRET.as_bytes())
}

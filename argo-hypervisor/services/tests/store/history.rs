//! Random histories of several domains, held against the model.

use std::collections::{BTreeMap, BTreeSet};

use argo_core::xenstore::Kind;
use proptest::collection::vec;
use proptest::prelude::*;
use xen_services::store::{Quota, Store};

use super::model::{self, Answer, Changes, Request, Told, is_below};
use super::steps::{CLIENTS, Step, step};
use super::support::{Client, World, domain};

const QUOTA: Quota =
    Quota { nodes: 9, value: 4, watches: 3, transactions: 2, permissions: 3, ..Quota::XEN };

/// Histories in a run.
const HISTORIES: u32 = 256;

struct Transaction {
    number: u32,
    world: model::World,
    version: u64,
    log: Vec<(Request, Answer)>,
}

/// The store and the model side by side.
struct Pair {
    real: World,
    clients: Vec<Option<Client>>,
    model: model::World,
    version: u64,
    incarnations: u32,
    watches: BTreeSet<(usize, String)>,
    transactions: BTreeMap<usize, Vec<Transaction>>,
    /// Who is told of what, and by its watch on which path.
    expected: BTreeSet<(usize, String, String)>,
}

impl Pair {
    fn new() -> Self {
        let store = Store::new(Quota::CONTROL);
        let real = World { store, signals: Default::default() };
        let mut pair = Self {
            real,
            clients: vec![None; CLIENTS.len()],
            model: model::World::default(),
            version: 0,
            incarnations: 1,
            watches: BTreeSet::new(),
            transactions: BTreeMap::new(),
            expected: BTreeSet::new(),
        };
        pair.model.alive.insert(0, 1);
        pair.clients[0] = Some(pair.real.connect(0));
        pair.seed();
        [1, 2].into_iter().for_each(|id| pair.introduce(id));
        pair.ask(0, 0, Kind::Write, "/pub", "");
        pair.ask(0, 0, Kind::SetPerms, "/pub", "b0\0");
        pair
    }

    /// What an empty store has.
    fn seed(&mut self) {
        let mut changes = Changes::new();
        self.model.introduce(9, 1, &mut changes);
        let home = self.model.nodes["/local"].clone();
        self.model.nodes.insert("/".into(), home);
        self.model.forget(9, &mut changes);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Ask { client, transaction, kind, path, rest } => {
                self.ask(*client, *transaction, *kind, path, rest);
            }
            Step::Begin { client } => self.begin(*client),
            Step::End { client, transaction, end } => self.end(*client, *transaction, end),
            Step::Watch { client, path } => self.watch(*client, path),
            Step::Unwatch { client, path } => self.unwatch(*client, path),
            Step::Turn if self.model.alive.contains_key(&2) => self.forget(2),
            Step::Turn => self.introduce(2),
        }
        self.compare_events();
        for id in self.model.alive.keys() {
            let clients = (0..CLIENTS.len()).filter(|client| CLIENTS[*client] == *id);
            let open: usize = clients.map(|client| self.open(client)).sum();
            let usage = self.real.usage(*id);
            assert_eq!(usage.event_bytes, 0, "all were taken");
            assert!(open > 0 || usage.transaction_bytes == 0, "domain {id}");
            let specials = if *id == 0 { 2 } else { 0 };
            assert_eq!(
                self.real.usage(*id).nodes,
                self.model.owned(*id) + specials,
                "nodes of {id}"
            );
        }
    }

    fn ask(&mut self, client: usize, transaction: usize, kind: Kind, path: &str, rest: &str) {
        let Some(connection) = self.clients[client] else { return };
        let domain = CLIENTS[client];
        let (path, rest, alive) = (path.to_owned(), rest.to_owned(), self.model.alive.clone());
        let request = Request { domain, kind, path, rest, alive };
        let open = self.transactions.entry(client).or_default();
        let open = transaction.checked_sub(1).and_then(|index| open.get_mut(index));
        let number = open.as_ref().map_or(0, |open| open.number);
        let payload = format!("{}\0{}", request.path, request.rest);
        let answer = self.real.ask(connection, &model::guard, number, kind, payload.as_bytes());
        let Some(open) = open else { return self.immediate(&request, &answer) };
        if open.version == self.version {
            let model = perform(&mut open.world, &request, &mut Changes::new());
            assert_eq!(answer, model, "{request:?}");
        }
        open.log.push((request, answer));
    }

    fn immediate(&mut self, request: &Request, answer: &Answer) {
        let (mut after, mut changes) = (self.model.clone(), Changes::new());
        let mut model = perform(&mut after, request, &mut changes);
        if self.is_past_quota(request.domain, &after) {
            model = Err("ENOSPC".into());
        }
        assert_eq!(*answer, model, "{request:?}");
        if model.is_ok() {
            self.install(after, &changes);
        }
    }

    fn begin(&mut self, client: usize) {
        let Some(connection) = self.clients[client] else { return };
        let open: usize = self.of_domain(client).map(|other| self.open(other)).sum();
        let answer = self.real.does(connection, Kind::TransactionStart, "\0");
        assert_eq!(answer.is_ok(), CLIENTS[client] == 0 || open < QUOTA.transactions);
        let Ok(number) = answer else { return };
        let number = number.trim_end_matches('\0').parse().unwrap();
        let (world, version) = (self.model.clone(), self.version);
        let transaction = Transaction { number, world, version, log: vec![] };
        self.transactions.entry(client).or_default().push(transaction);
    }

    fn end(&mut self, client: usize, index: usize, end: &str) {
        let Some(connection) = self.clients[client] else { return };
        if index >= self.open(client) {
            return;
        }
        let open = self.transactions.get_mut(&client).unwrap().remove(index);
        let payload = end.as_bytes();
        let kind = Kind::TransactionEnd;
        let answer = self.real.ask(connection, &model::guard, open.number, kind, payload);
        if end == "F\0" {
            return assert_eq!(answer.as_deref(), Ok("OK\0"));
        }
        let (mut after, mut changes) = (self.model.clone(), Changes::new());
        let is_same = open
            .log
            .iter()
            .all(|(request, answer)| perform(&mut after, request, &mut changes) == *answer);
        let alone = open.version == self.version;
        match answer.as_deref().map_err(String::as_str) {
            Ok(_) => {
                assert!(is_same && !self.is_past_quota(CLIENTS[client], &after), "{:?}", open.log);
                self.install(after, &changes);
            }
            Err("EAGAIN") => assert!(!alone, "{:?}", open.log),
            Err("ENOSPC") => assert!(is_same && self.is_past_quota(CLIENTS[client], &after)),
            Err(other) => panic!("{other}"),
        }
    }

    fn watch(&mut self, client: usize, path: &str) {
        let Some(connection) = self.clients[client] else { return };
        let watched = (client, path.to_owned());
        let count = self.of_domain(client).map(|other| self.watches_of(other)).sum::<usize>();
        let payload = format!("{path}\0t\0");
        let answer = self.real.ask(connection, &model::guard, 0, Kind::Watch, payload.as_bytes());
        let expected =
            if !model::guard(domain(CLIENTS[client]), path, xen_services::store::Access::Read) {
                Err("EACCES")
            } else if self.watches.contains(&watched) {
                Err("EEXIST")
            } else if CLIENTS[client] != 0 && count >= QUOTA.watches {
                Err("E2BIG")
            } else {
                Ok("OK\0")
            };
        assert_eq!(answer.as_deref().map_err(String::as_str), expected);
        if expected.is_ok() {
            self.expected.insert((client, format!("{path} t"), path.to_owned()));
            self.watches.insert(watched);
        }
    }

    fn unwatch(&mut self, client: usize, path: &str) {
        let Some(connection) = self.clients[client] else { return };
        let answer = self.real.does(connection, Kind::Unwatch, &format!("{path}\0t\0"));
        assert_eq!(answer.is_ok(), self.watches.remove(&(client, path.to_owned())));
    }

    fn introduce(&mut self, id: u16) {
        self.incarnations += 1;
        self.real.introduce(id, QUOTA);
        let (mut after, mut changes) = (self.model.clone(), Changes::new());
        after.introduce(id, self.incarnations, &mut changes);
        self.install(after, &changes);
        for (client, _) in CLIENTS.iter().enumerate().filter(|(_, domain)| **domain == id) {
            self.clients[client] = Some(self.real.connect(id));
        }
    }

    fn forget(&mut self, id: u16) {
        for (client, _) in CLIENTS.iter().enumerate().filter(|(_, domain)| **domain == id) {
            self.clients[client] = None;
            self.transactions.remove(&client);
            self.watches.retain(|(watcher, _)| *watcher != client);
        }
        self.real.signals = self.real.store.forget(domain(id), &model::guard);
        let (mut after, mut changes) = (self.model.clone(), Changes::new());
        after.forget(id, &mut changes);
        self.install(after, &changes);
    }

    /// Makes another state of the model the current one, and notes whom that concerns.
    fn install(&mut self, after: model::World, changes: &Changes) {
        for (path, told) in changes {
            for (client, watched) in &self.watches {
                let concerned = match told {
                    Told::Nobody => false,
                    Told::Node => path == watched,
                    Told::Upwards => path == watched || is_below(path, watched),
                };
                let reader = CLIENTS[*client];
                let worlds = [&self.model, &after];
                let readable = worlds.iter().any(|world| {
                    world.may_read(reader, path) || world.may_read_parent(reader, path)
                });
                let guarded = model::guard(domain(reader), path, xen_services::store::Access::Read);
                if concerned && readable && guarded {
                    let event = format!("{path} t");
                    self.expected.insert((*client, event, watched.clone()));
                }
            }
        }
        if !changes.is_empty() {
            self.version += 1;
        }
        self.model = after;
    }

    fn compare_events(&mut self) {
        let mut seen = Vec::new();
        for (index, client) in self.clients.iter().enumerate() {
            let Some(client) = client else { continue };
            seen.extend(self.real.events(*client).into_iter().map(|event| (index, event)));
        }
        seen.sort();
        let expected = std::mem::take(&mut self.expected).into_iter();
        let expected: Vec<_> = expected.map(|(client, event, _)| (client, event)).collect();
        assert_eq!(seen, expected);
    }

    /// Reads everything as domain 0.
    fn compare_trees(&mut self) {
        let control = self.clients[0].unwrap();
        for (path, node) in &self.model.nodes {
            assert_eq!(self.real.read(control, path).as_ref(), Ok(&node.value), "{path}");
            let entries = self.real.does(control, Kind::GetPerms, &format!("{path}\0")).unwrap();
            assert_eq!(entries, self.model.entries(node), "{path}");
            let children = self.real.list(control, path).unwrap();
            assert_eq!(children, self.model.children(path), "{path}");
        }
    }

    fn is_past_quota(&self, id: u16, after: &model::World) -> bool {
        id != 0 && after.owned(id) > QUOTA.nodes && after.owned(id) > self.model.owned(id)
    }

    fn of_domain(&self, client: usize) -> impl Iterator<Item = usize> {
        (0..CLIENTS.len()).filter(move |other| CLIENTS[*other] == CLIENTS[client])
    }

    fn open(&self, client: usize) -> usize {
        self.transactions.get(&client).map_or(0, Vec::len)
    }

    fn watches_of(&self, client: usize) -> usize {
        self.watches.iter().filter(|(watcher, _)| *watcher == client).count()
    }
}

/// All or nothing.
fn perform(world: &mut model::World, request: &Request, changes: &mut Changes) -> Answer {
    let quota = if request.domain == 0 { Quota::CONTROL } else { QUOTA };
    let (mut after, mut more) = (world.clone(), changes.clone());
    let answer = after.perform(request, &quota, &mut more);
    if answer.is_ok() {
        (*world, *changes) = (after, more);
    }
    answer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(effort::cases(HISTORIES)))]

    fn histories_are_the_models(steps in vec(step(), 1..120)) {
        let mut pair = Pair::new();
        steps.iter().for_each(|step| pair.step(step));
        pair.compare_trees();
        pair.forget(1);
        if pair.model.alive.contains_key(&2) {
            pair.forget(2);
        }
        pair.compare_trees();
        pair.real.store.disconnect(pair.clients[0].unwrap().id);
        let usage = pair.real.usage(0);
        prop_assert_eq!((usage.watches, usage.transactions), (0, 0));
        prop_assert_eq!((usage.event_bytes, usage.transaction_bytes), (0, 0));
        prop_assert_eq!(pair.real.store.usages().count(), 1);
    }
}

#[test]
fn histories_are_those_of_the_model() {
    histories_are_the_models();
    effort::ran(effort::cases(HISTORIES).into(), "histories of the store against its model");
}

//! The engine and the model side by side: after each step all that can be seen must be the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use argo_core::DomainId;
use argo_hypervisor::{Caller, Config, Domain, Engine, LinearMemory, Quotas, Start, Waking};
use argo_mem::{HeapRam, Memory};

use super::forms::{Raw, fill};
use super::memory::{BASE, HOST, PAGE, PAGES, READ_ONLY, Ram, host_place, word};
use super::model::{Model, Who};
use super::steps::{History, SESSIONS, Step};
use super::support::{Denials, Event, Guest, Record, Testbed, World, same_events};
use super::table::Table;

/// What was tried, to see that a run left nothing out.
#[derive(Default)]
pub struct Seen {
    /// Operations, and what they returned: 0 for any success.
    pub answers: BTreeSet<(u32, i64)>,
    pub flags: BTreeSet<u16>,
    /// Their names.
    pub events: BTreeSet<String>,
}

pub struct Pair {
    world: World,
    guests: BTreeMap<Who, Guest>,
    model: Model,
    /// How many domains there may be.
    count: u16,
}

impl Pair {
    fn new(config: Config, waking: Waking, quotas: &[Quotas]) -> Self {
        let engine = Engine::new(config, Denials::default(), Record::default()).with_waking(waking);
        let count = quotas.len() as u16;
        let (world, model) = (World { engine }, Model::new(config, waking));
        let mut pair = Self { world, guests: BTreeMap::new(), model, count };
        for (number, quotas) in quotas.iter().enumerate() {
            // A bad quota is tried in the middle of histories.
            let quotas = Quotas { waiters: quotas.waiters.min(3), ..*quotas };
            let id = pair.id(number as u16);
            pair.model.create(id, quotas, Start::Active);
            let domain = pair.world.engine.create_domain(id, quotas, Start::Active).unwrap();
            for session in 0..pair.sessions(id) {
                pair.begin(Who { domain: id, session }, domain.clone());
            }
        }
        pair
    }

    fn begin(&mut self, who: Who, domain: Arc<Domain<Testbed>>) {
        let ram = Ram::new(usize::from(who.domain.raw()) * SESSIONS + who.session);
        let host = HeapRam::zeroed(HOST);
        host.view().write(0, &ram.bytes).unwrap();
        let memory = LinearMemory::new(Arc::new(host), BASE, PAGES).unwrap();
        let memory = memory.with_read_only(&[READ_ONLY]);
        self.model.ram.insert(who, ram);
        self.guests.insert(who, Caller::new(domain, memory));
    }

    fn id(&self, number: u16) -> DomainId {
        DomainId::new(1 + number % self.count).unwrap()
    }

    fn sessions(&self, id: DomainId) -> usize {
        if id.raw() == 1 { SESSIONS } else { 1 }
    }

    fn who(&self, number: u16, session: usize) -> Who {
        let domain = self.id(number);
        Who { domain, session: session % self.sessions(domain) }
    }

    fn domain(&self, number: u16) -> &Arc<Domain<Testbed>> {
        &self.guests[&self.who(number, 0)].domain
    }

    fn take(&mut self, step: &Step, seen: &mut Seen) {
        let engine = &self.world.engine;
        match step {
            Step::Call(number, session, call) => {
                let answer = self.call(self.who(*number, *session), call.raw());
                seen.answers.insert(answer);
            }
            Step::Scribble(number, at, bytes) => self.poke(self.who(*number, 0), *at, bytes),
            Step::Read(number, page, slots) => {
                let who = self.who(*number, 0);
                let index =
                    |at| word(&self.model.ram[&who].bytes, BASE + (page * PAGE) as usize + at);
                let (rx, tx) = (index(0), index(4));
                let some = rx.saturating_add(slots.saturating_mul(16));
                let rx = if rx < tx { some.min(tx) } else { tx };
                self.poke(who, page * PAGE, &rx.to_le_bytes());
            }
            Step::Lend(number) => {
                let id = self.id(*number);
                let lent = engine.lend_room(id).is_ok();
                assert_eq!(lent, self.model.domains.contains_key(&id));
                if lent {
                    self.model.release(id, true);
                }
            }
            Step::Policy(table) => self.set(table),
            Step::Enforce => assert_eq!(engine.enforce(), self.model.enforce()),
            Step::Create(number, quotas, start) => self.create(*number, *quotas, *start),
            Step::Destroy(number) => {
                let id = self.id(*number);
                assert_eq!(engine.destroy_domain(id).is_ok(), self.model.destroy(id));
            }
            Step::Activate(number) => {
                engine.activate(self.domain(*number));
                self.model.activate(self.id(*number));
            }
            Step::Deactivate(number) => {
                engine.deactivate(self.domain(*number));
                self.model.deactivate(self.id(*number));
            }
            Step::SoftReset(number) => {
                let id = self.id(*number);
                assert_eq!(engine.soft_reset(id).is_ok(), self.model.soft_reset(id));
            }
            Step::Withdraw(number, session) => {
                let who = self.who(*number, *session);
                let ram = self.guests[&who].memory.memory();
                let its =
                    |ring: &argo_hypervisor::RingPages<HeapRam>| Arc::ptr_eq(ring.memory(), ram);
                engine.withdraw_rings(self.domain(*number), its);
                self.model.withdraw(who);
            }
        }
    }

    fn call(&mut self, by: Who, raw: Raw) -> (u32, i64) {
        for (at, bytes) in &raw.pokes {
            self.poke(by, *at, bytes);
        }
        let [arg1, arg2, arg3, arg4] = raw.args;
        let engine = &self.world.engine;
        let answer = engine.argo_op(&self.guests[&by], raw.cmd, arg1, arg2, arg3, arg4);
        assert_eq!(answer, self.model.argo_op(by, raw.cmd, raw.args), "{by:?} {:?}", raw.args);
        (raw.cmd, answer.min(0))
    }

    fn poke(&mut self, who: Who, at: u64, bytes: &[u8]) {
        self.model.ram.get_mut(&who).unwrap().poke(at, bytes);
        let inside = (0..bytes.len()).take_while(|at_| host_place(at, *at_).is_some()).count();
        if let Some(place) = host_place(at, 0) {
            self.guests[&who].memory.memory().view().write(place, &bytes[..inside]).unwrap();
        }
    }

    fn set(&mut self, table: &Table) {
        let Table { denied, ports, throttled } = table.clone();
        self.world.engine.policy().replace(denied, ports, throttled);
        self.model.policy = table.clone();
    }

    fn create(&mut self, number: u16, quotas: Quotas, start: Start) {
        let id = self.id(number);
        let created = self.world.engine.create_domain(id, quotas, start);
        assert_eq!(created.is_ok(), self.model.create(id, quotas, start));
        if let Ok(domain) = created {
            let its = self.guests.iter_mut().filter(|(who, _)| who.domain == id);
            its.for_each(|(_, guest)| guest.domain = domain.clone());
        }
    }

    /// All that can be seen from outside.
    fn check(&mut self, seen: &mut Seen) {
        let events = self.world.events();
        seen.events.extend(events.iter().map(name));
        same_events(events, std::mem::take(&mut self.model.events));
        let ids: Vec<DomainId> = self.model.domains.keys().copied().collect();
        assert_eq!(self.world.engine.domains(), ids);
        let mut real = vec![0; HOST];
        for (who, guest) in &self.guests {
            guest.memory.memory().view().read(0, &mut real).unwrap();
            let ram = self.model.ram.get_mut(who).unwrap();
            ram.settle(&real);
            assert!(real == ram.bytes, "memory of {who:?}: {:?}", ram.first_difference(&real));
        }
        ids.into_iter().for_each(|id| self.check_domain(id));
        self.guests.iter().for_each(|(who, guest)| self.check_held(*who, guest));
    }

    fn check_domain(&self, id: DomainId) {
        let mut real = self.world.engine.stat(id).unwrap();
        real.rings.sort_by_key(|ring| ring.name);
        let model = &self.model.domains[&id];
        assert_eq!(real.active, model.life == super::model::Life::Active, "{id} active");
        assert_eq!((real.quotas, real.counters), (model.quotas, model.counters), "{id}");
        assert_eq!(real.rings, self.model.stat(id), "{id}");
    }

    /// Each ring holds its memory once, and nothing else does.
    fn check_held(&self, who: Who, guest: &Guest) {
        let rings = self.model.domains.get(&who.domain).into_iter();
        let rings = rings.flat_map(|domain| domain.rings.values());
        let its = rings.filter(|ring| ring.session == who.session).count();
        assert_eq!(Arc::strong_count(guest.memory.memory()), 1 + its, "memory of {who:?}");
    }

    fn all_take(&mut self, step: impl Fn(u16) -> Step, seen: &mut Seen) {
        (0..self.count).for_each(|number| self.take(&step(number), seen));
        self.check(seen);
    }

    /// When all state has gone all of the quota is there again; then nothing of a domain is left.
    fn end(mut self, seen: &mut Seen) {
        self.set(&Table::default());
        let fill = fill().map(|call| move |number| Step::Call(number, 0, call.clone()));
        self.all_take(Step::Activate, seen);
        self.all_take(Step::SoftReset, seen);
        fill.for_each(|step| self.all_take(step, seen));
        self.all_take(Step::Destroy, seen);
        for (who, guest) in &self.guests {
            assert_eq!(Arc::strong_count(&guest.domain), self.sessions(who.domain));
        }
    }
}

fn name(event: &Event) -> String {
    format!("{event:?}").split('(').next().unwrap_or_default().into()
}

/// Plays a history.
pub fn run(history: &History, seen: &mut Seen) {
    let mut pair = Pair::new(history.config, history.waking, &history.quotas);
    for step in &history.steps {
        pair.take(step, seen);
        pair.check(seen);
    }
    seen.flags.extend(&pair.model.flags);
    pair.end(seen);
}

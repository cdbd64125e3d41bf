//! The network: domains, what is under way in them, and time.

use std::rc::Rc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use argo_core::platform::Platform;
use argo_guest::datagram::BindOptions;
use argo_guest::{Datagram, DomainId, Driver, Port};
use argo_hypervisor::inprocess::{AllowAll, InProcess};
use argo_hypervisor::{Argo, Config, Quotas, WildcardRings};

use super::actors::{self, PORTS, connect, listen};
use super::context::{Context, Label, Plan, Task};
use super::hostile::{self, Hostile};
use super::machine::{Kind, Machine};
use super::mail;
use super::oracle::{SessionId, Totals};
use super::rng::Rng;

/// Steps of one history: far more than any needs.
const STEPS: usize = 400_000;
/// When no user has got on for so long, nothing will help it. Longer than any patience of
/// the library.
const QUIET: Duration = Duration::from_secs(200);
/// How long after its return a domain listens again. Destroying it took the rings with it that
/// others had for it alone, so nothing reaches a connection of before any more; that its peer's
/// port is another's now is noticed only while nobody listens there.
const REBIRTH: Duration = Duration::from_secs(12);
const HOSTILE: u16 = 9;

/// Of what a history is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Streams alone.
    Streams,
    /// Streams, seqpackets and datagrams; at times with a domain that has the plain wire only.
    All,
}

pub struct World {
    context: Rc<Context>,
    system: InProcess<AllowAll>,
    hosts: Vec<Host>,
    hostile: Option<Hostile>,
    tasks: Vec<Task>,
    /// Hosts that have nothing done for them while others have.
    frozen: Option<usize>,
    /// When a domain dies: after so many steps.
    death: Option<usize>,
    steps: usize,
    stirred: Duration,
}

/// A session of a domain.
struct Host {
    session: SessionId,
    machine: Machine,
    driver: Driver,
    /// The sequence at the last turn.
    seen: u32,
    /// When the next turn is due.
    due: Option<Duration>,
}

/// Something that can happen now.
#[derive(Clone, Copy, Debug)]
enum Step {
    Poll(usize),
    Turn(usize),
    Serve(usize),
    Interrupt(usize),
    Hostile,
}

impl World {
    pub fn new(seed: u64, of: Of) -> Self {
        let rng = Rng::new(seed);
        let generous = rng.one_in(3);
        let domains: Vec<u16> = (1..=rng.between(2, 3) as u16).collect();
        let hostile = if rng.one_in(2) { Some(HOSTILE) } else { None };
        let death = if rng.one_in(2) { Some(rng.below(2500)) } else { None };
        let all = of == Of::All;
        let plain = if all && rng.one_in(3) { Some(rng.pick(&domains)) } else { None };
        let plan = Plan { generous, all, plain };
        let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
        let system = InProcess::new(config, AllowAll);
        let context = Rc::new(Context::new(rng, plan, domains.clone(), hostile));
        let mut world = Self {
            context: context.clone(),
            hostile: None,
            system,
            hosts: Vec::new(),
            tasks: Vec::new(),
            frozen: None,
            death,
            steps: 0,
            stirred: Duration::ZERO,
        };
        if hostile.is_some() {
            let local = world.system.domain(id(HOSTILE), hostile::PAGES).unwrap();
            world.hostile = Some(Hostile::new(local, context.rng.below(400)));
        }
        domains.into_iter().for_each(|domain| world.attach(domain, Duration::ZERO));
        world
    }

    /// The whole history.
    pub fn run(mut self) -> Totals {
        self.settle();
        self.check_waiting(|context, label| match label {
            Label::Listen => true,
            Label::Talk(side) => context.oracle.is_hostile(side),
            Label::Connect => false,
        });
        if self.hostile.take().is_some() {
            self.context.dead.borrow_mut().insert(HOSTILE);
        }
        self.settle();
        self.check_waiting(|_, label| label == Label::Listen);
        let letters = self.context.mail.check(|domain| self.context.has_died(domain));
        self.context.close();
        self.settle();
        self.check_waiting(|_, _| false);
        self.check_all_is_back();
        Totals { letters, ..self.context.oracle.totals() }
    }

    /// A new session of a domain, and what it does; it listens after a while.
    fn attach(&mut self, domain: u16, wait: Duration) {
        let Context { rng, plan, .. } = &*self.context;
        let (pages, rings) = match plan.generous {
            true if plan.all => (3000, 128),
            true => (1024, 128),
            false => (rng.pick(&[20, 40, 80, 200, 400]), rng.pick(&[3, 6, 20, 128])),
        };
        let quotas = Quotas { rings, waiters: rng.pick(&[1, 32]), ..Quotas::default() };
        let local = self.system.domain_with(id(domain), pages, quotas).unwrap();
        let kind = if rng.one_in(3) { Kind::Xen } else { Kind::Argod };
        let machine = Machine::new(local, kind, plan.plain, self.context.clock.clone());
        let (handle, driver) = argo_guest::Domain::without_thread(machine.clone(), rng.next());
        let session = self.context.oracle.session(domain);
        self.context.sessions.borrow_mut().push(Some(handle));
        let seen = machine.sequence();
        let due = Some(Duration::ZERO);
        self.hosts.push(Host { session, machine, driver, seen, due });
        for port in 1..=PORTS {
            self.listen(session, Port(port), wait);
        }
        for _ in 0..rng.between(1, 2) {
            let connecting = connect(self.context.clone(), session, rng.between(1, 3));
            self.context.spawn(session, Label::Connect, connecting);
        }
        if plan.all {
            self.listen(session, actors::MESSAGES, wait);
            let receiving = mail::receive(self.context.clone(), session, wait);
            self.context.spawn(session, Label::Listen, receiving);
            let sending = mail::send(self.context.clone(), session);
            self.context.spawn(session, Label::Connect, sending);
        }
    }

    fn listen(&self, session: SessionId, port: Port, wait: Duration) {
        let listening = listen(self.context.clone(), session, port, wait);
        self.context.spawn(session, Label::Listen, listening);
    }

    /// Runs until nothing more happens.
    fn settle(&mut self) {
        self.stirred = self.context.clock.now();
        loop {
            self.steps += 1;
            assert!(self.steps < STEPS, "no end: {:?}", self.steps_now());
            self.tasks.append(&mut self.context.spawned.borrow_mut());
            if self.death.is_some_and(|at| at < self.steps) {
                self.death = None;
                self.die();
            }
            let rng = &self.context.rng;
            if rng.one_in(64) {
                self.frozen = if rng.one_in(2) { Some(rng.below(self.hosts.len())) } else { None };
            }
            if rng.one_in(4) {
                self.context.clock.set(self.context.clock.now() + rng.pause(10));
                self.wake_sleepers();
            }
            let steps = self.steps_now();
            if steps.is_empty() {
                if !self.pass_time() {
                    return;
                }
                continue;
            }
            let rng = &self.context.rng;
            let step = rng.pick(&steps);
            if rng.one_in(100) {
                self.hosts[rng.below(self.hosts.len())].machine.interrupt_for_nothing();
            }
            self.take(step);
        }
    }

    fn steps_now(&mut self) -> Vec<Step> {
        let now = self.context.clock.now();
        let mut steps = Vec::new();
        let woken = |task: &Task| task.flag.0.load(SeqCst);
        steps.extend((0..self.tasks.len()).filter(|at| woken(&self.tasks[*at])).map(Step::Poll));
        let mut frozen = Vec::new();
        for (at, host) in self.hosts.iter_mut().enumerate() {
            let steps = if self.frozen == Some(at) { &mut frozen } else { &mut steps };
            if host.machine.has_news(host.seen) {
                // Remembered until the turn.
                host.due = Some(Duration::ZERO);
            }
            if host.due.is_some_and(|due| due <= now) {
                steps.push(Step::Turn(at));
            }
            if host.machine.has_calls() {
                steps.push(Step::Serve(at));
            }
            if host.machine.has_events() {
                steps.push(Step::Interrupt(at));
            }
        }
        if self.hostile.as_ref().is_some_and(|hostile| !hostile.is_done()) {
            steps.push(Step::Hostile);
        }
        if steps.is_empty() { frozen } else { steps }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Poll(at) => self.poll(at),
            Step::Turn(at) => {
                let host = &mut self.hosts[at];
                host.seen = host.machine.sequence();
                host.due = host.driver.turn().unwrap_or(None);
            }
            Step::Serve(at) => self.hosts[at].machine.serve(),
            Step::Interrupt(at) => self.hosts[at].machine.interrupt(),
            Step::Hostile => {
                if let Some(hostile) = &mut self.hostile {
                    let ports = if self.context.plan.all { actors::DATAGRAMS.0 } else { PORTS };
                    hostile.act(&self.context.rng, &self.context.domains, ports);
                }
            }
        }
    }

    fn poll(&mut self, at: usize) {
        let task = &mut self.tasks[at];
        task.flag.0.store(false, SeqCst);
        let waker = Waker::from(task.flag.clone());
        if task.future.as_mut().poll(&mut TaskContext::from_waker(&waker)) == Poll::Ready(()) {
            drop(self.tasks.swap_remove(at));
            self.context.oracle.stir();
        }
        if self.context.oracle.was_stirred() {
            self.stirred = self.context.clock.now();
        }
    }

    /// Goes to when something is due; `false`: nothing is.
    fn pass_time(&mut self) -> bool {
        let sleepers = self.context.sleepers.borrow();
        let dues = self.hosts.iter().filter_map(|host| host.due);
        let next = dues.chain(sleepers.iter().map(|(until, _)| *until)).min();
        drop(sleepers);
        let Some(next) = next.filter(|next| *next < self.stirred + QUIET) else { return false };
        self.context.oracle.check_mourning(next);
        self.context.clock.set(next);
        self.wake_sleepers();
        true
    }

    fn wake_sleepers(&self) {
        let now = self.context.clock.now();
        let mut sleepers = self.context.sleepers.borrow_mut();
        let due = sleepers.extract_if(.., |(until, _)| *until <= now);
        due.for_each(|(_, waker)| waker.wake());
    }

    /// A domain dies, and perhaps comes back.
    fn die(&mut self) {
        let (rng, now) = (&self.context.rng, self.context.clock.now());
        let host = &self.hosts[rng.below(self.hosts.len())];
        let domain = host.machine.domain();
        host.machine.kill();
        self.context.oracle.died(host.session, now);
        self.context.dead.borrow_mut().insert(domain.raw());
        if rng.one_in(2) {
            self.system.engine().destroy_domain(domain).unwrap();
            if rng.one_in(2) {
                self.attach(domain.raw(), REBIRTH);
            }
        }
    }

    /// Nobody waits who has no reason to.
    fn check_waiting(&self, may_wait: impl Fn(&Context, Label) -> bool) {
        for Task { session, label, .. } in &self.tasks {
            let gone = self.context.is_gone(*session);
            let explained = !gone && may_wait(&self.context, *label);
            assert!(
                explained,
                "{label:?} of session {session} (gone: {gone}) waits for ever: {}",
                self.context.oracle.describe(*label)
            );
        }
    }

    /// No ring, no memory and no session is left over.
    fn check_all_is_back(&mut self) {
        for host in &mut self.hosts {
            let domain = self.context.sessions.borrow_mut()[host.session].take().unwrap();
            if !host.machine.is_dead() {
                let stat = self.system.engine().stat(domain.id()).unwrap();
                assert!(stat.rings.is_empty(), "left over: {:?}", stat.rings);
                let ram = host.machine.ram().len();
                // Less the first page, the header's, and what lists the pages of the ring.
                let spare = (5 + (ram / 4096).div_ceil(512)) * 4096;
                let how = BindOptions::any_port().ring_len((ram - spare) as u32);
                check_memory(host, &domain, how);
            }
            drop(domain);
        }
        for Host { session, machine, driver, .. } in self.hosts.drain(..) {
            drop(driver);
            assert_eq!(machine.handles(), 1, "session {session} lives on");
        }
    }
}

/// Nearly all RAM is one free piece.
fn check_memory(host: &mut Host, domain: &argo_guest::Domain, how: BindOptions) {
    let mut bind = Box::pin(Datagram::bind(domain, how));
    let mut context = TaskContext::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(bound) = bind.as_mut().poll(&mut context) {
            drop(bound.unwrap());
            break;
        }
        host.machine.serve();
        host.driver.turn().unwrap();
    }
    host.machine.serve();
    host.driver.turn().unwrap();
}

fn id(raw: u16) -> DomainId {
    DomainId::new(raw).unwrap()
}

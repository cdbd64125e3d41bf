//! Hostile guests that do everything wrong at full speed, and what is left of it: nothing.
//!
//! The attackers are processes (of other users, if the test is root) that conspire: each makes random
//! hypercalls while it changes all memory under them, opens and drops connections, asks for services, and
//! is killed at random moments. An administrator resets, detaches and destroys their domains. Meanwhile two bystanders check every byte that they exchange, and a domain
//! that nobody may reach listens. `ARGO_SEED` has the same moves drawn again, `ARGO_EFFORT` makes it longer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod administrator;
mod bill;
mod bystanders;
#[path = "../common/mod.rs"]
mod common;
mod deaf;
mod footprint;
mod log;
mod scene;
mod siege;

use std::time::{Duration, Instant};

use administrator::Work;
use argo_core::platform::Platform;
use argo_guest::services::Services;
use argod_hostile::attacker::{self, Deed};
use bill::Bill;
use bystanders::{Bystanders, Progress};
use common::rng::Rng;
use common::{Argod, attach_when_free, register, send, wait_until};
use deaf::Deaf;
use footprint::{Footprint, Memory};
use siege::{Deeds, Siege};

/// One storm; there are two.
const STORM: Duration = Duration::from_secs(8);
/// Without one, to compare with.
const QUIET: Duration = Duration::from_secs(1);
/// Threads of the attackers together.
const HOSTILE_THREADS: usize = 8;

/// What allocators and threads may differ by, in KiB: after the first storm, and after the second.
const SLACK_KIB: [u64; 2] = [4096, 1024];

/// Not a test of its own: the attackers.
#[test]
fn hostile_child() {
    let Some((role, socket, diary)) = common::child::part() else { return };
    assert_eq!(role, attacker::ROLE);
    attacker::attack(&socket, &diary, Rng::new());
}

#[test]
fn a_storm_leaves_nothing_and_reaches_nobody() {
    let begun = Instant::now();
    let mut argod = scene::start();
    let bystanders = Bystanders::start(&argod);
    let deaf = Deaf::start(&argod);
    visit(&argod);
    let quiet = bystanders.during(|| std::thread::sleep(QUIET));
    let burning = bystanders.during(|| burn(QUIET));
    println!("quiet: {quiet}\nprocessors kept busy: {burning}");

    let mut rng = Rng::new();
    let before = Footprint::of_quiet(&argod);
    let mut memory = Memory::of(&argod);
    let mut done = Deeds::default();
    let (mut trips, mut administered) = (0, Work::default());
    for slack in SLACK_KIB {
        let Storm { progress, deeds, work } = storm(&argod, &bystanders, &mut rng);
        println!(
            "storm: {progress}, {:.3} of quiet\n{work:?}",
            progress.per_second / quiet.per_second
        );
        done += &deeds;
        trips += progress.trips;
        administered += work;
        deaf.heard_nothing(&argod);
        visit(&argod);
        println!("all is given back after {:.0?}", before.comes_back(&argod));
        memory = memory.comes_back(&argod, slack);
    }
    let floods = bystanders.floods();
    bystanders.finish();
    drop(deaf);
    let lines = log::is_short(&argod, begun.elapsed(), &administered);
    stops(&mut argod);
    println!("{done}; {lines} lines of log");
    assert!(done.are_complete() && floods > 0, "{floods}: {done}");
    effort::ran(done.of(Deed::Calls), "hypercalls of hostile guests against argod");
    effort::ran(done.of(Deed::Requests), "hostile requests for services");
    effort::ran(done.of(Deed::Sessions) + done.of(Deed::Connections), "hostile connections");
    effort::ran(done.kills, "attackers killed at random moments");
    effort::ran(trips, "checked round trips of bystanders in a storm");
}

/// What came of one.
struct Storm {
    progress: Progress,
    deeds: Deeds,
    work: Work,
}

fn storm(argod: &Argod, bystanders: &Bystanders, rng: &mut Rng) -> Storm {
    let end = Instant::now() + effort::duration(STORM);
    let [attacking, working] = [rng.number(), rng.number()].map(Rng::from_seed);
    let (bill, mut outcome) = (Bill::open(argod), None);
    let progress = bystanders.during(|| {
        std::thread::scope(|threads| {
            let work = threads.spawn(|| administrator::work(argod, end, working));
            let deeds = Siege::until(argod, end, attacking);
            outcome = Some((deeds, work.join().unwrap()));
        });
    });
    bill.print(argod);
    let (deeds, work) = outcome.unwrap();
    Storm { progress, deeds, work }
}

/// The attackers' domains can be used by who behaves, whatever was done in them; what they left in the
/// store is removed.
fn visit(argod: &Argod) {
    for (id, name, _) in scene::ATTACKERS {
        let session = attach_when_free(&argod.socket(name));
        assert_eq!(register(&session, scene::PAIR_PORT, id, 4032), 0);
        assert_eq!(send(&session, scene::PAIR_PORT, (id, scene::PAIR_PORT), b"hello"), 5);
        assert_eq!(session.events().virq, 1);
        let services = Services::attach(argod.socket(name)).unwrap();
        let nodes = services.nodes();
        let left = nodes.directory(scene::STORE).unwrap();
        left.iter().for_each(|node| nodes.rm(&format!("{}/{node}", scene::STORE)).unwrap());
        let own = format!("{}/own", scene::STORE);
        nodes.write(&own, b"mine").unwrap();
        assert_eq!(nodes.read(&own).unwrap(), b"mine");
        nodes.rm(&own).unwrap();
        drop((session, services));
        argod.wait_for(name, "it is gone", |domain| domain.sessions.is_empty());
    }
}

/// Takes what the attackers' threads take of the processors, without argod.
fn burn(duration: Duration) {
    let end = Instant::now() + duration;
    std::thread::scope(|threads| {
        for _ in 0..HOSTILE_THREADS {
            threads.spawn(move || while Instant::now() < end {});
        }
    });
}

fn stops(argod: &mut Argod) {
    argod.signal("TERM");
    let process = std::cell::RefCell::new(&mut argod.process);
    wait_until("argod stops", || process.borrow_mut().try_wait().unwrap().is_some());
    assert_eq!(argod.process.wait().unwrap().code(), Some(0));
    log::ends_properly(argod);
}

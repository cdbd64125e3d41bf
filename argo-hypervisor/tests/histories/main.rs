//! Thousands of random histories of domains, guests sane and hostile, held against a model of the
//! whole interface: after each step every answer, every byte of every domain's memory, every event
//! and every count must be the model's. `PROPTEST_RNG_SEED=n` plays a run again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod calls;
mod forms;
mod memory;
mod model;
mod queue;
mod registering;
mod run;
mod sending;
mod steps;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use argo_core::Errno::{self, *};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use run::Seen;

/// Histories in a run.
const HISTORIES: u32 = 3000;

#[test]
fn the_engine_is_as_the_model() {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    config.cases = effort::cases(HISTORIES);
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(RandomState::new().hash_one(()));
    }
    let (cases, seed) = (config.cases, config.rng_seed);
    let seen = RefCell::new(Seen::default());
    let played = TestRunner::new(config).run(&steps::history(), |history| {
        run::run(&history, &mut seen.borrow_mut());
        Ok(())
    });
    if let Err(failure) = played {
        panic!("PROPTEST_RNG_SEED={seed}: {failure}");
    }
    check_nothing_left_out(&seen.borrow());
    effort::ran(cases.into(), "histories of the engine against its model");
}

/// Every answer that the specification knows was given, and every event raised.
fn check_nothing_left_out(seen: &Seen) {
    let common = [EOPNOTSUPP, EINVAL, EFAULT, EACCES, ENODEV];
    let check = |cmd, errors: &[Errno]| {
        assert!(seen.answers.contains(&(cmd, 0)), "operation {cmd} never succeeded");
        for errno in common.iter().chain(errors) {
            let tried = seen.answers.contains(&(cmd, errno.ret()));
            assert!(tried, "operation {cmd} never gave {errno}");
        }
    };
    check(1, &[EPERM, ESRCH, ECONNREFUSED, EEXIST, ENOSPC]);
    check(2, &[ENOENT]);
    check(3, &[EPERM, ESRCH, ECONNREFUSED, EMSGSIZE, EAGAIN, EBUSY]);
    check(4, &[]);
    assert!(seen.answers.contains(&(5, EOPNOTSUPP.ret())));
    for answer in [0, 1, 8, 16, 32] {
        let answered =
            |flags: &u16| flags & (1 | 8 | 16 | 32) == if answer == 0 { 0 } else { answer | 1 };
        assert!(seen.flags.iter().any(answered), "no question was answered {answer}");
    }
    let events = ["Virq", "WaitLost", "SpaceWanted", "RoomKept", "PeerGone", "RingsCut"];
    events.iter().for_each(|event| assert!(seen.events.contains(*event), "never {event}"));
}

//! A caller whose memory fails at the n-th access of a call, for every n there is: the call fails,
//! nothing is half done, and made again it does what it would have done.
//!
//! (The memory of a registered ring has no way to fail: [`RingMem`](argo_core::ring::RingMem).)
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

mod memory;
mod scene;
mod state;
#[path = "../support/mod.rs"]
mod support;
mod trial;

use argo_core::Port;
use support::Event;
use trial::{Prepare, at_each_access, nothing_happened, rings_go_on};

#[test]
fn a_registration_that_fails_leaves_no_ring() {
    let prepare: Prepare = |scene| scene.prepare_register(10);
    let accesses = at_each_access(prepare, |scene| {
        nothing_happened(&scene, prepare);
        rings_go_on(&scene, prepare);
    });
    assert_eq!(accesses, 5, "the claim, three page numbers, the mapping");
}

#[test]
fn a_registration_anew_that_fails_leaves_the_ring_as_it_was() {
    let prepare: Prepare = |scene| scene.prepare_register(9);
    let accesses = at_each_access(prepare, |scene| {
        nothing_happened(&scene, prepare);
        rings_go_on(&scene, prepare);
    });
    assert_eq!(accesses, 5, "the claim, three page numbers, the mapping");
}

#[test]
fn an_unregistration_that_fails_leaves_the_ring() {
    let prepare: Prepare = |scene| scene.prepare_unregister();
    let accesses = at_each_access(prepare, |scene| {
        nothing_happened(&scene, prepare);
        rings_go_on(&scene, prepare);
    });
    assert_eq!(accesses, 1, "the claim");
}

#[test]
fn a_message_that_fails_is_not_there_and_leaves_no_wait() {
    let prepare: Prepare = |scene| scene.prepare_send(1, 2, Port(7), &[20, 0, 40, 60]);
    let accesses = at_each_access(prepare, |scene| nothing_happened(&scene, prepare));
    assert_eq!(accesses, 5, "addresses, buffers, three pieces that are not empty");
}

/// Whoever has room is told first; each entry that was answered is answered.
#[test]
fn a_question_that_fails_loses_no_signal_and_no_wait() {
    let prepare: Prepare = |scene| scene.prepare_notify();
    let accesses = at_each_access(prepare, |scene| {
        let events = scene.engine.events().take();
        let told = events.iter().filter(|event| matches!(event, Event::Virq(2 | 3))).count();
        assert_eq!(told, 2, "{events:?}");
    });
    assert_eq!(accesses, 13, "the head; of four entries the question and two answers");
}

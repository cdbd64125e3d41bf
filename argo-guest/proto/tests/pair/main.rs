//! Two machines over a link that keeps order and loses nothing: whatever each does and when, they
//! agree about the wire, and data arrives whole, in order and before its end.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod end;
#[path = "../support/mod.rs"]
mod support;
mod world;

use argo_stream::Kind;
use proptest::prelude::*;

use support::{held, seeded};
use world::{Answer, Side, Step, World};

proptest! {
    #![proptest_config(seeded())]

    fn machines_agree(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::default();
        for step in steps {
            world.apply(step);
        }
        world.settle();
        world.check_settled();
    }
}

#[test]
fn two_machines_agree() {
    machines_agree();
    held("histories of two stream machines");
}

fn step() -> impl Strategy<Value = Step> {
    let side = || prop_oneof![Just(Side::Connector), Just(Side::Acceptor)];
    let kind = prop_oneof![2 => Just(Kind::Stream), 1 => Just(Kind::Seqpacket)];
    let answer = prop_oneof![Just(Answer::Plain), Just(Answer::Shared), Just(Answer::Own)];
    prop_oneof![
        2 => kind.prop_map(Step::Connect),
        2 => answer.prop_map(Step::Accept),
        8 => side().prop_map(Step::Deliver),
        4 => side().prop_map(Step::Write),
        1 => side().prop_map(Step::Finish),
        1 => side().prop_map(Step::Reset),
    ]
}

//! Grants, event channels and the store of a real argod, asked for in their own protocol: as it is meant, at
//! every limit, and as wrongly as a hostile process can.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has to stop"
)]

mod channels;
mod client;
#[path = "../common/mod.rs"]
mod common;
mod death;
mod grants;
mod hostile;
mod no_room;
mod policy;
mod store;

/// Not a test of its own: the processes that the others kill.
#[test]
fn hostile_child() {
    let Some((role, socket, diary)) = common::child::part() else { return };
    match role.as_str() {
        no_room::ROLE => no_room::act(&socket, &diary),
        role => death::act(role, &socket, &diary),
    }
    common::child::wait_for_death()
}

//! Attacks on argod by its guests, each with what becomes of the guilty and that nobody else
//! notices. They need no privilege, but for one that says so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod admin;
mod attaching;
mod bells;
#[path = "../common/mod.rs"]
mod common;
mod death;
mod memory;
mod tracing;
mod words;

use common::child::{Diary, part, wait_for_death};
use common::raw::Raw;

/// Said in word 0 of its diary by a child that is where it shall be killed.
const THERE: u32 = 1;
/// Said in word 0 by a child that failed.
const REFUSED: u32 = 2;

/// Not a test of its own: the hostile processes of the others.
#[test]
fn hostile_child() {
    let Some((role, socket, diary)) = part() else { return };
    match role.as_str() {
        "stranger" => stranger(&socket, &diary),
        role => death::act(role, &socket, &diary),
    }
    wait_for_death()
}

/// Tries to attach with credentials that are not enough; says how it was refused.
fn stranger(socket: &std::path::Path, diary: &Diary) {
    let refusal = match Raw::try_connect(socket, rustix::net::SocketFlags::CLOEXEC) {
        Err(errno) => errno.raw_os_error() as u32,
        Ok(raw) => {
            let (errno, text) = raw.refusal();
            let starts = format!("uid {},", rustix::process::getuid().as_raw());
            assert!(text.starts_with(&starts) && text.contains("may not attach"), "{text}");
            diary.set(2, 1);
            errno
        }
    };
    diary.set(1, refusal);
    diary.set(0, REFUSED);
}

//! Attacks on the RAM that argod and the guest share.

use std::os::fd::OwnedFd;

use argo_core::Errno;
use argo_mem::Mapping;
use rustix::fs::{FallocateFlags, Mode, OFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate};
use rustix::io::Errno as SystemErrno;

use crate::common::raw::{Raw, RawSession};
use crate::common::scene::Scene;
use crate::common::syscalls::ExtraMapping;
use crate::common::*;

const HOLE: FallocateFlags = FallocateFlags::PUNCH_HOLE.union(FallocateFlags::KEEP_SIZE);

#[test]
fn the_ram_cannot_be_truncated_nor_grown() {
    let scene = Scene::start();
    let raw = Raw::connect(&scene.argod.socket("guilty"));
    let offer = raw.hello();
    let bytes = offer.bytes() as u64;
    let refused = |memfd: &OwnedFd| {
        for size in [0, 4096, bytes - 1, bytes + 1, 1 << 40] {
            assert_eq!(ftruncate(memfd, size), Err(SystemErrno::PERM), "{size}");
        }
    };
    refused(&offer.memfd);
    let session = RawSession::seal(raw, offer);
    refused(&session.offer.memfd);
    drop(session);
    scene.closes();
}

#[test]
fn no_hole_is_punched_and_nothing_is_mapped_once_attached() {
    let scene = Scene::start();
    let raw = Raw::connect(&scene.argod.socket("guilty"));
    let offer = raw.hello();
    let bytes = offer.bytes();
    let early = ExtraMapping::of(&offer.memfd, bytes).unwrap();
    // Before the attachment it is the guest's own affair: argod touches all pages after it.
    assert_eq!(early.remove_pages(), Ok(()));
    let mut session = RawSession::seal(raw, offer);
    let memfd = &session.offer.memfd;
    let denied = SystemErrno::PERM;
    assert_eq!(fallocate(memfd, HOLE, 0, bytes as u64), Err(denied));
    assert_eq!(fallocate(memfd, HOLE, 4096, 4096), Err(denied));
    assert_eq!(early.remove_pages(), Err(denied));
    assert_eq!(rustix::io::pwrite(memfd, &[0; 64], 0), Err(denied));
    assert_eq!(ExtraMapping::of(memfd, bytes).err(), Some(denied));
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(memfd));
    let again = rustix::fs::open(path, OFlags::RDWR, Mode::empty()).unwrap();
    assert_eq!(ExtraMapping::of(&again, bytes).err(), Some(denied));
    assert_eq!(fallocate(&again, HOLE, 0, bytes as u64), Err(denied));
    assert_eq!(register(&mut session, 7, 1, 4096), 0, "the session is served");
    drop((session, early, again));
    scene.closes();
}

#[test]
fn nobody_attaches_without_the_final_seals() {
    let scene = Scene::start();
    let all = SealFlags::FUTURE_WRITE | SealFlags::SEAL;
    for seals in [SealFlags::empty(), SealFlags::SEAL, SealFlags::FUTURE_WRITE] {
        let raw = Raw::connect(&scene.argod.socket("guilty"));
        let offer = raw.hello();
        fcntl_add_seals(&offer.memfd, seals).unwrap();
        let verdict = raw.sealed();
        assert_eq!(verdict.errno, Errno::EPERM.number().unsigned_abs());
        let text = verdict.text.as_str();
        assert!(text.contains("the RAM's seals are not complete"), "{text}");
        wait_until("argod hangs up", || raw.hung_up());
    }
    let raw = Raw::connect(&scene.argod.socket("guilty"));
    let offer = raw.hello();
    fcntl_add_seals(&offer.memfd, all).unwrap();
    assert_eq!(raw.sealed().errno, 0);
    drop((raw, offer));
    scene.closes();
}

/// A session's RAM that anybody still has in some way keeps its place in the domain taken.
#[test]
fn ram_that_is_kept_is_not_replaced() {
    let scene = Scene::start();
    let socket = scene.argod.socket("guilty");
    let still_held = || {
        let (errno, text) = Raw::refusal_of(&socket, &hello());
        assert_eq!(errno, Errno::EBUSY.number().unsigned_abs());
        assert!(text.contains("RAM of 1 ended one(s) is still"), "{text}");
    };
    let ended = || scene.argod.wait_for("guilty", "it ended", |domain| domain.sessions.is_empty());

    let session = scene.guilty();
    let memfd = session.offer.memfd.try_clone().unwrap();
    let keeper = std::process::Command::new("sleep").arg("1000").stdin(memfd).spawn().unwrap();
    let Killed(keeper) = &mut Killed(keeper);
    drop(session);
    ended();
    still_held();
    keeper.kill().unwrap();
    keeper.wait().unwrap();

    let raw = Raw::connect(&socket);
    let offer = raw.hello();
    let kept = ExtraMapping::of(&offer.memfd, offer.bytes()).unwrap();
    drop(RawSession::seal(raw, offer));
    ended();
    still_held();
    drop(kept);
    scene.closes();
}

/// Memory that was passed counts, even if its process never became a session.
#[test]
fn ram_of_a_half_attachment_counts_too() {
    let scene = Scene::start();
    let socket = scene.argod.socket("guilty");
    let raw = Raw::connect(&socket);
    let offer = raw.hello();
    let mapping = Mapping::of(&offer.memfd, offer.bytes()).unwrap();
    drop((raw, offer));
    scene.argod.wait_for("guilty", "it is refused", |domain| domain.refused_attachments == 1);
    let (_, text) = Raw::refusal_of(&socket, &hello());
    assert!(text.contains("RAM of 1 ended one(s) is still"), "{text}");
    drop(mapping);
    scene.closes();
}

fn hello() -> Vec<u8> {
    zerocopy::IntoBytes::as_bytes(&argo_core::host::attach::Hello::new(1)).to_vec()
}

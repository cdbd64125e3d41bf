//! Death at each moment of a session: everything of it is gone within a second.

use std::path::Path;
use std::time::{Duration, Instant};

use argo_core::Errno;
use argo_core::abi::DOMID_ANY;
use argo_core::host::attach::{Hello, Sealed};
use argo_core::platform::Platform;
use zerocopy::IntoBytes;

use crate::THERE;
use crate::common::child::{Diary, Hostile};
use crate::common::raw::{Raw, RawSession};
use crate::common::scene::Scene;
use crate::common::*;

const SOON: Duration = Duration::from_secs(1);

/// What a child does before it is killed.
pub fn act(role: &str, socket: &Path, diary: &Diary) {
    let raw = Raw::connect(socket);
    let mut kept: Vec<Box<dyn std::any::Any>> = Vec::new();
    match role {
        "connected" => {}
        "greeted" => raw.send(Hello::new(1).as_bytes()),
        "welcomed" => kept.push(Box::new(raw.hello())),
        "sealed" => {
            let offer = raw.hello();
            argo_mem::Mapping::finish_seals(&offer.memfd).unwrap();
            raw.send(Sealed::MESSAGE.as_bytes());
            kept.push(Box::new(offer));
        }
        "attached" => {
            let offer = raw.hello();
            let mut session = RawSession::seal(raw, offer);
            assert_eq!(register(&mut session, 7, DOMID_ANY, 4096), 0);
            diary.set(0, THERE);
            crate::wait_for_death()
        }
        role => panic!("no such role: {role}"),
    }
    diary.set(0, THERE);
    crate::wait_for_death()
}

#[test]
fn death_within_the_attachment_leaves_nothing() {
    for role in ["connected", "greeted", "welcomed", "sealed"] {
        let scene = Scene::start();
        let before = scene.argod.footprint().descriptors;
        let mut child = Hostile::spawn(role, &scene.argod.socket("guilty"));
        child.reaches(0, THERE);
        child.kill();
        let begun = Instant::now();
        scene.argod.wait_for("guilty", "the child is dealt with", |domain| {
            let ended = domain.refused_attachments + domain.attachments == 2;
            ended && domain.sessions.is_empty()
        });
        wait_until("its descriptors are closed", || scene.argod.descriptors() <= before);
        assert!(begun.elapsed() < SOON, "{role}: {:?}", begun.elapsed());
        scene.closes();
    }
}

#[test]
fn death_of_a_receiver_tells_who_waits_for_it_and_leaves_nothing() {
    let scene = Scene::start();
    let before = scene.argod.footprint().descriptors;
    let mut child = Hostile::spawn("attached", &scene.argod.socket("guilty"));
    child.reaches(0, THERE);
    let other = scene.argod.attach("other");
    while send(&other, 9, (3, 7), &[1; 500]) == 500 {}
    let waiting = |domain: &argod::admin::DomainStat| {
        domain.rings.iter().map(|ring| ring.waiting).collect::<Vec<_>>()
    };
    assert_eq!(waiting(&scene.argod.domain("guilty")), [1]);
    let seen = other.events().wait_lost;
    child.kill();
    let begun = Instant::now();
    wait_until("who waits is told", || other.events().wait_lost == seen + 1);
    assert_eq!(send(&other, 9, (3, 7), b"x"), Errno::ECONNREFUSED.ret());
    scene.argod.wait_for("guilty", "its ring is gone", |domain| {
        domain.rings.is_empty() && domain.sessions.is_empty() && !domain.active
    });
    drop(other);
    wait_until("its descriptors are closed", || scene.argod.descriptors() <= before);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    scene.closes();
}

/// No process that only rings, or only attaches, makes argod keep anything.
#[test]
fn a_thousand_short_sessions_leave_nothing() {
    let scene = Scene::start();
    for _ in 0..1000 {
        let session = RawSession::attach_when_free(&scene.argod.socket("guilty"));
        session.ring_doorbell();
    }
    scene.closes();
}

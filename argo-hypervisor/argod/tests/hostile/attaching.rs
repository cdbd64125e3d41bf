//! Attacks on the way into a domain.

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use argo_core::Errno;
use argo_core::host::attach::{Hello, Sealed, Verdict, Welcome};
use rustix::io::Errno as SystemErrno;
use rustix::net::SocketFlags;
use zerocopy::IntoBytes;

use crate::REFUSED;
use crate::common::child::Hostile;
use crate::common::raw::{Raw, RawSession};
use crate::common::rng::Rng;
use crate::common::scene::Scene;
use crate::common::wait_until;

const EINVAL: u32 = Errno::EINVAL.number().unsigned_abs();

#[test]
fn a_hello_that_is_none_is_refused_by_what_is_wrong_with_it() {
    let scene = Scene::start();
    let proper = Hello::new(1);
    let long = [proper.as_bytes(), &[0]].concat();
    let attempts: Vec<(Vec<u8>, u32, &str)> = vec![
        (Vec::new(), EINVAL, "hung up while Hello was expected"),
        (proper.as_bytes()[..8].to_vec(), EINVAL, "Hello message: 8 bytes, expected 16 bytes"),
        (long, EINVAL, "Hello message: 17 bytes, expected 16 bytes"),
        (vec![0x41; 100_000], EINVAL, "Hello message: 17 bytes, expected 16 bytes"),
        (hello(Hello { magic: 7, ..proper }), EINVAL, "magic 0x00000007, reserved 0x0, expected"),
        (hello(Hello { reserved: 1, ..proper }), EINVAL, "reserved 0x1, expected"),
        (hello(Hello { queues: 0, ..proper }), EINVAL, "0 queues, expected 1 to 8"),
        (hello(Hello { queues: 9, ..proper }), EINVAL, "9 queues, expected 1 to 8"),
        (hello(Hello { queues: u32::MAX, ..proper }), EINVAL, "4294967295 queues"),
        (
            hello(Hello { version: 99, ..proper }),
            Errno::EOPNOTSUPP.number().unsigned_abs(),
            "version 99 of the attachment protocol",
        ),
    ];
    for (message, errno, expected) in attempts {
        let (refused, text) = Raw::refusal_of(&scene.argod.socket("guilty"), &message);
        assert!(refused == errno && text.contains(expected), "{refused}: {text}");
    }
    scene.closes();
}

#[test]
fn random_hellos_are_refused() {
    let scene = Scene::start();
    let mut rng = Rng::new();
    for _ in 0..100 {
        let len = 1 + rng.below(300);
        let (errno, text) = Raw::refusal_of(&scene.argod.socket("guilty"), &rng.bytes(len));
        assert!(errno == EINVAL && text.starts_with("Hello message: "), "{errno}: {text}");
    }
    scene.closes();
}

#[test]
fn a_sealed_message_that_is_none_ends_the_attachment() {
    let scene = Scene::start();
    let wrong = Sealed { reserved: 1, ..Sealed::MESSAGE };
    let half = &Sealed::MESSAGE.as_bytes()[..4];
    let hello = Hello::new(1);
    for message in [wrong.as_bytes(), half, &[0; 64], hello.as_bytes()] {
        let raw = Raw::connect(&scene.argod.socket("guilty"));
        let offer = raw.hello();
        raw.send(message);
        let (verdict, _) = raw.receive::<Verdict>().unwrap();
        let text = verdict.text.as_str();
        assert!(verdict.errno == EINVAL && text.starts_with("Sealed message: "), "{text}");
        wait_until("argod hangs up", || raw.hung_up());
        drop(offer);
    }
    scene.closes();
}

/// argod never holds a descriptor that a guest passed: a socket that lingers or a huge file would
/// make it pay for closing it.
#[test]
fn descriptors_passed_in_do_not_stay() {
    let scene = Scene::start();
    let files: Vec<OwnedFd> =
        (0..16).map(|_| std::fs::File::open("/dev/null").unwrap().into()).collect();
    let files: Vec<&OwnedFd> = files.iter().collect();
    for round in 0..50 {
        let raw = Raw::connect(&scene.argod.socket("guilty"));
        let count = 1 + round % files.len();
        match raw.send_with(Hello::new(1).as_bytes(), &files[..count]) {
            // The kernel refuses: argod asked it to (Linux 6.16).
            Err(errno) => assert_eq!(errno, SystemErrno::PERM),
            Ok(_) => drop(raw.receive::<Welcome>()),
        }
    }
    let session = scene.guilty();
    let late = session.raw.send_with(&[1], &files);
    assert!(matches!(late, Err(SystemErrno::PERM | SystemErrno::PIPE)), "{late:?}");
    drop(session);
    scene.closes();
}

/// Two processes that connect and say nothing, one at once and one after the Welcome.
#[test]
fn silence_holds_nobody_up_and_ends() {
    let scene = Scene::start();
    let begun = Instant::now();
    let silent = Raw::connect(&scene.argod.socket("guilty"));
    let halfway = Raw::connect(&scene.argod.socket("other"));
    let offer = halfway.hello();
    let mut admin = scene.argod.admin();
    let third = "id = 5\nname = \"third\"\nram = \"1MiB\"\n".to_owned();
    admin
        .request::<argod::admin::Changed>(&argod::admin::Request::Create {
            file: None,
            domain: third,
        })
        .unwrap();
    drop(scene.argod.attach("third"));
    scene.bystanders.go_on();
    assert!(begun.elapsed().as_secs() < 4, "others wait for the silent");

    let (errno, text) = silent.refusal();
    assert!(errno == EINVAL && text.contains("no Hello message within 5s"), "{text}");
    let (verdict, _) = halfway.receive::<Verdict>().unwrap();
    assert!(verdict.text.as_str().contains("no Sealed message within 5s"));
    drop((silent, halfway, offer));
    admin
        .request::<argod::admin::Changed>(&argod::admin::Request::Destroy {
            domain: "third".into(),
        })
        .unwrap();
    drop(admin);
    scene.closes();
}

#[test]
fn a_flood_of_connections_reaches_nobody_else() {
    let scene = Scene::start();
    let socket = scene.argod.socket("guilty");
    let stop = AtomicBool::new(false);
    let flood = || {
        let mut connections = 0;
        while !stop.load(Ordering::Relaxed) {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            connections += u32::from(Raw::try_connect(&socket, flags).is_ok());
        }
        connections
    };
    let connections: u32 = std::thread::scope(|scope| {
        let flooders = [scope.spawn(flood), scope.spawn(flood)];
        for _ in 0..10 {
            drop(scene.argod.attach("other"));
            scene.argod.wait_for("other", "it left", |domain| domain.sessions.is_empty());
            scene.bystanders.go_on();
        }
        stop.store(true, Ordering::Relaxed);
        flooders.map(|flooder| flooder.join().unwrap()).iter().sum()
    });
    assert!(connections > 16, "{connections} connections are no flood");
    wait_until("the flood's rest is dealt with", || {
        argo_guest::host::HostSession::attach(&socket).is_ok()
    });
    scene.closes();
}

/// A process of another user, once kept out by the socket's mode, once by argod itself.
#[test]
fn wrong_credentials_are_refused() {
    if !rustix::process::getuid().is_root() {
        effort::skipped("a process of another user takes root");
        return;
    }
    let scene = Scene::start();
    open_to_all(scene.argod.dir.path(), 0o711);
    let socket = scene.argod.socket("guilty");
    let binary = scene.argod.path("stranger");
    std::fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    open_to_all(&binary, 0o755);

    let outside = refusal_of_stranger(&binary, &socket);
    assert_eq!(outside, (SystemErrno::ACCESS.raw_os_error() as u32, 0));
    open_to_all(&socket, 0o666);
    let inside = refusal_of_stranger(&binary, &socket);
    assert_eq!(inside, (Errno::EACCES.number().unsigned_abs(), 1));
    drop(RawSession::attach(&socket));
    scene.closes();
}

/// The errno, and 1 if argod said it.
fn refusal_of_stranger(binary: &Path, socket: &Path) -> (u32, u32) {
    let mut command = Command::new(binary);
    command.uid(65_534).gid(65_534);
    let mut stranger = Hostile::spawn_as("stranger", socket, command);
    stranger.reaches(0, REFUSED);
    (stranger.diary.word(1), stranger.diary.word(2))
}

fn open_to_all(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn hello(hello: Hello) -> Vec<u8> {
    hello.as_bytes().to_vec()
}

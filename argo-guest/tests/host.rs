//! The host platform against an argod that does as each test says.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may panic, too")]

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use argo_core::host::attach::{DOORBELLS_MAX, Hello, Sealed, Text, Verdict, Welcome};
use argo_core::host::layout::control_bytes;
use argo_core::host::queue::{Completion, HostQueue};
use argo_core::host::wake::{self, Event, Signal};
use argo_core::host::{MAGIC, VERSION};
use argo_core::platform::{Call, Gone, Link, Platform};
use argo_guest::host::{AttachCause, AttachError, AttachOptions, HostSession, Step};
use argo_mem::{Mapping, Memory};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, accept_with, bind, listen, recv, send, sendmsg, socket_with,
};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use zerocopy::{FromBytes, Immutable, IntoBytes};

const RAM_PAGES: u32 = 4;

/// A domain's socket in a folder of its own.
struct Door {
    _folder: tempfile::TempDir,
    path: PathBuf,
    listener: OwnedFd,
}

impl Door {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("domain");
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let listener = socket_with(family, kind, SocketFlags::CLOEXEC, None).unwrap();
        bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        listen(&listener, 4).unwrap();
        Self { _folder: folder, path, listener }
    }

    fn greet(&self) -> OwnedFd {
        let link = accept_with(&self.listener, SocketFlags::CLOEXEC).unwrap();
        assert_eq!(hear::<Hello>(&link), Hello::new(1));
        link
    }

    fn attach(&self) -> Result<HostSession, AttachError> {
        let patience = Duration::from_secs(20);
        self.attach_within(patience)
    }

    fn attach_within(&self, patience: Duration) -> Result<HostSession, AttachError> {
        HostSession::attach_with(&self.path, &AttachOptions { patience, ..Default::default() })
    }
}

fn hear<M: FromBytes + IntoBytes>(link: &OwnedFd) -> M {
    let mut message = M::new_zeroed();
    let (len, _) = recv(link, message.as_mut_bytes(), RecvFlags::empty()).unwrap();
    assert_eq!(len, size_of::<M>());
    message
}

fn say(link: &OwnedFd, message: &(impl IntoBytes + Immutable), fds: &[&OwnedFd]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
    assert!(fds.is_empty() || control.push(SendAncillaryMessage::ScmRights(&fds)));
    let bytes = [IoSlice::new(message.as_bytes())];
    sendmsg(link, &bytes, &mut control, SendFlags::NOSIGNAL).unwrap();
}

fn welcome() -> Welcome {
    Welcome {
        magic: MAGIC,
        version: VERSION,
        errno: 0,
        domain: 7,
        queues: 1,
        control_bytes: control_bytes(1),
        ram_pages: RAM_PAGES,
        doorbells: 1,
        cpus: [0; DOORBELLS_MAX as usize],
        text: Text::EMPTY,
    }
}

fn memory() -> (Mapping, OwnedFd) {
    let bytes = control_bytes(1) as usize + RAM_PAGES as usize * 4096;
    Mapping::create("argo-test", bytes).unwrap()
}

fn doorbell() -> OwnedFd {
    eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap()
}

/// argod's side of an attachment.
struct Served {
    link: OwnedFd,
    memory: Mapping,
    queue: HostQueue,
}

impl Served {
    fn new(door: &Door) -> Self {
        Self::with(door, &welcome(), &[&doorbell()])
    }

    fn with(door: &Door, welcome: &Welcome, doorbells: &[&OwnedFd]) -> Self {
        let link = door.greet();
        let (memory, fd) = memory();
        say(&link, welcome, &[&[&fd], doorbells].concat());
        assert_eq!(hear::<Sealed>(&link), Sealed::MESSAGE);
        assert!(Mapping::is_sealed(&fd).unwrap());
        say(&link, &Verdict { magic: MAGIC, errno: 0, text: Text::EMPTY }, &[]);
        Self { link, memory, queue: HostQueue::new(0) }
    }

    /// Answers each of `calls` calls with its first argument plus one.
    fn serve(&mut self, calls: u32) {
        let view = self.memory.view();
        let control = view.part(0, control_bytes(1) as usize).unwrap();
        for _ in 0..calls {
            while self.queue.pending(&control).unwrap() == 0 {
                thread::yield_now();
            }
            let slot = self.queue.take(&control);
            let completion = Completion { tag: slot.tag, ret: slot.args[0] as i64 + 1 };
            self.queue.complete(&control, completion);
            if wake::raise(&control, Event::Completion) == Signal::Needed {
                let _ = send(&self.link, &[0], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
            }
        }
    }
}

fn call(first: u64) -> Call {
    Call { cmd: 3, args: [first, 0, 0, 0], link: Link::None }
}

fn cause(result: Result<HostSession, AttachError>) -> (Step, AttachCause) {
    match result {
        Err(AttachError::Failed { step, cause, .. }) => (step, cause),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("attached"),
    }
}

#[test]
fn calls_are_answered_while_awake_and_asleep() {
    let door = Door::new();
    thread::scope(|scope| {
        scope.spawn(|| Served::new(&door).serve(2000));
        let session = door.attach().unwrap();
        assert_eq!((session.domain().raw(), session.ram_pages()), (7, RAM_PAGES));
        assert_eq!(session.ram().len(), RAM_PAGES as usize * 4096);
        for number in 0..2000 {
            assert_eq!(session.call(&call(number)), Ok(number as i64 + 1));
        }
    });
}

#[test]
fn the_worker_on_the_own_processor_is_rung() {
    let allowed = sched_getaffinity(None).unwrap();
    let cpu = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).unwrap();
    let mut here = CpuSet::new();
    here.set(cpu);
    sched_setaffinity(None, &here).unwrap();
    // Not where the processor's number alone would put it.
    let own = (cpu + 1) % 2;
    let mut cpus = [0; DOORBELLS_MAX as usize];
    (cpus[own], cpus[1 - own]) = (cpu as u16, cpu as u16 + 1);
    let welcome = Welcome { doorbells: 2, cpus, ..welcome() };
    let (bells, door) = ([doorbell(), doorbell()], Door::new());
    thread::scope(|scope| {
        let served = scope.spawn(|| Served::with(&door, &welcome, &[&bells[0], &bells[1]]));
        let session = door.attach().unwrap();
        assert!(wake::rest(&served.join().unwrap().memory.view(), &[0]));
        session.flush().unwrap();
        let heard = |bell: &OwnedFd| rustix::io::read(bell, &mut [0; 8]);
        assert_eq!(heard(&bells[1 - own]), Err(Errno::AGAIN));
        assert_eq!(heard(&bells[own]), Ok(8));
    });
}

#[test]
fn the_ram_begins_behind_the_control_area() {
    let door = Door::new();
    thread::scope(|scope| {
        let served = scope.spawn(|| {
            let mut served = Served::new(&door);
            served.serve(1);
            let mut seen = [0; 4];
            let at = control_bytes(1) as usize + 4096;
            served.memory.view().read(at, &mut seen).unwrap();
            seen
        });
        let session = door.attach().unwrap();
        session.ram().write(4096, b"here").unwrap();
        assert_eq!(session.handle(4096).0, 4096);
        session.call(&call(0)).unwrap();
        assert_eq!(&served.join().unwrap(), b"here");
    });
}

#[test]
fn a_sleeper_learns_at_once_that_argod_died() {
    let door = Door::new();
    thread::scope(|scope| {
        scope.spawn(|| drop(Served::new(&door)));
        let session = door.attach().unwrap();
        assert_eq!(session.call(&call(0)), Err(Gone));
        assert_eq!(session.submit(&call(0), 0), Err(Gone));
    });
}

#[test]
fn a_poller_learns_within_a_second_that_argod_died() {
    let door = Door::new();
    thread::scope(|scope| {
        let served = scope.spawn(|| Served::new(&door));
        let session = door.attach().unwrap();
        assert!(session.submit(&call(0), 0).is_ok());
        drop(served.join().unwrap());
        let death = Instant::now();
        while session.flush().is_ok() {
            session.reap(&mut |_, _| panic!("nobody answered"));
        }
        assert!(death.elapsed() < Duration::from_secs(1));
    });
}

#[test]
fn other_threads_end_a_wait_by_wake_and_by_close() {
    let door = Door::new();
    thread::scope(|scope| {
        let served = scope.spawn(|| Served::new(&door));
        let session = Arc::new(door.attach().unwrap());
        let _alive = served.join().unwrap();
        session.wake();
        assert_eq!(session.wait(session.sequence(), None), Ok(()));
        let other = session.clone();
        let sleeper = scope.spawn(move || while other.wait(other.sequence(), None).is_ok() {});
        session.close();
        sleeper.join().unwrap();
        assert_eq!(session.flush(), Err(Gone));
    });
}

#[test]
fn a_refusal_says_why() {
    let door = Door::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let link = door.greet();
            let text = Text::new("1 of 1 sessions, held by process 42");
            say(&link, &Welcome { errno: 16, text, ..welcome() }, &[]);
        });
        let error = door.attach().map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("receiving Welcome"), "{error}");
        assert!(error.contains("held by process 42 (errno 16)"), "{error}");
    });
    thread::scope(|scope| {
        scope.spawn(|| {
            let link = door.greet();
            say(&link, &welcome(), &[&memory().1, &doorbell()]);
            hear::<Sealed>(&link);
            let text = Text::new("too little memory");
            say(&link, &Verdict { magic: MAGIC, errno: 12, text }, &[]);
        });
        let text = "too little memory".to_owned();
        let refused = AttachCause::Refused { errno: 12, text };
        assert_eq!(cause(door.attach()), (Step::ReceivingVerdict, refused));
    });
}

#[test]
fn answers_that_make_no_sense_are_named() {
    let door = Door::new();
    type Spoil = fn(&mut Welcome);
    let answers: [(Spoil, usize, &str); 7] = [
        (|welcome| welcome.magic = 1, 2, "Welcome's magic"),
        (|welcome| welcome.queues = 2, 2, "the number of queues"),
        (|welcome| welcome.control_bytes += 1, 2, "the size of the control area"),
        (|welcome| welcome.doorbells = 65, 2, "the number of doorbells"),
        (|welcome| welcome.domain = 0x7FF4, 2, "the domain's id"),
        (|_| (), 1, "the number of descriptors"),
        (|_| (), 3, "the number of descriptors"),
    ];
    for (spoil, fds, named) in answers {
        thread::scope(|scope| {
            scope.spawn(|| {
                let link = door.greet();
                let mut welcome = welcome();
                spoil(&mut welcome);
                let given = [memory().1, doorbell(), doorbell()];
                say(&link, &welcome, &given.iter().take(fds).collect::<Vec<_>>());
            });
            let (step, cause) = cause(door.attach());
            assert_eq!(step, Step::ReceivingWelcome);
            assert!(cause.to_string().starts_with(named), "{cause}");
        });
    }
}

#[test]
fn another_version_memory_that_may_shrink_silence_and_absence_are_told_apart() {
    let door = Door::new();
    thread::scope(|scope| {
        scope.spawn(|| say(&door.greet(), &Welcome { version: 9, ..welcome() }, &[]));
        let version = AttachCause::Version { theirs: 9, ours: VERSION };
        assert_eq!(cause(door.attach()), (Step::ReceivingWelcome, version));
    });
    thread::scope(|scope| {
        scope.spawn(|| say(&door.greet(), &welcome(), &[&doorbell(), &doorbell()]));
        let (step, cause) = cause(door.attach());
        assert_eq!(step, Step::TakingMemory);
        assert!(matches!(cause, AttachCause::Memory(_)), "{cause}");
    });
    thread::scope(|scope| {
        scope.spawn(|| drop(door.greet()));
        assert_eq!(cause(door.attach()), (Step::ReceivingWelcome, AttachCause::Closed));
    });
    let patience = Duration::from_millis(30);
    let silent = cause(door.attach_within(patience));
    assert_eq!(silent, (Step::ReceivingWelcome, AttachCause::TimedOut(patience)));
    let nowhere = cause(HostSession::attach(door.path.with_extension("not")));
    assert_eq!(nowhere.0, Step::Connecting);
}

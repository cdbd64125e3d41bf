//! The child's side: it puts itself into a cage and tries something.
#![allow(unsafe_code, reason = "system calls by number, to try those that no library makes so")]

use std::fs::File;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::thread;

use rustix::process::{Pid, getppid, test_kill_process};
use rustix::thread::CapabilitySet;

use super::attempt::{ATTEMPTS, Attempt, Fate};
use super::myself;
use crate::cage::calls::{self, Class};
use crate::cage::{capabilities, files, filter};

const ROLE: &str = "ARGO_CAGE_ROLE";
const NUMBER: &str = "ARGO_CAGE_NUMBER";
/// Stands for what every thread does, beside the attempts.
pub const LIVING: usize = usize::MAX;
/// Exit status of a child whose call got through to where its arguments were looked at: no 0, so that
/// a child that tried nothing is noticed.
const PASSED: i32 = 200;

/// A thread with a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Process,
    Doorkeeper,
    Thread(Class),
}

impl Role {
    pub const ALL: [Self; 8] = [
        Self::Process,
        Self::Doorkeeper,
        Self::Thread(Class::Worker),
        Self::Thread(Class::Attach),
        Self::Thread(Class::Desk),
        Self::Thread(Class::Undertaker),
        Self::Thread(Class::Keeper),
        Self::Thread(Class::Vcpu),
    ];

    /// What a thread of argod does in this role before anything else.
    fn enter(self) -> io::Result<()> {
        let process = match self {
            Self::Doorkeeper => calls::DOORKEEPER,
            Self::Thread(Class::Keeper | Class::Vcpu) => calls::PROCESS_WITH_MACHINES,
            Self::Process | Self::Thread(_) => calls::PROCESS,
        };
        filter::confine(process)?;
        match self {
            Self::Thread(class) => filter::confine(calls::of(class)).map(drop),
            Self::Process | Self::Doorkeeper => Ok(()),
        }
    }
}

/// What becomes of a child that tries this in this role; `None`: nothing that there should be.
pub fn spawn(role: Role, number: usize) -> Option<Fate> {
    let place = Role::ALL.iter().position(|known| *known == role).unwrap();
    let output = myself()
        .env(ROLE, place.to_string())
        .env(NUMBER, number.to_string())
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    match (output.status.signal(), output.status.code()) {
        (Some(libc::SIGSYS), _) => Some(Fate::Dies),
        (None, Some(PASSED)) => Some(Fate::Passes),
        (None, Some(errno @ (libc::EPERM | libc::EACCES | libc::ENOSYS))) => {
            Some(Fate::Refused(errno))
        }
        _ => {
            eprintln!("{output:?}");
            None
        }
    }
}

/// Does what the environment says, if it says anything.
pub fn play() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let role = Role::ALL[role.parse::<usize>().unwrap()];
    let number: usize = std::env::var(NUMBER).unwrap().parse().unwrap();
    let caged = thread::spawn(move || {
        role.enter().unwrap();
        match ATTEMPTS.get(number) {
            Some(attempt) => try_call(attempt),
            None => live(),
        }
    });
    // This thread is in no cage: it can tell what became of the other.
    std::process::exit(caged.join().unwrap());
}

fn try_call(attempt: &Attempt) -> i32 {
    let [a, b, c, d, e, f] = attempt.arguments;
    // SAFETY: whatever memory the arguments of the table name is none (null, or -1 for a
    // descriptor), or is made anew by the call: none of them changes memory that exists.
    let answer = unsafe { libc::syscall(attempt.number, a, b, c, d, e, f) };
    match io::Error::last_os_error().raw_os_error() {
        Some(errno @ (libc::EPERM | libc::EACCES | libc::ENOSYS)) if answer == -1 => errno,
        _ => PASSED,
    }
}

/// Memory, large and small and given back; the log; a panic with its backtrace; and, by returning,
/// the thread's end.
fn live() -> i32 {
    for bytes in [64, 4 << 10, 300 << 10, 40 << 20] {
        let memory: Vec<Vec<u8>> = (0..4).map(|_| vec![1; bytes]).collect();
        assert!(memory.iter().all(|block| block[bytes - 1] == 1));
    }
    eprintln!("alive at {:?}", std::time::SystemTime::now());
    thread::sleep(std::time::Duration::from_millis(1));
    let panicked = std::panic::catch_unwind(|| assert_eq!(std::hint::black_box(1), 2));
    assert!(panicked.is_err());
    io::stderr().flush().unwrap();
    PASSED
}

/// What was tried, and the error number that was the answer.
pub type Tried = (&'static str, Option<i32>);

/// What a thread tries that has given up files and capabilities, and what it was told; and how it gave
/// them up. Nothing else of this process is caged.
pub fn tried_files() -> io::Result<(String, [Tried; 8])> {
    let file = tempfile::NamedTempFile::new()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let name = format!("argod-cage-{}", std::process::id());
    let name = SocketAddr::from_abstract_name(name)?;
    let _abstract = UnixListener::bind_addr(&name)?;
    let (port, parent) = (listener.local_addr()?, getppid().unwrap());
    let caged = thread::spawn(move || {
        capabilities::keep(CapabilitySet::empty())?;
        let how = files::close_all()?;
        let tried = [
            ("a file of everybody's", told(File::open("/etc/passwd"))),
            ("what memory there is", told(std::fs::read("/proc/meminfo"))),
            ("a memfd, opened again", told(opened_again())),
            ("a file made", told(File::create(file.path().with_extension("more")))),
            ("a TCP port bound", told(TcpListener::bind("127.0.0.1:0"))),
            ("a TCP connection", told(TcpStream::connect(port))),
            ("a process outside signalled", told(signalled(parent))),
            ("a socket with an abstract name", told(UnixStream::connect_addr(&name))),
        ];
        Ok((how, tried))
    });
    caged.join().unwrap()
}

fn told<T>(result: io::Result<T>) -> Option<i32> {
    result.err().map(|error| error.raw_os_error().unwrap_or(0))
}

fn signalled(process: Pid) -> io::Result<()> {
    Ok(test_kill_process(process)?)
}

/// As argod does with the RAM that it hands out.
fn opened_again() -> io::Result<()> {
    let memfd = rustix::fs::memfd_create("again", rustix::fs::MemfdFlags::CLOEXEC)?;
    let path = format!("/proc/self/fd/{}", memfd.as_raw_fd());
    File::options().read(true).write(true).open(path).map(drop)
}

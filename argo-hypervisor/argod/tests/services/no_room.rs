//! A process at its limit of open files.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use argo_core::DomainId;
use argo_core::host::services::{Access, Entry, Notify};
use argo_guest::services::{Pending, Services};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::client::*;
use crate::common::Argod;
use crate::common::child::{Diary, Hostile};

pub const ROLE: &str = "no room";
const REFERENCE: usize = 1;
const PORT: usize = 2;
const DONE: u32 = 1;

/// What the child does: with no room for a descriptor it asks for everything that comes with one.
pub fn act(socket: &Path, diary: &Diary) {
    let services = Services::attach(socket).unwrap();
    let other = DomainId::new(1).unwrap();
    let channel = services.alloc_unbound(other).unwrap();
    let entry = Entry { domain: 1, reference: wait_for(diary, REFERENCE) };
    let full = Errno::MFILE.raw_os_error();
    let before = fill();
    let errno = |error: argo_guest::services::RequestError| error.errno();
    assert_eq!(services.alloc_unbound(other).err().map(errno), Some(full));
    assert_eq!(services.bind(other, diary.word(PORT)).err().map(errno), Some(full));
    let share = services.share(other, 1, Access::Write, Notify::NOTHING);
    assert_eq!(share.err().map(errno), Some(full));
    assert_eq!(services.map(&[entry], Notify::NOTHING).err().map(errno), Some(full));
    assert_eq!(channel.take(), Pending::Nothing, "and what it has goes on");
    setrlimit(Resource::Nofile, before).unwrap();
    services.nodes().write("data/x", b"1").unwrap();
    diary.set(0, DONE);
    crate::common::child::wait_for_death()
}

fn wait_for(diary: &Diary, word: usize) -> u32 {
    crate::common::wait_until("the parent has told", || diary.word(word) != 0);
    diary.word(word)
}

/// Leaves no room for another descriptor; the limit that there was.
fn fill() -> Rlimit {
    let free = File::open("/dev/null").unwrap().as_raw_fd() as u64;
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(free), ..before }).unwrap();
    before
}

#[test]
fn requests_fail_alone_and_what_was_made_for_them_goes_back() {
    let argod = Argod::start(&system());
    let mut client = Client::connect(&argod, "one");
    let own = client.share(2, Access::Write, 1).unwrap();
    let port = client.alloc_unbound(2).unwrap();
    let mut child = Hostile::spawn(ROLE, &argod.socket("two"));
    child.diary.set(PORT, port.number);
    child.diary.set(REFERENCE, own.reference);
    child.reaches(0, DONE);
    let left = argod.domain("two").services;
    assert_eq!((left.connections, left.ports, left.shares, left.maps), (1, 1, 0, 0));
}

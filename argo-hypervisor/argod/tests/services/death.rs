//! Processes that are killed: what they promised is done, and nothing of them is left.

use std::path::Path;

use argo_core::host::services::{Access, Notify};

use crate::client::*;
use crate::common::Argod;
use crate::common::child::{Diary, Hostile, wait_for_death};

const THERE: u32 = 1;
/// Where the diary of a child has the numbers that it was given.
const REFERENCE: usize = 1;
const PORT: usize = 2;

/// What a child does before it is killed.
pub fn act(role: &str, socket: &Path, diary: &Diary) {
    let mut client = Client::connect_to(socket);
    let _kept: Box<dyn std::any::Any> = match role {
        "server" => {
            let port = client.alloc_unbound(1).unwrap();
            let notify = Notify { offset: 21, port: port.number };
            let own = client.share_notifying(1, Access::Write, 1, notify).unwrap();
            own.set(21, 1);
            diary.set(REFERENCE, own.reference);
            diary.set(PORT, port.number);
            Box::new((own, port))
        }
        "client" => {
            let (reference, number) = client_numbers();
            let bound = client.bind(1, number).unwrap();
            let notify = Notify { offset: 20, port: bound.number };
            let got = client.map_notifying(Access::Write, &[(1, reference)], notify).unwrap();
            Box::new((got, bound))
        }
        role => panic!("no such role: {role}"),
    };
    diary.set(0, THERE);
    wait_for_death()
}

/// A client's child is the first to ask in its system, as the test is: the numbers are known.
fn client_numbers() -> (u32, u32) {
    (1024, 1)
}

#[test]
fn a_killed_servers_byte_is_cleared_its_event_sent_and_its_channel_ended() {
    let argod = Argod::start(&system());
    let mut client = Client::connect(&argod, "one");
    let mut child = Hostile::spawn("server", &argod.socket("two"));
    child.reaches(0, THERE);
    let entry = (2, child.diary.word(REFERENCE));
    let got = client.map(Access::Write, &[entry]).unwrap();
    let bound = client.bind(2, child.diary.word(PORT)).unwrap();
    bound.wait_for_event();
    let memory = argo_mem::Mapping::of(&got.fds[0], 4096).unwrap();
    let byte = || {
        let mut byte = [9];
        argo_mem::Memory::view(&memory).read(21, &mut byte).unwrap();
        byte[0]
    };
    assert_eq!(byte(), 1);
    child.kill();
    bound.wait_for_event();
    assert_eq!(byte(), 0);
    bound.wait_for_end();
    assert!(client.map(Access::Write, &[entry]).is_err(), "what it shared was taken back");
    assert_eq!(argod.domain("two").services.pages, 1, "and counts while it is mapped");
    drop(client);
    argod.wait_for("two", "nothing is left", |domain| domain.services.pages == 0);
}

#[test]
fn a_killed_clients_byte_is_cleared_and_the_server_can_have_another() {
    let argod = Argod::start(&system());
    let mut server = Client::connect(&argod, "one");
    let own = server.share(2, Access::Write, 1).unwrap();
    let port = server.alloc_unbound(2).unwrap();
    assert_eq!((own.reference, port.number), client_numbers());
    for _ in 0..2 {
        own.set(20, 1);
        let mut child = Hostile::spawn("client", &argod.socket("two"));
        child.reaches(0, THERE);
        assert_eq!((own.byte(20), port.pending()), (1, Some(false)));
        child.kill();
        port.wait_for_event();
        assert_eq!(own.byte(20), 0);
        argod.wait_for("two", "nothing is left", |domain| {
            domain.services.ports + domain.services.maps + domain.services.connections == 0
        });
    }
}

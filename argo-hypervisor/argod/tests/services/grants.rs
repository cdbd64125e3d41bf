//! Shares and maps as they are meant, and at their limits.

use argo_core::Errno;
use argo_core::host::services::{Access, NONE, Notify, PAGES_MAX, PARTS_SHARES_MAX, Part};
use argo_mem::{Mapping, Memory};
use rustix::fs::SealFlags;

use crate::client::*;
use crate::common::syscalls::ExtraMapping;
use crate::common::{Argod, wait_until};

fn pair() -> (Argod, Client, Client) {
    let argod = Argod::start(&system());
    let (one, two) = (Client::connect(&argod, "one"), Client::connect(&argod, "two"));
    (argod, one, two)
}

#[test]
fn what_one_domain_writes_the_other_reads_and_the_other_way_round() {
    let (_argod, mut one, mut two) = pair();
    let own = one.share(2, Access::Write, 3).unwrap();
    own.set(2 * 4096, 42);
    let got = two.map(Access::Write, &own.entries(1, 3)).unwrap();
    assert_eq!(got.parts, [Part { descriptor: 0, page: 0, pages: 3 }]);
    let theirs = Mapping::of(&got.fds[0], 3 * 4096).unwrap();
    let mut byte = [0];
    theirs.view().read(2 * 4096, &mut byte).unwrap();
    assert_eq!(byte, [42]);
    theirs.view().write(7, &[43]).unwrap();
    assert_eq!(own.byte(7), 43);
}

#[test]
fn pages_of_several_shares_in_any_order_come_in_that_order() {
    let (_argod, mut one, mut two) = pair();
    let (a, b) = (one.share(2, Access::Write, 2).unwrap(), one.share(2, Access::Write, 1).unwrap());
    let wanted = [(1, a.reference + 1), (1, b.reference), (1, a.reference)];
    let got = two.map(Access::Write, &wanted).unwrap();
    let part = |descriptor, page| Part { descriptor, page, pages: 1 };
    assert_eq!((got.fds.len(), got.parts), (2, vec![part(0, 1), part(1, 0), part(0, 0)]));
}

#[test]
fn what_is_shared_to_be_read_cannot_be_written_by_any_descriptor() {
    let (_argod, mut one, mut two) = pair();
    let own = one.share(2, Access::Read, 1).unwrap();
    let entries = own.entries(1, 1);
    assert_eq!(two.map(Access::Write, &entries).unwrap_err(), Errno::EACCES);
    let got = two.map(Access::Read, &entries).unwrap();
    let mut byte = [9];
    assert_eq!(rustix::io::pread(&got.fds[0], &mut byte, 0), Ok(1));
    let refused = ExtraMapping::of(&got.fds[0], 4096).err();
    assert_eq!(refused, Some(rustix::io::Errno::ACCESS));
    assert!(rustix::fs::ftruncate(&got.fds[0], 0).is_err());
    let seals = rustix::fs::fcntl_get_seals(&own.fd).unwrap();
    let size = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    assert!(seals.contains(size), "{seals:?}");
    let mode = rustix::fs::fstat(&own.fd).unwrap().st_mode & 0o777;
    assert_eq!(mode, 0o400, "nobody but argod's user opens it again, and root");
}

#[test]
fn only_the_domain_that_was_named_maps_and_not_after_the_share_was_taken_back() {
    let (argod, mut one, mut two) = pair();
    let mut three = Client::connect(&argod, "three");
    let own = one.share(2, Access::Write, 1).unwrap();
    let entries = own.entries(1, 1);
    assert_eq!(three.map(Access::Write, &entries).unwrap_err(), Errno::EPERM);
    let got = two.map(Access::Write, &entries).unwrap();
    one.unshare(own.share).unwrap();
    assert_eq!(one.unshare(own.share), Err(Errno::ENOENT));
    assert_eq!(two.map(Access::Write, &entries).unwrap_err(), Errno::ENOENT);
    own.set(0, 9);
    let theirs = Mapping::of(&got.fds[0], 4096).unwrap();
    let mut byte = [0];
    theirs.view().read(0, &mut byte).unwrap();
    assert_eq!(byte, [9], "what was mapped stays mapped");
    let used = |argod: &Argod| argod.domain("one").services.pages;
    assert_eq!(used(&argod), 1, "and counts");
    two.unmap(got.map).unwrap();
    assert_eq!(used(&argod), 0);
    assert_eq!(two.unmap(got.map), Err(Errno::ENOENT));
}

#[test]
fn numbers_that_name_nothing_are_refused_with_a_reason() {
    let (_argod, mut one, mut two) = pair();
    let own = one.share(2, Access::Write, 1).unwrap();
    for entry in [(1, 0), (1, own.reference + 1), (1, NONE), (7, own.reference), (NONE, 1024)] {
        assert_eq!(two.map(Access::Write, &[entry]).unwrap_err(), Errno::ENOENT, "{entry:?}");
    }
    assert_eq!(two.map(Access::Write, &[]).unwrap_err(), Errno::EINVAL);
    for share in [0, own.share + 1, NONE] {
        assert_eq!(one.unshare(share), Err(Errno::ENOENT));
        assert_eq!(one.unmap(share), Err(Errno::ENOENT));
    }
    assert_eq!(two.unshare(own.share), Err(Errno::ENOENT), "another domain's share");
    assert_eq!(one.share(NONE, Access::Write, 1).err(), Some(Errno::ESRCH));
    for pages in [0, PAGES_MAX + 1, NONE] {
        assert_eq!(one.share(2, Access::Write, pages).err(), Some(Errno::EINVAL), "{pages} pages");
    }
    one.share(2, Access::Write, PAGES_MAX).unwrap();
}

#[test]
fn a_byte_and_an_event_tell_of_an_unmap_and_of_an_unshare() {
    let (_argod, mut one, mut two) = pair();
    let port = one.alloc_unbound(2).unwrap();
    let bound = two.bind(1, port.number).unwrap();
    bound.wait_for_event();
    let notify = Notify { offset: 4096 + 5, port: port.number };
    let own = one.share_notifying(2, Access::Write, 2, notify).unwrap();
    own.set(4096 + 5, 1);
    own.set(5, 1);
    let notify = Notify { offset: 5, port: bound.number };
    let got = two.map_notifying(Access::Write, &own.entries(1, 2), notify).unwrap();
    two.unmap(got.map).unwrap();
    assert_eq!((own.byte(5), own.byte(4096 + 5)), (0, 1));
    port.wait_for_event();
    one.unshare(own.share).unwrap();
    assert_eq!(own.byte(4096 + 5), 0);
    bound.wait_for_event();
    assert_eq!(port.pending(), Some(false), "one event each");
}

#[test]
fn a_promised_event_is_sent_even_if_its_port_was_closed_meanwhile() {
    let (_argod, mut one, mut two) = pair();
    let port = one.alloc_unbound(2).unwrap();
    let bound = two.bind(1, port.number).unwrap();
    bound.wait_for_event();
    let notify = Notify { offset: NONE, port: port.number };
    let own = one.share_notifying(2, Access::Write, 1, notify).unwrap();
    one.close_channel(port.number).unwrap();
    assert_eq!(bound.pending(), Some(false), "not the end yet");
    one.unshare(own.share).unwrap();
    wait_until("the event, then the end", || bound.pending() == Some(true));
    bound.wait_for_end();
}

#[test]
fn bytes_and_ports_that_are_not_there_cannot_be_promised() {
    let (_argod, mut one, mut two) = pair();
    let own = one.share(2, Access::Write, 1).unwrap();
    let read = one.share(2, Access::Read, 1).unwrap();
    let notify = |offset, port| Notify { offset, port };
    for wrong in [notify(4096, NONE), notify(NONE - 1, NONE), notify(0, 99)] {
        let shared = one.share_notifying(2, Access::Write, 1, wrong);
        assert_eq!(shared.err(), Some(Errno::EINVAL), "{wrong:?}");
        let mapped = two.map_notifying(Access::Write, &own.entries(1, 1), wrong);
        assert_eq!(mapped.unwrap_err(), Errno::EINVAL, "{wrong:?}");
    }
    let read = two.map_notifying(Access::Read, &read.entries(1, 1), notify(0, NONE));
    assert_eq!(read.unwrap_err(), Errno::EINVAL, "who may only read clears nothing");
}

#[test]
fn each_quota_holds_at_its_value_and_is_given_back() {
    let quotas = "grant_pages = 4, shares = 3, maps = 2, ports = 2, connections = 2";
    let argod = Argod::start(&(domain(1, "one", quotas) + OPEN));
    let mut one = Client::connect(&argod, "one");
    let mut again = Client::connect(&argod, "one");
    let (errno, text) = Client::try_connect(&argod.socket("one")).err().unwrap();
    assert_eq!(errno, Errno::EBUSY.number() as u32);
    assert!(text.contains("allows 2 connection(s)"), "{text}");
    let own = one.share(1, Access::Write, 4).unwrap();
    assert_eq!(again.share(1, Access::Write, 1).err(), Some(Errno::ENOSPC), "pages");
    one.unshare(own.share).unwrap();
    let shares: Vec<Own> = (0..3).map(|_| one.share(1, Access::Write, 1).unwrap()).collect();
    assert_eq!(again.share(1, Access::Write, 1).err(), Some(Errno::ENOSPC), "shares");
    let entries = shares[0].entries(1, 1);
    let maps: Vec<Got> = (0..2).map(|_| one.map(Access::Read, &entries).unwrap()).collect();
    assert_eq!(again.map(Access::Read, &entries).unwrap_err(), Errno::ENOSPC, "maps");
    one.unmap(maps[1].map).unwrap();
    again.map(Access::Read, &entries).unwrap();
    let ports: Vec<Port> = (0..2).map(|_| one.alloc_unbound(1).unwrap()).collect();
    assert_eq!(again.alloc_unbound(1).unwrap_err(), Errno::ENOSPC, "ports");
    one.close_channel(ports[0].number).unwrap();
    again.alloc_unbound(1).unwrap();
    drop((one, again));
    argod.wait_for("one", "everything is given back", |domain| {
        let services = domain.services;
        services.connections + services.shares + services.maps + services.ports == 0
            && services.pages == 0
    });
}

#[test]
fn descriptors_that_a_process_has_taken_count_no_more_though_it_is_silent_since() {
    let argod = Argod::start(&system());
    let mut owner = Client::connect(&argod, "one");
    let mut share = |_| (1, owner.share(2, Access::Read, 1).unwrap().reference);
    let entries: Vec<_> = (0..PARTS_SHARES_MAX).map(&mut share).collect();
    // All together more than a domain may leave unread.
    let mut clients: Vec<_> = (0..20).map(|_| Client::connect(&argod, "two")).collect();
    for client in &mut clients {
        assert_eq!(client.map(Access::Read, &entries).unwrap().fds.len(), PARTS_SHARES_MAX);
    }
}

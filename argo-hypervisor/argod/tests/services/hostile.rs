//! What a process may try against argod through the services, while others go about their business.

use argo_core::Errno;
use argo_core::host::services::*;
use argo_core::xenstore::Kind;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::net::{SendFlags, send};
use zerocopy::IntoBytes;

use crate::client::*;
use crate::common::raw::Raw;
use crate::common::rng::Rng;
use crate::common::scene::Scene;
use crate::common::wait_until;

fn scene() -> Scene {
    Scene::start_with(OPEN)
}

#[test]
fn packets_of_any_bytes_are_answered_or_end_their_connection_only() {
    let scene = scene();
    let mut rng = Rng::new();
    let mut bystander = Client::connect(&scene.argod, "other");
    for _ in 0..40 {
        let client = Client::connect(&scene.argod, "guilty");
        for _ in 0..50 {
            let packet = packet(&mut rng);
            if client.raw.send_with(&packet, &[]).is_err() {
                break;
            }
            let is_wrong = packet.len() < size_of::<Request>() || packet[4..8] == [255; 4];
            let told = client.told();
            assert_eq!(told.is_none(), is_wrong, "{packet:?}: {told:?}");
            if is_wrong {
                break;
            }
        }
        bystander.share(4, Access::Write, 1).and_then(|own| bystander.unshare(own.share)).unwrap();
    }
    drop(bystander);
    scene.closes();
}

/// Mostly a head that could be one, with small numbers or any bytes behind it.
fn packet(rng: &mut Rng) -> Vec<u8> {
    let len = 1 + rng.below(64);
    let mut packet = rng.bytes(len);
    if len >= size_of::<Request>() && rng.below(8) > 0 {
        let request = Request { op: rng.below(10) as u32, tag: 7 };
        packet[..8].copy_from_slice(request.as_bytes());
        let mask = [255, 3][rng.below(2)];
        packet[8..].iter_mut().for_each(|byte| *byte &= mask);
    }
    packet
}

#[test]
fn a_packet_that_is_too_long_or_empty_ends_its_connection() {
    let scene = scene();
    for len in [0, PACKET_MAX + 1, 2 * PACKET_MAX] {
        let client = Client::connect(&scene.argod, "guilty");
        client.raw.send(&vec![1; len]);
        client.wait_for_hang_up();
    }
    let mut client = Client::connect(&scene.argod, "guilty");
    let longest = vec![0; PACKET_MAX - size_of::<Request>()];
    assert_eq!(client.ask(Op::Map, &longest).unwrap_err(), Errno::EINVAL);
    drop(client);
    scene.closes();
}

#[test]
fn a_wrong_hello_is_refused_in_words() {
    let scene = scene();
    let socket = scene.argod.socket("guilty");
    let refusal = |hello: Hello| {
        let raw = Raw::connect(&socket);
        raw.send(hello.as_bytes());
        let (welcome, _) = raw.receive::<Welcome>().unwrap();
        (welcome.magic, welcome.errno, welcome.text.as_str().to_owned())
    };
    let (magic, errno, text) = refusal(Hello { version: 99, ..Hello::for_services() });
    assert_eq!((magic, errno), (SERVICES_MAGIC, Errno::EOPNOTSUPP.number() as u32));
    assert!(text.starts_with("version 99 of the services"), "{text}");
    let (_, errno, text) = refusal(Hello { queues: 3, ..Hello::for_services() });
    assert_eq!(errno, Errno::EINVAL.number() as u32);
    assert!(text.contains("queues 3"), "{text}");
    scene.closes();
}

#[test]
fn descriptors_sent_along_are_not_kept() {
    let scene = scene();
    let before = scene.argod.descriptors();
    let clients: Vec<Client> = (0..8).map(|_| Client::connect(&scene.argod, "guilty")).collect();
    let gift = eventfd(0, EventfdFlags::empty()).unwrap();
    let request = Request { op: Op::Unmap as u32, tag: 1 };
    for client in &clients {
        for _ in 0..20 {
            // Refused by a newer kernel, closed by an older one.
            let _ = client.raw.send_with(request.as_bytes(), &[&gift, &gift, &gift]);
        }
    }
    wait_until("argod has closed them", || scene.argod.descriptors() <= before + clients.len() + 1);
    drop(clients);
    scene.closes();
}

#[test]
fn who_takes_no_answers_is_ended() {
    let scene = scene();
    for op in [Op::AllocUnbound, Op::Unshare] {
        let client = Client::connect(&scene.argod, "guilty");
        let body = Handle { number: 4 };
        let request = Request { op: op as u32, tag: 1 };
        let packet = [request.as_bytes(), body.as_bytes()].concat();
        let flood = (0..100_000).take_while(|_| {
            let flags = SendFlags::NOSIGNAL;
            send(&client.raw.socket, &packet, flags).is_ok()
        });
        assert!(flood.count() < 100_000, "{op:?}: argod goes on answering who does not listen");
    }
    scene.closes();
}

#[test]
fn who_asks_all_the_time_delays_nobody() {
    let scene = scene();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let path = scene.argod.socket("guilty");
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let mut client = Client::connect_to(&path);
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let own = client.share(3, Access::Write, 64).unwrap();
                    client.map(Access::Write, &own.entries(3, 64)).unwrap();
                    client.unshare(own.share).unwrap();
                    let _ = client.store(Kind::Write, b"data/a\0value");
                    let _ = client.unmap(1);
                }
            });
        }
        let mut other = Client::connect(&scene.argod, "other");
        for _ in 0..200 {
            let port = other.alloc_unbound(4).unwrap();
            other.close_channel(port.number).unwrap();
        }
        scene.bystanders.go_on();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    scene.closes();
}

#[test]
fn what_a_hoarder_piled_up_to_its_quotas_is_gone_with_it() {
    let scene = scene();
    let mut client = Client::connect(&scene.argod, "guilty");
    let mut piled = Vec::new();
    while let Ok(own) = client.share(3, Access::Write, 8) {
        piled.push((3, own.reference));
    }
    assert_eq!(client.share(3, Access::Write, 8).err(), Some(Errno::ENOSPC));
    while client.map(Access::Read, &piled[..PARTS_SHARES_MAX]).is_ok() {}
    assert_eq!(client.map(Access::Read, &piled[..1]).unwrap_err(), Errno::ENOSPC);
    assert_eq!(client.map(Access::Read, &piled[..65]).unwrap_err(), Errno::EINVAL);
    while client.alloc_unbound(4).is_ok() {}
    assert_eq!(client.alloc_unbound(4).unwrap_err(), Errno::ENOSPC);
    let made = (0..).take_while(|n| client.write(&format!("data/{n}"), "").is_ok()).count();
    let services = scene.argod.domain("guilty").services;
    assert_eq!((services.shares, services.maps, services.ports), (512, 512, 256));
    assert!((900..1000).contains(&made), "{made} nodes");
    let mut other = Client::connect(&scene.argod, "other");
    other.share(3, Access::Write, 1).unwrap();
    other.alloc_unbound(3).unwrap();
    drop((client, other));
    scene.closes();
}

#[test]
fn holes_in_a_share_keep_argod_from_nothing() {
    let scene = scene();
    let mut client = Client::connect(&scene.argod, "guilty");
    let stop = &std::sync::atomic::AtomicBool::new(false);
    let pages = PAGES_MAX;
    let notify = Notify { offset: pages * PAGE - 1, port: NONE };
    let own = client.share(3, Access::Write, pages).unwrap();
    let entries = own.entries(3, pages);
    std::thread::scope(|threads| {
        let (fd, len) = (&own.fd, u64::from(pages * PAGE));
        threads.spawn(move || {
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                fallocate(fd, hole, 0, len).unwrap();
            }
        });
        for _ in 0..50 {
            own.set((pages * PAGE) as usize - 1, 1);
            let got = client.map_notifying(Access::Write, &entries, notify).unwrap();
            client.unmap(got.map).unwrap();
            assert_eq!(own.byte((pages * PAGE) as usize - 1), 0);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    drop(client);
    scene.closes();
}

#[test]
fn an_end_that_was_made_to_block_and_is_full_holds_nobody_up() {
    let scene = scene();
    let mut client = Client::connect(&scene.argod, "guilty");
    let port = client.alloc_unbound(4).unwrap();
    rustix::io::ioctl_fionbio(&port.end, false).unwrap();
    while send(&port.end, &[1; 64], SendFlags::DONTWAIT).is_ok() {}
    for _ in 0..10 {
        let notify = Notify { offset: 0, port: port.number };
        let own = client.share_notifying(4, Access::Write, 1, notify).unwrap();
        client.unshare(own.share).unwrap();
    }
    let mut other = Client::connect(&scene.argod, "other");
    other.bind(3, port.number).unwrap().wait_for_event();
    drop((client, other));
    scene.closes();
}

#[test]
fn connections_that_come_and_go_leave_nothing() {
    let scene = scene();
    for round in 0..100 {
        let mut clients = [(); 3].map(|()| Client::connect(&scene.argod, "guilty"));
        let port = clients[0].alloc_unbound(3).unwrap();
        let bound = clients[1].bind(3, port.number).unwrap();
        let notify = Notify { offset: 0, port: bound.number };
        let own = clients[2].share_notifying(3, Access::Write, 4, notify).unwrap();
        clients[0].map(Access::Write, &own.entries(3, 4)).unwrap();
        clients[round % 3].watch("data", "t").unwrap();
        clients[round % 3].store(Kind::TransactionStart, b"\0").unwrap();
    }
    scene.argod.wait_for("guilty", "all is given back", |domain| {
        let services = domain.services;
        services.connections + services.shares + services.maps + services.ports == 0
            && services.pages as usize + services.store_watches + services.store_transactions == 0
    });
    let threads = || {
        let threads = scene.argod.threads();
        threads.iter().filter(|(_, name)| name.starts_with("services")).count()
    };
    wait_until("no thread is left", || threads() == 0);
    scene.closes();
}

//! Streams between processes, through argod: many, killed ones, hostile ones.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use argo_guest::datagram::BindOptions;
use argo_guest::stream::{ListenOptions, Stream, StreamListener, StreamOptions};
use argo_guest::{Address, Datagram, Domain, DomainId, Port};
use argo_stream::wire;
use common::child::{Diary, Hostile, part, wait_for_death};
use common::rng::Rng;
use common::*;

const PORT: Port = Port(7);
const SMALL: StreamOptions = StreamOptions::new().ring_len(32_800).send_buffer(32 << 10);
const PATIENCE: Duration = Duration::from_secs(30);

/// `server` (2) with room for a thousand connections, and others.
fn start() -> Argod {
    let large = |id: u16, name: &str| {
        format!(
            "[[domain]]\nid = {id}\nname = \"{name}\"\nram = \"64MiB\"\nquotas = {{ rings = 2048 }}\n"
        )
    };
    let guilty = "[[domain]]\nid = 3\nname = \"guilty\"\nram = \"1MiB\"\n\
                  quotas = { sessions = 3 }\n";
    let small = open_system(&[(4, "bystander")]) + guilty;
    Argod::start(&(small + &large(1, "client") + &large(2, "server")))
}

fn domain(argod: &Argod, name: &str) -> Domain {
    Domain::attach(argod.socket(name)).unwrap()
}

fn server() -> Address {
    Address::new(DomainId::new(2).unwrap(), PORT)
}

fn listening() -> ListenOptions {
    ListenOptions::port(PORT).stream(SMALL)
}

fn connect(domain: &Domain) -> Stream {
    Stream::connect_blocking_with(domain, server(), &SMALL).unwrap()
}

fn accept(listener: &StreamListener) -> Stream {
    listener.accept_blocking(Some(PATIENCE)).unwrap().0
}

#[test]
fn a_thousand_at_once_and_ten_thousand_after_another() {
    let argod = start();
    // What is allocated once only shall not count.
    let descriptors = argod.descriptors();
    ["client", "server"].iter().for_each(|name| drop(argod.attach(name)));
    wait_until("the first sessions are gone", || argod.descriptors() <= descriptors);
    let idle = argod.footprint();
    let (near, far) = (domain(&argod, "client"), domain(&argod, "server"));
    let listener = StreamListener::bind_blocking(&far, listening().memory(usize::MAX)).unwrap();
    let one = |number: usize| {
        let (client, server) = (connect(&near), accept(&listener));
        client.blocking_for(PATIENCE).write_all(&number.to_le_bytes()).unwrap();
        (client, server)
    };
    let finish = |number: usize, (client, server): (Stream, Stream)| {
        drop(client);
        let mut read = Vec::new();
        server.blocking_for(PATIENCE).read_to_end(&mut read).unwrap();
        assert_eq!(read, number.to_le_bytes());
    };
    let at_once: Vec<_> = (0..1000).map(one).collect();
    let rings = |name| argod.domain(name).rings.len();
    assert!(rings("client") > 100 && rings("server") > 100);
    at_once.into_iter().enumerate().for_each(|(number, ends)| finish(number, ends));
    for number in 0..10_000 {
        finish(number, one(number));
    }
    drop((listener, near, far));
    argod.settles_at(idle);
}

#[test]
fn a_process_killed_in_the_middle_is_a_reset_for_its_peer_only() {
    let argod = start();
    let (far, bystander) = (domain(&argod, "server"), domain(&argod, "bystander"));
    let listener = StreamListener::bind_blocking(&far, listening()).unwrap();
    let mut writer = Hostile::spawn("writer", &argod.socket("client"));
    let server = accept(&listener);
    let (calm, calm_server) = (connect(&bystander), accept(&listener));
    let mut reading = server.blocking_for(PATIENCE);
    let mut buffer = [0; 10_000];
    reading.read_exact(&mut buffer).unwrap();
    writer.kill();
    let error = loop {
        match reading.read(&mut buffer) {
            Ok(some) => assert!(some > 0, "a death is no orderly end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");

    calm.blocking_for(PATIENCE).write_all(b"calm").unwrap();
    drop(calm);
    let mut read = Vec::new();
    calm_server.blocking_for(PATIENCE).read_to_end(&mut read).unwrap();
    assert_eq!(read, b"calm");
}

#[test]
fn when_argod_is_killed_everybody_learns_it() {
    let argod = start();
    let (near, far) = (domain(&argod, "client"), domain(&argod, "server"));
    let listener = StreamListener::bind_blocking(&far, listening()).unwrap();
    let (client, server) = (connect(&near), accept(&listener));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| server.blocking_for(PATIENCE).read(&mut [0; 8]));
        let acceptor = scope.spawn(|| listener.accept_blocking(Some(PATIENCE)));
        let writer = scope.spawn(|| {
            let mut writing = client.blocking_for(PATIENCE);
            loop {
                if let Err(error) = writing.write_all(&[0; 4096]).and_then(|()| writing.flush()) {
                    return error;
                }
            }
        });
        argod.signal("KILL");
        let broken = |error: std::io::Error| assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        // It may have got some of what was written before.
        if let Err(error) = reader.join().unwrap() {
            broken(error);
        }
        broken(writer.join().unwrap());
        broken(acceptor.join().unwrap().unwrap_err().into());
    });
    // What had come is read first.
    let mut rest = Vec::new();
    let error = server.blocking_for(PATIENCE).read_to_end(&mut rest).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

#[test]
fn garbage_and_floods_of_one_domain_are_its_own_affair() {
    let argod = start();
    let (near, far) = (domain(&argod, "client"), domain(&argod, "server"));
    let listener = StreamListener::bind_blocking(&far, listening()).unwrap();
    let mut attackers =
        ["syn", "rst", "garbage"].map(|role| Hostile::spawn(role, &argod.socket("guilty")));
    attackers.iter_mut().for_each(|attacker| attacker.reaches(0, 1));
    let before = status_field(std::process::id(), "RssAnon");
    for number in 0..200u32 {
        let client = connect(&near);
        client.blocking_for(PATIENCE).write_all(&number.to_le_bytes()).unwrap();
        let server = loop {
            let (stream, from) = listener.accept_blocking(Some(PATIENCE)).unwrap();
            if from.domain == near.id() {
                break stream;
            }
        };
        let mut bytes = [0; 4];
        server.blocking_for(PATIENCE).read_exact(&mut bytes).unwrap();
        assert_eq!(u32::from_le_bytes(bytes), number);
    }
    let grown = status_field(std::process::id(), "RssAnon").saturating_sub(before);
    assert!(grown < 32 << 10, "this process grew by {grown} KiB");
    for attacker in &mut attackers {
        assert!(attacker.process.try_wait().unwrap().is_none(), "an attacker gave up");
        assert!(attacker.diary.word(1) > 0, "an attacker reached nobody");
    }
}

#[test]
fn half_close_reaches_the_other_process() {
    let argod = start();
    let far = domain(&argod, "server");
    let listener = StreamListener::bind_blocking(&far, listening()).unwrap();
    let _child = Hostile::spawn("asker", &argod.socket("client"));
    let server = accept(&listener);
    let mut question = Vec::new();
    server.blocking_for(PATIENCE).read_to_end(&mut question).unwrap();
    assert_eq!(question, b"what?");
    server.blocking_for(PATIENCE).write_all(b"that").unwrap();
    futures::executor::block_on(server.shutdown(Shutdown::Write)).unwrap();
    let again = accept(&listener);
    let mut answer = Vec::new();
    again.blocking_for(PATIENCE).read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"that", "the child sends back what it heard");
}

/// What a child process does, forever, until it is killed.
#[test]
fn hostile_child() {
    let Some((role, socket, diary)) = part() else { return };
    let domain = Domain::attach(socket).unwrap();
    match role.as_str() {
        "writer" => write_for_ever(&domain),
        "asker" => ask(&domain),
        "syn" => flood(&domain, &diary, |rng| head(wire::Flags::SYN.bits(), rng)),
        "rst" => flood(&domain, &diary, |rng| head(wire::Flags::RST.bits(), rng)),
        _ => flood(&domain, &diary, |rng| {
            let len = rng.below(64);
            rng.bytes(len)
        }),
    }
}

fn write_for_ever(domain: &Domain) {
    let stream = connect(domain);
    let mut writing = stream.blocking();
    while writing.write_all(&[1; 5000]).is_ok() {}
}

fn ask(domain: &Domain) {
    let stream = connect(domain);
    stream.blocking().write_all(b"what?").unwrap();
    futures::executor::block_on(stream.shutdown(Shutdown::Write)).unwrap();
    let mut answer = Vec::new();
    stream.blocking().read_to_end(&mut answer).unwrap();
    let back = connect(domain);
    back.blocking().write_all(&answer).unwrap();
    drop((back, stream));
    wait_for_death();
}

fn head(flags: u32, rng: &mut Rng) -> Vec<u8> {
    [flags.to_le_bytes(), (rng.number() as u32).to_le_bytes()].concat()
}

fn flood(domain: &Domain, diary: &Diary, message: impl Fn(&mut Rng) -> Vec<u8>) {
    let socket =
        Datagram::bind_blocking(domain, BindOptions::any_port().message_type(wire::STREAM))
            .unwrap();
    let mut rng = Rng::from_seed(7);
    let mut sent = 0;
    diary.set(0, 1);
    loop {
        let bytes = message(&mut rng);
        if socket.blocking_for(Duration::from_millis(50)).send_to(&bytes, server()).is_ok() {
            sent += 1;
            diary.set(1, sent);
        }
        while socket.try_recv(&mut [0; 64]).is_ok() {}
    }
}

//! Packets of two processes to the sockets of their domains: a greeting, then requests for grants,
//! event channels and the store. Each request gets one answer with its tag; a packet that is none ends
//! that connection; and when both have hung up, argod has nothing of theirs any more.
#![no_main]

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use argo_core::host::services::{EVENT_TAG, PACKET_MAX, SERVICES_MAGIC, SERVICES_VERSION};
use argod_fuzz::daemon::Argod;
use libfuzzer_sys::fuzz_target;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, connect, recv, send, socket,
};
use serde_json::Value;

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const PACKETS_MAX: usize = 24;

#[derive(Arbitrary, Debug)]
struct Input<'b> {
    /// What is said instead of a sound greeting, by the second.
    hello: Option<[u32; 4]>,
    packets: Vec<(bool, Packet<'b>)>,
}

#[derive(Arbitrary, Debug)]
enum Packet<'b> {
    Request { op: u8, words: Vec<Word> },
    Store { kind: u8, transaction: u8, payload: &'b [u8] },
    Raw(&'b [u8]),
}

/// Mostly small numbers, as those that argod gives out are.
#[derive(Arbitrary, Debug)]
enum Word {
    Small(u8),
    Reference(u8, u8),
    None,
    Any(u32),
}

fuzz_target!(|input: Input| {
    let argod = Argod::running();
    let mut ends = ["one.sock", "two.sock"].map(|name| Process::connect(argod, name));
    ends[0].greet(&[SERVICES_MAGIC, SERVICES_VERSION, 0, 0]);
    ends[1].greet(&input.hello.unwrap_or([SERVICES_MAGIC, SERVICES_VERSION, 0, 0]));
    for (tag, (second, packet)) in (1..).zip(input.packets.iter().take(PACKETS_MAX)) {
        ends[usize::from(*second)].say(&packet.bytes(tag));
    }
    drop(ends);
    wait_until_nothing_is_left(argod);
});

struct Process {
    socket: OwnedFd,
    /// Whether argod serves it as far as we know.
    is_served: bool,
}

impl Process {
    fn connect(argod: &Argod, name: &str) -> Self {
        let connected = || {
            let socket = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None)?;
            connect(&socket, &SocketAddrUnix::new(argod.socket(name))?)?;
            Ok::<_, rustix::io::Errno>(socket)
        };
        let socket = connected().unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { socket, is_served: true }
    }

    fn greet(&mut self, words: &[u32; 4]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let _ = send(&self.socket, &bytes, SendFlags::NOSIGNAL);
        let welcome = self.hear();
        let is_sound = *words == [SERVICES_MAGIC, SERVICES_VERSION, 0, 0];
        assert!(!is_sound || welcome.is_some());
        self.is_served = is_sound;
    }

    /// Says something and hears the answer to it.
    fn say(&mut self, packet: &[u8]) {
        if !self.is_served || packet.is_empty() {
            return;
        }
        assert!(send(&self.socket, packet, SendFlags::NOSIGNAL).is_ok(), "argod hung up");
        let tag = word(packet, 4).filter(|tag| packet.len() <= PACKET_MAX && *tag != EVENT_TAG);
        loop {
            let Some(answer) = self.hear() else {
                assert_eq!(tag, None, "no answer");
                self.is_served = false;
                return;
            };
            let answered = word(&answer, 0);
            assert!(answered == tag || answered == Some(EVENT_TAG), "{answered:?} to {tag:?}");
            if answered == tag {
                return;
            }
        }
    }

    /// The next packet; `None`: argod has hung up.
    fn hear(&self) -> Option<Vec<u8>> {
        let mut ready = [PollFd::new(&self.socket, PollFlags::IN)];
        let timeout = Timespec::try_from(PATIENCE).ok();
        assert_ne!(poll(&mut ready, timeout.as_ref()), Ok(0), "argod says nothing");
        let mut bytes = vec![0; PACKET_MAX + 1];
        let (_, len) = recv(&self.socket, &mut bytes[..], RecvFlags::empty()).ok()?;
        bytes.truncate(len);
        (len > 0).then_some(bytes)
    }
}

impl Packet<'_> {
    fn bytes(&self, tag: u32) -> Vec<u8> {
        let head = |op: u32| [op.to_le_bytes(), tag.to_le_bytes()].concat();
        match self {
            Packet::Request { op, words } => {
                let words = words.iter().flat_map(|word| word.number().to_le_bytes());
                head(u32::from(op % 11)).into_iter().chain(words).collect()
            }
            Packet::Store { kind, transaction, payload } => {
                let len = payload.len() as u32;
                let header = [u32::from(kind % 24), tag, u32::from(transaction % 3), len];
                let header = header.iter().flat_map(|word| word.to_le_bytes());
                head(8).into_iter().chain(header).chain(payload.iter().copied()).collect()
            }
            Packet::Raw(bytes) => bytes.to_vec(),
        }
    }
}

impl Word {
    fn number(&self) -> u32 {
        match *self {
            Word::Small(number) => number.into(),
            Word::Reference(share, page) => u32::from(share % 4) * 1024 + u32::from(page % 8),
            Word::None => u32::MAX,
            Word::Any(number) => number,
        }
    }
}

fn wait_until_nothing_is_left(argod: &Argod) {
    let mut administrator = argod.administrator();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let stat = administrator.stat();
        let used: Vec<String> = stat["domains"]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|domain| domain["services"].as_object())
            .flatten()
            .filter(|(key, _)| !["requests", "refused", "store_nodes"].contains(&key.as_str()))
            .filter(|(_, count)| **count != Value::from(0))
            .map(|(key, count)| format!("{key}: {count}"))
            .collect();
        if used.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "left behind: {used:?}");
    }
}

fn word(packet: &[u8], at: usize) -> Option<u32> {
    packet.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

//! Two well-behaved domains that talk by datagrams, and what they notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use argo_core::{DomainId, Port};
use argo_guest::datagram::{BindOptions, Datagram, RecvError};
use argo_guest::{Address, Domain};

use crate::common::bystanders::message;
use crate::common::{Argod, PATIENCE};
use crate::scene::{ATTACKERS, LEFT, OPEN_PORT, PAIR_PORT, RIGHT};

/// Between two looks whether it is over.
const LOOK: Duration = Duration::from_millis(50);

/// `left` and `right`, asking and answering all the time; each message has to be the right one, from
/// the right domain. `left` also reads what anybody sends to its open port.
pub struct Bystanders {
    /// That nobody asks any more, then that nobody answers.
    stops: [Arc<AtomicBool>; 2],
    trips: Arc<AtomicU64>,
    /// Microseconds of the longest since it was last asked for.
    slowest: Arc<AtomicU64>,
    floods: Arc<AtomicU64>,
    asker: JoinHandle<()>,
    listeners: [JoinHandle<()>; 2],
}

/// What went through in a while.
pub struct Progress {
    pub trips: u64,
    pub per_second: f64,
    pub slowest: Duration,
}

impl Bystanders {
    pub fn start(argod: &Argod) -> Self {
        let [left, right] =
            ["left", "right"].map(|name| Domain::attach(argod.socket(name)).unwrap());
        let [asking, open] = [PAIR_PORT, OPEN_PORT].map(|port| bind(&left, port));
        let answering = bind(&right, PAIR_PORT);
        let (stops, counters): ([Arc<AtomicBool>; 2], [Arc<AtomicU64>; 3]) = Default::default();
        let [trips, slowest, floods] = counters.clone();
        let [ask_stop, answer_stop] = stops.clone();
        let open_stop = answer_stop.clone();
        let asker = std::thread::spawn(move || ask(&asking, &ask_stop, &trips, &slowest));
        let listeners = [
            std::thread::spawn(move || answer(&answering, &answer_stop)),
            std::thread::spawn(move || swallow(&open, &open_stop, &floods)),
        ];
        let [trips, slowest, floods] = counters;
        Self { stops, trips, slowest, floods, asker, listeners }
    }

    /// Lets them go on while this is done.
    pub fn during(&self, what: impl FnOnce()) -> Progress {
        let (begun, before) = (Instant::now(), self.trips());
        self.slowest.store(0, Ordering::Relaxed);
        what();
        let mut threads = self.listeners.iter().chain([&self.asker]);
        assert!(!threads.any(JoinHandle::is_finished), "a bystander failed");
        let trips = self.trips() - before;
        let per_second = trips as f64 / begun.elapsed().as_secs_f64();
        let slowest = Duration::from_micros(self.slowest.load(Ordering::Relaxed));
        Progress { trips, per_second, slowest }
    }

    /// Questions that were answered.
    pub fn trips(&self) -> u64 {
        self.trips.load(Ordering::Relaxed)
    }

    /// Messages of attackers that were allowed and read.
    pub fn floods(&self) -> u64 {
        self.floods.load(Ordering::Relaxed)
    }

    /// Ends them; fails if one of them had to.
    pub fn finish(self) {
        let [ask_stop, answer_stop] = self.stops;
        ask_stop.store(true, Ordering::Relaxed);
        self.asker.join().unwrap();
        answer_stop.store(true, Ordering::Relaxed);
        self.listeners.into_iter().for_each(|listener| listener.join().unwrap());
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { trips, per_second, slowest } = self;
        write!(f, "{trips} round trips, {per_second:.0}/s, the slowest {slowest:.1?}")
    }
}

fn bind(domain: &Domain, port: u32) -> Datagram {
    Datagram::bind_blocking(domain, BindOptions::port(Port(port))).unwrap()
}

fn at(domain: u16) -> Address {
    Address::new(DomainId::new(domain).unwrap(), Port(PAIR_PORT))
}

fn ask(socket: &Datagram, stop: &AtomicBool, trips: &AtomicU64, slowest: &AtomicU64) {
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let begun = Instant::now();
        socket.blocking_for(PATIENCE).send_to(&message(LEFT, number), at(RIGHT)).unwrap();
        let (answer, source) = socket.blocking_for(PATIENCE).recv_bytes().unwrap();
        assert_eq!(source, at(RIGHT));
        assert!(answer == message(RIGHT, number), "answer {number} is wrong");
        slowest.fetch_max(begun.elapsed().as_micros() as u64, Ordering::Relaxed);
        trips.fetch_add(1, Ordering::Relaxed);
    }
}

fn answer(socket: &Datagram, stop: &AtomicBool) {
    for number in 0.. {
        let Some((question, source)) = next(socket, stop) else { return };
        assert_eq!(source, at(LEFT));
        assert!(question == message(LEFT, number), "question {number} is wrong");
        socket.blocking_for(PATIENCE).send_to(&message(RIGHT, number), source).unwrap();
    }
}

/// Whatever comes to the open port: it comes from those who may send there.
fn swallow(socket: &Datagram, stop: &AtomicBool, floods: &AtomicU64) {
    while let Some((_, source)) = next(socket, stop) {
        assert!(ATTACKERS.iter().any(|(id, ..)| *id == source.domain.raw()), "{source}");
        floods.fetch_add(1, Ordering::Relaxed);
    }
}

/// The next message; `None`: it is over.
fn next(socket: &Datagram, stop: &AtomicBool) -> Option<(Vec<u8>, Address)> {
    while !stop.load(Ordering::Relaxed) {
        match socket.blocking_for(LOOK).recv_bytes() {
            Ok((message, source)) => return Some((message.to_vec(), source)),
            Err(RecvError::TimedOut { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    None
}

//! What argod uses up, and for whom.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use argod::admin::{DomainStat, ServicesStat};

use crate::common::{Argod, PATIENCE};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// What interrupts a session while its interrupts are slow, there for as long as it lives: on a busy machine
/// a bystander may get one.
const KICKER: &str = "argod-kicker";

/// What has to be as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footprint {
    pub descriptors: usize,
    /// How many files of memory, and their bytes.
    pub memfds: (usize, u64),
    /// How many threads of each name.
    pub threads: BTreeMap<String, usize>,
    pub domains: Vec<Held>,
}

/// What a domain uses up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    name: String,
    active: bool,
    sessions: usize,
    sessions_held: usize,
    rings: usize,
    ring_bytes: u64,
    waiting: u32,
    services: ServicesStat,
}

/// Memory in KiB: argod's own, and with what it shares with guests.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub private: u64,
    pub resident: u64,
}

impl Footprint {
    /// What is used up while nobody comes and goes.
    pub fn of_quiet(argod: &Argod) -> Self {
        let begun = Instant::now();
        loop {
            let [first, second] = [(); 2].map(|()| Self::of(argod));
            if first == second {
                return first;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not settle: {first:#?}\n{second:#?}");
        }
    }

    fn of(argod: &Argod) -> Self {
        // argod is still closing the connection of the question before.
        std::thread::sleep(PAUSE);
        let (descriptors, memfds, threads) = (argod.descriptors(), memfds(argod), threads(argod));
        let domains = argod.stat().domains.iter().map(Held::by).collect();
        Self { descriptors, memfds, threads, domains }
    }

    /// Waits until argod uses up what it did then, and no more; how long that took.
    pub fn comes_back(&self, argod: &Argod) -> Duration {
        let begun = Instant::now();
        loop {
            let now = Self::of(argod);
            if now == *self && kickers(argod) <= self.sessions() {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < PATIENCE, "before: {self:#?}\nafter: {now:#?}");
        }
    }

    fn sessions(&self) -> usize {
        self.domains.iter().map(|domain| domain.sessions).sum()
    }
}

impl Held {
    fn by(domain: &DomainStat) -> Self {
        Self {
            name: domain.name.clone(),
            active: domain.active,
            sessions: domain.sessions.len(),
            sessions_held: domain.sessions_held,
            rings: domain.rings_total,
            ring_bytes: domain.ring_bytes,
            waiting: domain.waiting,
            // Not used up: how often it asked.
            services: ServicesStat { requests: 0, refused: 0, ..domain.services },
        }
    }
}

impl Memory {
    pub fn of(argod: &Argod) -> Self {
        Self { private: argod.private_kib(), resident: argod.resident_kib() }
    }

    /// Waits until argod's memory is what it was then, and at most that much more; what it is.
    pub fn comes_back(self, argod: &Argod, slack: u64) -> Self {
        let begun = Instant::now();
        loop {
            let now = Self::of(argod);
            let grown = |now: u64, before: u64| now > before + slack;
            if !grown(now.private, self.private) && !grown(now.resident, self.resident) {
                println!("memory in KiB before: {self:?}, after: {now:?}");
                return now;
            }
            assert!(begun.elapsed() < PATIENCE, "before: {self:?}, after: {now:?}");
            std::thread::sleep(PAUSE);
        }
    }
}

/// All but those that interrupt one session.
fn threads(argod: &Argod) -> BTreeMap<String, usize> {
    let mut threads = BTreeMap::new();
    for (_, name) in argod.threads().into_iter().filter(|(_, name)| name != KICKER) {
        *threads.entry(name).or_default() += 1;
    }
    threads
}

fn kickers(argod: &Argod) -> usize {
    argod.threads().iter().filter(|(_, name)| name == KICKER).count()
}

/// Nothing, if they cannot be seen: nobody but root sees into argod.
fn memfds(argod: &Argod) -> (usize, u64) {
    let folder = format!("/proc/{}/fd", argod.process.id());
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_memfd = |entry: &std::fs::DirEntry| {
        let target = std::fs::read_link(entry.path()).unwrap_or_default();
        target.to_string_lossy().starts_with("/memfd:")
    };
    let sizes = entries.filter(is_memfd).filter_map(|entry| std::fs::metadata(entry.path()).ok());
    sizes.fold((0, 0), |(count, bytes), file| (count + 1, bytes + file.len()))
}

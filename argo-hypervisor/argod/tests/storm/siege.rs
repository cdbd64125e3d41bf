//! The attackers as processes, killed at random moments and started anew.

use std::time::{Duration, Instant};

use argod_hostile::attacker::{DEEDS, Deed, ROLE, Tally};

use crate::common::Argod;
use crate::common::child::Hostile;
use crate::common::rng::Rng;
use crate::scene::{ATTACKERS, command};

/// Everything that attackers did.
#[derive(Clone, Debug, Default)]
pub struct Deeds {
    pub kills: u64,
    counts: [u64; DEEDS.len()],
}

/// Attackers that live at the moment.
pub struct Siege<'a> {
    argod: &'a Argod,
    rng: Rng,
    alive: Vec<Attacker>,
    done: Deeds,
}

struct Attacker {
    name: &'static str,
    user: u32,
    child: Hostile,
    dies: Instant,
}

impl Siege<'_> {
    /// Attacks until then; all attackers are dead when this returns.
    pub fn until(argod: &Argod, end: Instant, rng: Rng) -> Deeds {
        let mut siege = Siege { argod, rng, alive: Vec::new(), done: Deeds::default() };
        for (_, name, user) in ATTACKERS {
            siege.begin(name, user);
        }
        while let Some(next) = siege.first_to_die().filter(|next| siege.alive[*next].dies < end) {
            siege.kill_when_due(next);
            let Attacker { name, user, .. } = siege.alive.swap_remove(next);
            siege.begin(name, user);
        }
        siege.alive.iter_mut().for_each(|attacker| attacker.dies = end);
        (0..siege.alive.len()).for_each(|which| siege.kill_when_due(which));
        siege.done
    }

    fn begin(&mut self, name: &'static str, user: u32) {
        let mut command = command(self.argod, user);
        command.env("ARGO_SEED", (self.rng.number() >> 1).to_string());
        let child = Hostile::spawn_as(ROLE, &self.argod.socket(name), command);
        let dies = Instant::now() + Duration::from_micros(self.life() as u64);
        self.alive.push(Attacker { name, user, child, dies });
    }

    /// Microseconds: some die while they start, most when they are at it.
    fn life(&mut self) -> usize {
        let longest = self.rng.one_of(&[30_000, 200_000, 1_500_000, 1_500_000]);
        self.rng.below(longest)
    }

    fn first_to_die(&self) -> Option<usize> {
        (0..self.alive.len()).min_by_key(|which| self.alive[*which].dies)
    }

    /// No attacker ends by itself.
    fn kill_when_due(&mut self, which: usize) {
        let Attacker { child, dies, name, .. } = &mut self.alive[which];
        std::thread::sleep(dies.saturating_duration_since(Instant::now()));
        let ended = child.process.try_wait().unwrap();
        assert!(ended.is_none(), "{name} ended by itself: {ended:?}");
        child.kill();
        self.done.kills += 1;
        let counts = Tally::read(&child.diary);
        self.done.counts.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
}

impl Deeds {
    pub fn of(&self, deed: Deed) -> u64 {
        self.counts[deed as usize]
    }

    /// Whether there was a storm at all: each deed was done.
    pub fn are_complete(&self) -> bool {
        self.counts.iter().all(|count| *count > 0)
    }
}

impl std::ops::AddAssign<&Self> for Deeds {
    fn add_assign(&mut self, other: &Self) {
        self.kills += other.kills;
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, count)| *sum += count);
    }
}

impl std::fmt::Display for Deeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} kills", self.kills)?;
        DEEDS.iter().try_for_each(|deed| write!(f, ", {} {deed:?}", self.of(*deed)))
    }
}

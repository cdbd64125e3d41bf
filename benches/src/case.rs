//! A case: contestants that take turns, and the ratios of what they measured.

use std::fmt;

use crate::usage::Usage;

/// Anything that can go wrong while measuring.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long and how strictly to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds that have to count.
    pub rounds: usize,
    /// Rounds that are tried for each that counts, at most.
    pub tries: usize,
    /// Processor time of others (the machine's host included) that a contestant's part of a round
    /// may contain, as a share of its length.
    pub strangers: f64,
    /// How much of its usual work a contestant does in a round: 1.0, or less to be quick.
    pub effort: f64,
}

/// Ours or a peer.
pub trait Contestant {
    /// What it is called in tables, plots and JSON.
    fn name(&self) -> &'static str;

    /// Does its work once and returns what it measured: one number for each of the case's figures.
    ///
    /// # Errors
    /// It broke, or it moved something wrong.
    fn run(&mut self, plan: &Plan) -> Result<Vec<f64>, Failure>;
}

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Messages a second.
    MessagesPerSecond,
    /// Bytes a second.
    BytesPerSecond,
    /// Nanoseconds.
    Nanoseconds,
    /// Bytes.
    Bytes,
    /// A ratio of two figures of one contestant, as p99/p50.
    Times,
}

impl fmt::Display for Unit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::MessagesPerSecond => "messages/s",
            Self::BytesPerSecond => "bytes/s",
            Self::Nanoseconds => "ns",
            Self::Bytes => "bytes",
            Self::Times => "times",
        })
    }
}

/// What each contestant measures, in the order of its numbers.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Its name, such as `p50`.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
}

/// A ratio between two contestants.
#[derive(Clone, Copy, Debug)]
pub struct RatioOf {
    /// Its name; a target of that name (see [`targets`](crate::targets)) is to be reached.
    pub name: &'static str,
    /// The figure, by its place.
    pub figure: usize,
    /// The contestant above the line, by its place.
    pub of: usize,
    /// The contestant below the line.
    pub to: usize,
}

/// Contestants that do the same.
pub struct Case {
    /// What they do.
    pub title: String,
    /// What is measured.
    pub figures: Vec<Figure>,
    /// They take turns in this order.
    pub contestants: Vec<Box<dyn Contestant>>,
    /// What is made of it.
    pub ratios: Vec<RatioOf>,
    /// Processes beside this one whose processor time is the case's own.
    pub own: Vec<u32>,
}

/// What a case found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What they did.
    pub title: String,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// Names of the contestants.
    pub contestants: Vec<&'static str>,
    /// By contestant, round and figure.
    pub samples: Vec<Vec<Vec<f64>>>,
    /// What was made of it.
    pub ratios: Vec<RatioOf>,
    /// Rounds that were thrown away.
    pub disturbed: usize,
}

impl Case {
    /// Runs rounds until enough count or too many were disturbed.
    ///
    /// # Errors
    /// A contestant's.
    pub fn measure(mut self, plan: &Plan) -> Result<Outcome, Failure> {
        let mut samples = vec![Vec::new(); self.contestants.len()];
        let mut disturbed = 0;
        for _ in 0..plan.rounds * plan.tries {
            if samples.first().is_none_or(|rounds| rounds.len() == plan.rounds) {
                break;
            }
            match self.round(plan)? {
                Some(round) => samples.iter_mut().zip(round).for_each(|(all, one)| all.push(one)),
                None => disturbed += 1,
            }
        }
        let Self { title, figures, contestants, ratios, .. } = self;
        let contestants = contestants.iter().map(|contestant| contestant.name()).collect();
        Ok(Outcome { title, figures, contestants, samples, ratios, disturbed })
    }

    /// Everybody's turn. `None`: strangers took too much of the machine in one of them.
    fn round(&mut self, plan: &Plan) -> Result<Option<Vec<Vec<f64>>>, Failure> {
        let mut round = Vec::new();
        for contestant in &mut self.contestants {
            let before = Usage::now(&self.own)?;
            let sample = contestant.run(plan)?;
            if Usage::now(&self.own)?.strangers_since(&before) > plan.strangers {
                return Ok(None);
            }
            round.push(sample);
        }
        Ok(Some(round))
    }
}

impl Outcome {
    /// What this ratio was in each round that counts.
    pub fn ratio(&self, ratio: &RatioOf) -> Vec<f64> {
        let values = |contestant: usize| {
            let rounds = self.samples.get(contestant).into_iter().flatten();
            rounds.filter_map(|figures| figures.get(ratio.figure).copied()).collect::<Vec<_>>()
        };
        values(ratio.of).iter().zip(values(ratio.to)).map(|(of, to)| of / to).collect()
    }
}

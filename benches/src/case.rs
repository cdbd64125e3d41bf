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
    /// Instructions of the processor.
    Instructions,
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
            Self::Instructions => "instructions",
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

/// A ratio between two contestants, or a figure that is a result by itself.
#[derive(Clone, Copy, Debug)]
pub struct RatioOf {
    /// Its name; a target of that name (see [`targets`](crate::targets)) is to be reached.
    pub name: &'static str,
    /// The figure, by its place.
    pub figure: usize,
    /// The contestant above the line, by its place.
    pub of: usize,
    /// The contestant below the line; the same as above it: nothing is below, the figure itself is
    /// the result.
    pub to: usize,
}

impl RatioOf {
    /// Whether it is a figure by itself.
    pub fn is_figure(&self) -> bool {
        self.of == self.to
    }
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
    /// Rounds that count.
    pub fn rounds(&self) -> usize {
        self.samples.first().map_or(0, Vec::len)
    }

    /// What a contestant measured of a figure in each round that counts.
    pub fn values(&self, contestant: usize, figure: usize) -> Vec<f64> {
        let rounds = self.samples.get(contestant).into_iter().flatten();
        rounds.filter_map(|figures| figures.get(figure).copied()).collect()
    }

    /// What this ratio was in each round that counts.
    pub fn ratio(&self, ratio: &RatioOf) -> Vec<f64> {
        let of = self.values(ratio.of, ratio.figure);
        match ratio.is_figure() {
            true => of,
            false => {
                let to = self.values(ratio.to, ratio.figure);
                of.iter().zip(to).map(|(of, to)| of / to).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Measures what it is given, round by round.
    struct Told(&'static str, Vec<Vec<f64>>);

    impl Contestant for Told {
        fn name(&self) -> &'static str {
            self.0
        }

        fn run(&mut self, _plan: &Plan) -> Result<Vec<f64>, Failure> {
            Ok(self.1.remove(0))
        }
    }

    fn case() -> Case {
        let figure = |name| Figure { name, unit: Unit::Nanoseconds };
        Case {
            title: "told".into(),
            figures: vec![figure("p50"), figure("p99")],
            contestants: vec![
                Box::new(Told("ours", vec![vec![6.0, 30.0], vec![8.0, 40.0]])),
                Box::new(Told("peer", vec![vec![3.0, 10.0], vec![2.0, 10.0]])),
            ],
            ratios: vec![],
            own: vec![],
        }
    }

    fn plan(strangers: f64) -> Plan {
        Plan { rounds: 2, tries: 1, strangers, effort: 1.0 }
    }

    #[test]
    fn a_ratio_is_of_the_same_round_and_figure() {
        let outcome = case().measure(&plan(f64::INFINITY)).unwrap();
        let ratio = |figure, of, to| outcome.ratio(&RatioOf { name: "", figure, of, to });
        assert_eq!((outcome.rounds(), outcome.disturbed), (2, 0));
        assert_eq!(ratio(0, 0, 1), [2.0, 4.0]);
        assert_eq!(ratio(1, 0, 1), [3.0, 4.0]);
        assert_eq!(ratio(1, 1, 0), [10.0 / 30.0, 10.0 / 40.0]);
        assert_eq!(ratio(1, 0, 0), [30.0, 40.0]);
    }

    #[test]
    fn disturbed_rounds_are_counted_and_have_no_values() {
        // Nothing is as quiet as this.
        let outcome = case().measure(&plan(-1.0)).unwrap();
        assert_eq!((outcome.rounds(), outcome.disturbed), (0, 2));
        assert!(outcome.ratio(&RatioOf { name: "", figure: 0, of: 0, to: 1 }).is_empty());
    }
}

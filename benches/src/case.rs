//! A case: contestants that take turns, and the ratios of what they measured.

use std::fmt;
use std::time::Instant;

use crate::usage::{Taken, Usage};

/// Anything that can go wrong while measuring.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long and how strictly to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds that have to count.
    pub rounds: usize,
    /// Rounds that are tried for each that has to count, at most.
    pub tries: usize,
    /// Processor time of others that a contestant's turn may contain, as a share of all
    /// processors' time; and of the machine's host, beyond the contestant's best turn.
    pub strangers: f64,
    /// How much of its usual work a contestant does in a round: 1.0, or less to be quick.
    pub effort: f64,
    /// No round is begun after this.
    pub until: Option<Instant>,
}

impl Plan {
    /// Whether no round is begun any more.
    pub fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }
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
    /// Runs rounds until enough count, too many were disturbed, or the time is over.
    ///
    /// # Errors
    /// A contestant's.
    pub fn measure(mut self, plan: &Plan) -> Result<Outcome, Failure> {
        let (mut rounds, mut counting) = (Vec::new(), Vec::new());
        let tries = plan.rounds * plan.tries;
        while counting.len() < plan.rounds && rounds.len() < tries && !plan.is_over() {
            rounds.push(self.round(plan)?);
            counting = undisturbed(&rounds, plan.strangers);
        }
        let of = |contestant: usize| {
            counting.iter().map(|round| round[contestant].figures.clone()).collect()
        };
        let samples = (0..self.contestants.len()).map(of).collect();
        let disturbed = rounds.len() - counting.len();
        let Self { title, figures, contestants, ratios, .. } = self;
        let contestants = contestants.iter().map(|contestant| contestant.name()).collect();
        Ok(Outcome { title, figures, contestants, samples, ratios, disturbed })
    }

    /// Everybody's turn.
    fn round(&mut self, plan: &Plan) -> Result<Vec<Turn>, Failure> {
        let turn = |contestant: &mut Box<dyn Contestant>| {
            let before = Usage::now(&self.own)?;
            let figures = contestant.run(plan)?;
            Ok(Turn { figures, taken: Usage::now(&self.own)?.taken_since(&before) })
        };
        self.contestants.iter_mut().map(turn).collect()
    }
}

/// A contestant's turn in a round.
struct Turn {
    figures: Vec<f64>,
    taken: Taken,
}

/// The rounds in no turn of which strangers took more than this share of the machine, nor its host
/// more by this share than in the contestant's best turn.
fn undisturbed(rounds: &[Vec<Turn>], share: f64) -> Vec<&Vec<Turn>> {
    let least = |contestant: usize| {
        rounds.iter().map(|round| round[contestant].taken.stolen).fold(f64::INFINITY, f64::min)
    };
    let quiet = |(contestant, turn): (usize, &Turn)| {
        let stolen = turn.taken.stolen - least(contestant);
        turn.taken.strangers <= share && stolen <= share
    };
    rounds.iter().filter(|round| round.iter().enumerate().all(quiet)).collect()
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
        Plan { rounds: 2, tries: 1, strangers, effort: 1.0, until: None }
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
    fn no_round_begins_when_the_time_is_over() {
        let over = Plan { until: Some(Instant::now()), ..plan(f64::INFINITY) };
        let outcome = case().measure(&over).unwrap();
        assert_eq!((outcome.rounds(), outcome.disturbed), (0, 0));
    }

    #[test]
    fn disturbed_rounds_are_counted_and_have_no_values() {
        // Nothing is as quiet as this.
        let outcome = case().measure(&plan(-1.0)).unwrap();
        assert_eq!((outcome.rounds(), outcome.disturbed), (0, 2));
        assert!(outcome.ratio(&RatioOf { name: "", figure: 0, of: 0, to: 1 }).is_empty());
    }

    #[test]
    fn a_round_is_disturbed_by_strangers_and_by_more_theft_than_the_contestant_always_suffers() {
        let turn = |strangers, stolen| Turn { figures: vec![], taken: Taken { strangers, stolen } };
        let rounds = [
            vec![turn(0.0, 0.40), turn(0.0, 0.0)],
            vec![turn(0.0, 0.45), turn(0.05, 0.08)],
            vec![turn(0.0, 0.40), turn(0.0, 0.2)],
            vec![turn(0.2, 0.40), turn(0.0, 0.0)],
        ];
        let found = undisturbed(&rounds, 0.1);
        assert_eq!(found.len(), 2);
        assert!(std::ptr::eq(found[0], &rounds[0]) && std::ptr::eq(found[1], &rounds[1]));
    }
}

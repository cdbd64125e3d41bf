//! What is made of the outcomes.
//!
//! | module | what |
//! |---|---|
//! | [`text`] | for a reader |
//! | [`json`] | for a program |
//! | [`plot`] | a picture a case |
//! | [`readme`] | the table of the README |
//! | [`guard`] | whether a ratio fell since it was last written down |
//! | [`machine`] | where it was measured |
//! | [`quantity`] | numbers with their units |

pub mod guard;
pub mod json;
pub mod machine;
pub mod plot;
pub mod quantity;
pub mod readme;
pub mod text;

use crate::case::{Outcome, RatioOf};
use crate::spread::Spread;
use crate::targets::{self, Target};

/// Everything that a run found.
#[derive(Default)]
pub struct Report {
    /// Of the cases that ran.
    pub outcomes: Vec<Outcome>,
    /// Groups that could not run.
    pub skipped: Vec<Skipped>,
    /// The rows of targets that were wanted, whether they were measured or not.
    pub rows: Vec<u32>,
}

/// A group that could not run.
pub struct Skipped {
    /// Its name.
    pub group: &'static str,
    /// What is missing.
    pub reason: String,
}

/// A ratio, measured or not.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'r> {
    /// Its name.
    pub name: &'static str,
    /// What is to be reached.
    pub target: Option<Target>,
    /// Over the rounds that count; no numbers if there are none.
    pub spread: Spread,
    /// Where it was measured.
    pub source: Option<(&'r Outcome, RatioOf)>,
}

impl Finding<'_> {
    /// Whether it is as good as it has to be, if that was said.
    pub fn is_reached(&self) -> Option<bool> {
        self.target.map(|target| target.is_reached_by(self.spread.median))
    }
}

impl Report {
    /// All ratios of the cases, then the targets of the wanted rows that no case had.
    pub fn findings(&self) -> Vec<Finding<'_>> {
        let mut findings: Vec<_> = self.outcomes.iter().flat_map(of_outcome).collect();
        for target in targets::all().filter(|target| self.rows.contains(&target.row)) {
            if !findings.iter().any(|finding| finding.name == target.name) {
                let spread = Spread::of(&[]);
                let (name, target) = (target.name, Some(target));
                findings.push(Finding { name, target, spread, source: None });
            }
        }
        findings
    }

    /// Those with a target, by row.
    pub fn targeted(&self) -> Vec<(Finding<'_>, Target)> {
        let findings = self.findings().into_iter();
        let mut targeted: Vec<_> =
            findings.filter_map(|finding| Some((finding, finding.target?))).collect();
        targeted.sort_by_key(|(_, target)| target.row);
        targeted
    }
}

fn of_outcome(outcome: &Outcome) -> impl Iterator<Item = Finding<'_>> {
    outcome.ratios.iter().map(move |ratio| Finding {
        name: ratio.name,
        target: targets::of(ratio.name),
        spread: Spread::of(&outcome.ratio(ratio)),
        source: Some((outcome, *ratio)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Figure, Unit};

    /// Argod against Unix and relay, with these rates in each round.
    pub fn outcome(argod: &[f64], unix: &[f64]) -> Outcome {
        let rounds = |rates: &[f64]| rates.iter().map(|rate| vec![*rate]).collect();
        let ratio = |name, to| RatioOf { name, figure: 0, of: 0, to };
        Outcome {
            title: "datagrams of 64 bytes".into(),
            figures: vec![Figure { name: "rate", unit: Unit::MessagesPerSecond }],
            contestants: vec!["argod", "Unix stream"],
            samples: vec![rounds(argod), rounds(unix)],
            ratios: vec![ratio("argod_vs_unix_64", 1), ratio("argod_vs_pipe_64", 1)],
            disturbed: 1,
        }
    }

    pub fn report(argod: &[f64], unix: &[f64]) -> Report {
        Report { outcomes: vec![outcome(argod, unix)], rows: vec![5], ..Report::default() }
    }

    #[test]
    fn what_was_wanted_and_not_measured_is_no_number() {
        let report = report(&[4.0, 6.0, 9.0], &[2.0, 2.0, 2.0]);
        let targeted = report.targeted();
        let names: Vec<_> = targeted.iter().map(|(finding, _)| finding.name).collect();
        assert_eq!(names, ["argod_vs_unix_64", "argod_vs_relay_64"]);
        let (unix, relay) = (targeted[0].0, targeted[1].0);
        assert_eq!((unix.spread.median, unix.is_reached()), (3.0, Some(true)));
        assert!(relay.spread.median.is_nan());
        assert_eq!(relay.is_reached(), Some(false));
    }

    #[test]
    fn a_ratio_without_target_is_neither_reached_nor_missed() {
        let report = report(&[1.0], &[2.0]);
        assert_eq!(report.findings().len(), 3);
        assert_eq!(report.findings()[1].is_reached(), None);
    }
}

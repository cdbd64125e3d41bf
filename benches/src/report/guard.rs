//! Whether a ratio fell since it was last written down: `guard.tsv`, a name and a ratio a line.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::quantity;
use super::{Finding, Report};
use crate::targets::{Direction, Target};

/// A ratio may be worse by this share of what it was: what is measured twice differs.
const TOLERANCE: f64 = 0.25;
/// What one round says alone may be chance.
const ROUNDS_MIN: usize = 2;
const HEADER: &str = "name\tratio";

/// Ratios as they were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guard(BTreeMap<String, f64>);

/// A ratio that fell.
#[derive(Clone, Debug, PartialEq)]
pub struct Fall {
    /// Its name.
    pub name: &'static str,
    /// What it was.
    pub kept: f64,
    /// What it is, in its best round.
    pub now: f64,
}

impl fmt::Display for Fall {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [kept, now] = [self.kept, self.now].map(quantity::ratio);
        write!(out, "{} was {kept} and is {now} at best", self.name)
    }
}

/// A ratio of which too few rounds count to say whether it fell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Open {
    /// Its name.
    pub name: &'static str,
    /// What it was.
    pub kept: f64,
    /// Rounds that count.
    pub rounds: usize,
}

impl fmt::Display for Open {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, rounds, .. } = self;
        let kept = quantity::ratio(self.kept);
        write!(out, "{name} was {kept}; {rounds} of at least {ROUNDS_MIN} rounds count")
    }
}

/// A line that is no name and number.
#[derive(Debug, thiserror::Error)]
#[error("line {number}: {line:?} is no name and ratio")]
pub struct BadLine {
    number: usize,
    line: String,
}

impl Guard {
    /// From the text of the file.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, BadLine> {
        let entry = |(index, line): (usize, &str)| {
            let parsed = line.split_once('\t').and_then(|(name, ratio)| {
                Some((name.to_owned(), ratio.parse().ok().filter(|ratio: &f64| ratio.is_finite())?))
            });
            parsed.ok_or_else(|| BadLine { number: index + 1, line: line.to_owned() })
        };
        text.lines().enumerate().skip(1).map(entry).collect::<Result<_, _>>().map(Self)
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for (name, ratio) in &self.0 {
            let _ = writeln!(text, "{name}\t{}", quantity::ratio(*ratio));
        }
        text
    }

    /// Takes over what was measured, and keeps the rest.
    pub fn renew(&mut self, report: &Report) {
        let measured = guarded(report).map(|(finding, _)| (finding.name, finding.spread.median));
        self.0.extend(measured.map(|(name, ratio)| (name.to_owned(), ratio)));
    }

    /// Those of which even the best round is worse by more than the tolerance: single rounds differ
    /// by more on a shared machine, and what really fell fell in all of them. What is
    /// [open](Self::open) did not fall.
    pub fn falls(&self, report: &Report) -> Vec<Fall> {
        let fall = |(finding, target): (Finding<'_>, Target)| {
            let kept = *self.0.get(finding.name)?;
            if rounds(&finding) < ROUNDS_MIN {
                return None;
            }
            let (now, worse) = match target.direction {
                Direction::AtLeast => {
                    let best = finding.spread.max;
                    (best, best < kept * (1.0 - TOLERANCE))
                }
                Direction::AtMost => {
                    let best = finding.spread.min;
                    (best, best > kept * (1.0 + TOLERANCE))
                }
            };
            worse.then_some(Fall { name: finding.name, kept, now })
        };
        guarded(report).filter_map(fall).collect()
    }

    /// Those that were wanted, and were not measured often enough to be judged.
    pub fn open(&self, report: &Report) -> Vec<Open> {
        let open = |(finding, _): (Finding<'_>, Target)| {
            let (name, rounds) = (finding.name, rounds(&finding));
            let kept = *self.0.get(name)?;
            (rounds < ROUNDS_MIN).then_some(Open { name, kept, rounds })
        };
        report.targeted().into_iter().filter_map(open).collect()
    }
}

/// Rounds that count.
fn rounds(finding: &Finding<'_>) -> usize {
    finding.source.map_or(0, |(outcome, _)| outcome.rounds())
}

/// What was measured against a peer. A figure by itself is not guarded: it has no peer that would
/// have been disturbed as well.
fn guarded(report: &Report) -> impl Iterator<Item = (Finding<'_>, Target)> {
    let against_peer = |(finding, _): &(Finding<'_>, Target)| {
        finding.source.is_some_and(|(_, ratio)| !ratio.is_figure())
    };
    let findings = report.targeted().into_iter().filter(against_peer);
    findings.filter(|(finding, _)| finding.spread.median.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{outcome, report};

    #[test]
    fn a_fall_is_more_than_a_quarter_in_the_direction_of_the_target() {
        let guard =
            Guard::parse("name\tratio\nargod_vs_unix_64\t2.0\nargod_vs_pipe_64\t9\n").unwrap();
        assert_eq!(guard.falls(&report(&[1.5; 2], &[1.0; 2])), []);
        let falls = guard.falls(&report(&[1.3, 1.49], &[1.0; 2]));
        assert_eq!(falls, [Fall { name: "argod_vs_unix_64", kept: 2.0, now: 1.49 }]);
        assert_eq!(falls[0].to_string(), "argod_vs_unix_64 was 2.00 and is 1.49 at best");
        assert_eq!(guard.falls(&report(&[0.1, 1.5], &[1.0, 1.0])), [], "one round was as before");
    }

    #[test]
    fn what_too_few_rounds_were_measured_of_is_open_and_did_not_fall() {
        let guard = Guard::parse("name\tratio\nargod_vs_unix_64\t2.0\n").unwrap();
        for rounds in [0, 1] {
            let report = report(&vec![0.1; rounds], &vec![1.0; rounds]);
            assert_eq!(guard.falls(&report), []);
            assert_eq!(guard.open(&report), [Open { name: "argod_vs_unix_64", kept: 2.0, rounds }]);
        }
        let not_run = Report { rows: vec![5], ..Report::default() };
        let open = guard.open(&not_run);
        assert_eq!(open[0].to_string(), "argod_vs_unix_64 was 2.00; 0 of at least 2 rounds count");
        assert_eq!(guard.open(&Report::default()), [], "nobody wanted it");
        assert_eq!(guard.open(&report(&[0.1; 2], &[1.0; 2])), []);
    }

    #[test]
    fn less_is_better_where_the_target_is_a_most() {
        let guard = Guard::parse("name\tratio\nargod_rtt_vs_unix_64\t1\n").unwrap();
        let measured = |ratio: f64| {
            let mut outcome = outcome(&[ratio; 2], &[1.0; 2]);
            outcome.ratios[0].name = "argod_rtt_vs_unix_64";
            Report { outcomes: vec![outcome], ..Report::default() }
        };
        assert_eq!(guard.falls(&measured(0.1)), []);
        assert_eq!(guard.falls(&measured(1.25)), []);
        assert_eq!(guard.falls(&measured(1.26)).len(), 1);
    }

    #[test]
    fn renewing_keeps_what_was_not_measured_and_writes_what_parses() {
        let mut guard = Guard::parse("name\tratio\nargod_rtt_vs_unix_64\t1.1\n").unwrap();
        guard.renew(&report(&[3.0], &[2.0]));
        let text = guard.text();
        assert_eq!(text, "name\tratio\nargod_rtt_vs_unix_64\t1.10\nargod_vs_unix_64\t1.50\n");
        assert_eq!(Guard::parse(&text).unwrap(), guard);
        guard.renew(&report(&[], &[]));
        assert_eq!(guard.text(), text);
    }

    #[test]
    fn a_line_that_is_none_is_said_with_its_number() {
        for line in ["argod_vs_unix_64 2.0", "argod_vs_unix_64\tnan", "a\tb"] {
            let error = Guard::parse(&format!("name\tratio\n{line}\n")).unwrap_err();
            assert!(error.to_string().starts_with("line 2: "), "{error}");
        }
    }
}

//! Whether a ratio fell since it was last written down: `guard.tsv`, a name and a ratio a line.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::quantity;
use super::{Finding, Report};
use crate::targets::{Direction, Target};

/// A ratio may be worse by this share of what it was: what is measured twice differs.
const TOLERANCE: f64 = 0.25;
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
    /// by more on a shared machine, and what really fell fell in all of them. What was not measured
    /// did not fall.
    pub fn falls(&self, report: &Report) -> Vec<Fall> {
        let fall = |(finding, target): (Finding<'_>, Target)| {
            let kept = *self.0.get(finding.name)?;
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
        assert_eq!(guard.falls(&report(&[1.5], &[1.0])), []);
        let falls = guard.falls(&report(&[1.49], &[1.0]));
        assert_eq!(falls, [Fall { name: "argod_vs_unix_64", kept: 2.0, now: 1.49 }]);
        assert_eq!(falls[0].to_string(), "argod_vs_unix_64 was 2.00 and is 1.49 at best");
        assert_eq!(guard.falls(&report(&[], &[])), [], "it was not measured");
        assert_eq!(guard.falls(&report(&[0.1, 1.5], &[1.0, 1.0])), [], "one round was as before");
    }

    #[test]
    fn less_is_better_where_the_target_is_a_most() {
        let guard = Guard::parse("name\tratio\nargod_rtt_vs_unix_64\t1\n").unwrap();
        let measured = |ratio: f64| {
            let mut outcome = outcome(&[ratio], &[1.0]);
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

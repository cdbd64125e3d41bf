//! For a reader, and lines for a script.

use std::fmt::Write;

use super::{Finding, Report, quantity};
use crate::case::{Outcome, Unit};
use crate::spread::Spread;

/// A case: each contestant's figures, the ratios, the rounds.
pub fn case(outcome: &Outcome) -> String {
    let mut text = String::new();
    let (rounds, disturbed) = (outcome.rounds(), outcome.disturbed);
    let _ = writeln!(text, "{}: rounds {rounds}, disturbed {disturbed}", outcome.title);
    if rounds == 0 {
        return text;
    }
    for (place, name) in outcome.contestants.iter().enumerate() {
        let _ = write!(text, "  {name:<28}");
        for (figure, told) in outcome.figures.iter().enumerate() {
            let spread = Spread::of(&outcome.values(place, figure));
            let median = quantity::show(spread.median, told.unit);
            let range = quantity::range(&spread, told.unit);
            let _ = write!(text, "  {} {median} ({range})", told.name);
        }
        text.push('\n');
    }
    for ratio in &outcome.ratios {
        let spread = Spread::of(&outcome.ratio(ratio));
        let median = quantity::ratio(spread.median);
        let range = quantity::range(&spread, Unit::Times);
        let _ = writeln!(text, "  {:<28}  {median} ({range})", ratio.name);
    }
    text
}

/// `ratio ROW NAME VALUE TARGET` of each ratio with a target, by row.
pub fn ratios(report: &Report) -> String {
    let mut text = String::new();
    for (Finding { name, spread, .. }, target) in report.targeted() {
        let value = quantity::ratio(spread.median);
        let _ = writeln!(text, "ratio {} {name} {value} {}", target.row, target.bound);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{outcome, report};

    #[test]
    fn a_case_has_its_contestants_ratios_and_rounds() {
        let text = case(&outcome(&[4e6, 6e6, 9e6], &[2e6, 2e6, 2e6]));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "datagrams of 64 bytes: rounds 3, disturbed 1");
        assert!(lines[1].ends_with("rate 6.00 M/s (4.00 M/s to 9.00 M/s)"), "{text}");
        assert!(lines[3].ends_with("3.00 (2.00 to 4.50)"), "{text}");
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn a_case_without_rounds_is_one_line() {
        assert_eq!(case(&outcome(&[], &[])).lines().count(), 1);
    }

    #[test]
    fn only_ratios_with_a_target_are_lines() {
        let lines = ratios(&report(&[3.0], &[2.0]));
        assert_eq!(lines, "ratio 5 argod_vs_unix_64 1.50 2\nratio 5 argod_vs_relay_64 nan 5\n");
    }
}

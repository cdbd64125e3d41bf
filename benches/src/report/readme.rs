//! The table of the README, between two comments.

use std::fmt::Write;

use super::machine::Machine;
use super::{Finding, Report, quantity};
use crate::case::{Outcome, RatioOf, Unit};
use crate::spread::Spread;
use crate::targets::{Direction, Target};

/// The line before the table.
pub const BEGIN: &str = "<!-- compare: begin (written by `compare --readme`) -->";
/// The line after it.
pub const END: &str = "<!-- compare: end -->";

/// A file without a place for the table.
#[derive(Debug, thiserror::Error)]
#[error("no place for the table: it is written between a line {BEGIN:?} and a later one {END:?}")]
pub struct NoPlace;

/// The same text with the table of this report in its place.
///
/// # Errors
/// There is none.
pub fn rewrite(text: &str, report: &Report, machine: &Machine) -> Result<String, NoPlace> {
    let (before, rest) = text.split_once(BEGIN).ok_or(NoPlace)?;
    let (_, after) = rest.split_once(END).ok_or(NoPlace)?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", table(report, machine)))
}

fn table(report: &Report, machine: &Machine) -> String {
    let mut text = String::from(
        "| row | what | ours | the peer's | ratio (spread) | target | |\n|---|---|---|---|---|---|---|\n",
    );
    for (finding, target) in report.targeted() {
        let _ = writeln!(text, "{}", line(&finding, &target));
    }
    let _ = write!(text, "\nMedians of rounds in turn on {machine}.");
    text
}

fn line(finding: &Finding<'_>, target: &Target) -> String {
    let (what, ours, peers) = match &finding.source {
        Some((outcome, ratio)) => sides(outcome, ratio),
        None => (format!("`{}`", finding.name), String::new(), String::new()),
    };
    let Spread { median, min, max } = finding.spread;
    let ratio = match median.is_nan() {
        true => "not measured".to_owned(),
        false => {
            let [median, min, max] = [median, min, max].map(quantity::ratio);
            format!("{median} ({min} to {max})")
        }
    };
    let sign = match target.direction {
        Direction::AtLeast => "≥",
        Direction::AtMost => "≤",
    };
    let reached = match median {
        _ if median.is_nan() => "",
        _ if target.is_reached_by(median) => "reached",
        _ => "not reached",
    };
    let (row, bound) = (target.row, target.bound);
    format!("| {row} | {what} | {ours} | {peers} | {ratio} | {sign} {bound} | {reached} |")
}

/// What is compared, with the two medians.
fn sides(outcome: &Outcome, ratio: &RatioOf) -> (String, String, String) {
    let figure = outcome.figures.get(ratio.figure);
    let name = |place: usize| outcome.contestants.get(place).copied().unwrap_or_default();
    let median = |place: usize| {
        let median = Spread::of(&outcome.values(place, ratio.figure)).median;
        match median.is_nan() {
            true => String::new(),
            false => quantity::show(median, figure.map_or(Unit::Times, |figure| figure.unit)),
        }
    };
    let of_figure = match (figure, outcome.figures.len()) {
        (Some(figure), 2..) => format!(", {}", figure.name),
        _ => String::new(),
    };
    let (what, ours) =
        (format!("{}{of_figure}: {}", outcome.title, name(ratio.of)), median(ratio.of));
    match ratio.is_figure() {
        true => (what, ours, String::new()),
        false => (format!("{what} / {}", name(ratio.to)), ours, median(ratio.to)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    fn machine() -> Machine {
        let (cpu, kernel) = ("a processor".to_owned(), "6.18".to_owned());
        Machine { cpu, cores: 2, kernel, date: "2026-11-22".into() }
    }

    #[test]
    fn only_what_is_between_the_comments_is_written_anew() {
        let old = format!("# Speed\n\n{BEGIN}\nold\n{END}\n\nMore.\n");
        let report = report(&[4e6, 6e6, 9e6], &[2e6, 2e6, 2e6]);
        let new = rewrite(&old, &report, &machine()).unwrap();
        assert!(new.starts_with(&format!("# Speed\n\n{BEGIN}\n| row |")), "{new}");
        assert!(new.ends_with(&format!("{END}\n\nMore.\n")), "{new}");
        assert!(!new.contains("old"));
        let line = "| 5 | datagrams of 64 bytes: argod / Unix stream | 6.00 M/s | 2.00 M/s | \
                    3.00 (2.00 to 4.50) | ≥ 2 | reached |\n";
        assert!(new.contains(line), "{new}");
        let missing = "| 5 | `argod_vs_relay_64` |  |  | not measured | ≥ 5 |  |\n";
        assert!(new.contains(missing), "{new}");
        assert!(new.contains("a processor, 2 cores, Linux 6.18, 2026-11-22"));
        assert_eq!(rewrite(&new, &report, &machine()).unwrap(), new);
    }

    #[test]
    fn a_text_without_place_is_refused() {
        for text in [String::new(), BEGIN.to_owned(), format!("{END}\n{BEGIN}")] {
            assert!(rewrite(&text, &report(&[], &[]), &machine()).is_err());
        }
    }
}

//! For a program: every sample, and what is made of them. What is no number is null.

use serde::Serialize;

use super::machine::Machine;
use super::{Finding, Report};
use crate::case::Outcome;
use crate::spread::Spread;
use crate::targets::Direction;

#[derive(Serialize)]
struct Document<'r> {
    machine: &'r Machine,
    cases: Vec<Case<'r>>,
    ratios: Vec<Ratio>,
    skipped: Vec<Skipped<'r>>,
}

#[derive(Serialize)]
struct Case<'r> {
    title: &'r str,
    figures: Vec<Figure>,
    contestants: Vec<Contestant<'r>>,
    rounds: usize,
    disturbed: usize,
}

#[derive(Serialize)]
struct Figure {
    name: &'static str,
    unit: String,
}

#[derive(Serialize)]
struct Contestant<'r> {
    name: &'static str,
    /// By figure.
    spreads: Vec<Spread>,
    /// By round and figure.
    samples: &'r [Vec<f64>],
}

#[derive(Serialize)]
struct Ratio {
    name: &'static str,
    #[serde(flatten)]
    spread: Spread,
    #[serde(flatten)]
    target: Option<Target>,
}

#[derive(Serialize)]
struct Target {
    row: u32,
    direction: &'static str,
    target: f64,
    reached: bool,
}

#[derive(Serialize)]
struct Skipped<'r> {
    group: &'static str,
    reason: &'r str,
}

/// The whole report.
///
/// # Errors
/// None that this data can cause.
pub fn document(report: &Report, machine: &Machine) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Document {
        machine,
        cases: report.outcomes.iter().map(case).collect(),
        ratios: report.findings().iter().map(ratio).collect(),
        skipped: report.skipped.iter().map(skipped).collect(),
    })
}

fn case(outcome: &Outcome) -> Case<'_> {
    let figures = outcome.figures.iter();
    let spreads = |place| {
        let spread = |figure| Spread::of(&outcome.values(place, figure));
        (0..outcome.figures.len()).map(spread).collect()
    };
    let contestants = outcome.contestants.iter().zip(&outcome.samples).enumerate();
    Case {
        title: &outcome.title,
        figures: figures
            .map(|figure| Figure { name: figure.name, unit: figure.unit.to_string() })
            .collect(),
        contestants: contestants
            .map(|(place, (name, samples))| Contestant { name, spreads: spreads(place), samples })
            .collect(),
        rounds: outcome.rounds(),
        disturbed: outcome.disturbed,
    }
}

fn skipped(group: &super::Skipped) -> Skipped<'_> {
    Skipped { group: group.group, reason: &group.reason }
}

fn ratio(finding: &Finding<'_>) -> Ratio {
    let reached = finding.is_reached().unwrap_or(false);
    let target = finding.target.map(|target| Target {
        row: target.row,
        direction: match target.direction {
            Direction::AtLeast => ">=",
            Direction::AtMost => "<=",
        },
        target: target.bound,
        reached,
    });
    Ratio { name: finding.name, spread: finding.spread, target }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn the_document_has_samples_ratios_and_what_is_missing() {
        let mut report = report(&[3.0, 4.0], &[2.0, 2.0]);
        let (group, reason) = ("vchans", "no compiler".to_owned());
        report.skipped.push(crate::report::Skipped { group, reason });
        let text = document(&report, &Machine::here().unwrap()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let case = &json["cases"][0];
        assert_eq!(case["contestants"][0]["samples"], serde_json::json!([[3.0], [4.0]]));
        assert_eq!(case["contestants"][0]["spreads"][0]["median"], 3.5);
        assert_eq!(case["figures"][0]["unit"], "messages/s");
        let ratio = &json["ratios"][0];
        assert_eq!((&ratio["median"], &ratio["reached"]), (&1.75.into(), &false.into()));
        assert_eq!((&ratio["target"], &ratio["direction"]), (&2.0.into(), &">=".into()));
        assert!(json["ratios"][1].get("target").is_none());
        assert!(json["ratios"][2]["median"].is_null());
        assert_eq!(json["skipped"][0]["reason"], "no compiler");
        assert!(json["machine"]["cores"].as_u64().is_some_and(|cores| cores > 0));
    }
}

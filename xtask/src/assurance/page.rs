//! The parts of docs/assurance.md that are written by machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::claims::{Check, Claim, Claims};
use super::report::{Report, Verdict};

const HEAD: &str =
    "| id | claim | threat | mechanism | checks | result |\n|---|---|---|---|---|---|\n";

/// A run of everything.
pub struct Run<'r> {
    pub verdicts: &'r [(&'r Claim, Verdict)],
    pub report: &'r Report,
    pub took: Duration,
    pub effort: Option<&'r str>,
    /// Of what, and on what machine.
    pub place: String,
}

/// Why the page cannot be filled.
#[derive(Debug, thiserror::Error)]
pub enum BadPage {
    #[error("has no lines `{}` and `{}`", begin(.0), end(.0))]
    NoPlace(&'static str),
}

/// The page with its tables as this run makes them.
pub fn filled(page: &str, claims: &Claims, run: &Run<'_>) -> Result<String, BadPage> {
    let results = run.verdicts.iter().map(|(claim, verdict)| (claim.id.as_str(), verdict.word()));
    let page = with_part(page, "claims", &tables(claims, &results.collect()))?;
    let page = with_part(&page, "unchecked", &unchecked(claims))?;
    with_part(&page, "run", &what_was_run(run))
}

/// A table a section, with the result of each claim by its id.
pub fn tables(claims: &Claims, results: &BTreeMap<&str, &str>) -> String {
    let mut text = String::new();
    for section in &claims.sections {
        let _ = write!(text, "### {}\n\n{HEAD}", section.title);
        for claim in &section.claims {
            let Claim { id, claim: said, threat, mechanism, .. } = claim;
            let result = results.get(id.as_str()).unwrap_or(&"not run");
            let checks = checks(claim);
            let _ = writeln!(
                text,
                "| `{id}` | {said} | {threat} | {mechanism} | {checks} | {result} |"
            );
        }
        text.push('\n');
    }
    text
}

/// What no check shows, claim by claim.
pub fn unchecked(claims: &Claims) -> String {
    let mut text = String::new();
    for claim in claims.iter() {
        if let Some(why) = &claim.unchecked {
            let _ = writeln!(text, "- `{}`: {why}", claim.id);
        }
    }
    text
}

/// What stands before, between and after the two lines.
pub fn split<'p>(page: &'p str, name: &'static str) -> Result<[&'p str; 3], BadPage> {
    let missing = || BadPage::NoPlace(name);
    let (before, rest) = page.split_once(&begin(name)).ok_or_else(missing)?;
    let (part, after) = rest.split_once(&end(name)).ok_or_else(missing)?;
    Ok([before, part, after])
}

fn with_part(page: &str, name: &'static str, text: &str) -> Result<String, BadPage> {
    let [before, _, after] = split(page, name)?;
    let (begin, end) = (begin(name), end(name));
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim()))
}

/// Tests of one target stand together: `suite/target::{one, other}`.
fn checks(claim: &Claim) -> String {
    let mut targets: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for check in &claim.checks {
        match check {
            Check::Tool(_) => {
                targets.entry(check.to_string()).or_default();
            }
            Check::Test { suite, target, test } => {
                targets.entry(format!("{suite}/{target}")).or_default().push(test);
            }
        }
    }
    if targets.is_empty() {
        return "none".into();
    }
    let shown = targets.into_iter().map(|(target, tests)| match tests.as_slice() {
        [] => format!("`{target}`"),
        [one] => format!("`{target}::{one}`"),
        more => format!("`{target}::{{{}}}`", more.join(", ")),
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn what_was_run(run: &Run<'_>) -> String {
    let effort =
        run.effort.map_or(String::new(), |effort| format!(" with {effort} times the effort"));
    let mut text = format!(
        "{}: {} minutes{effort}, of which builds are a part.\n\n",
        run.place,
        minutes(run.took)
    );
    for (claim, verdict) in run.verdicts.iter().filter(|(claim, _)| !claim.checks.is_empty()) {
        for reason in verdict.reasons() {
            let _ = writeln!(text, "- `{}`, {}: {reason}", claim.id, verdict.word());
        }
    }
    text.push_str("\n| step | minutes |\n|---|---|\n");
    for (step, took) in run.report.took() {
        let _ = writeln!(text, "| {step} | {} |", minutes(*took));
    }
    text.push_str("\n| run | of |\n|---:|---|\n");
    for (count, what) in run.report.ran() {
        let _ = writeln!(text, "| {count} | {what} |");
    }
    text
}

fn minutes(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() / 60.0)
}

fn begin(name: &str) -> String {
    format!("<!-- {name}: written by cargo xtask assurance -->")
}

fn end(name: &str) -> String {
    format!("<!-- {name}: end -->")
}

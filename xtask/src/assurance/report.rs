//! What the steps came to: a verdict for each check, and so for each claim.

use std::collections::BTreeMap;
use std::time::Duration;

use super::claims::{Check, Claim};
use super::execution::{Ending, Execution};
use super::plan::Answers;

/// What was found so far.
#[derive(Default)]
pub struct Report {
    checks: BTreeMap<Check, Verdict>,
    ran: BTreeMap<String, u64>,
    took: Vec<(String, Duration)>,
}

/// What a check, or a claim, came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// With what failed.
    Fail(Vec<String>),
    /// With what was missing.
    NotChecked(Vec<String>),
}

impl Report {
    /// Reads what a step has said.
    pub fn add(&mut self, execution: Execution<'_>) {
        let Execution { step, lines, ending, took } = execution;
        self.took.push((step.name().into(), took));
        for (count, what) in lines.iter().filter_map(|line| ran(line)) {
            *self.ran.entry(what.into()).or_default() += count;
        }
        match &step.answers {
            Answers::Tool(tool) => {
                self.checks.insert(Check::Tool(tool.clone()), of_tool(tool, &lines, ending));
            }
            Answers::Tests { tests, .. } => {
                let said = said(&lines);
                for check in tests {
                    self.checks.insert(check.clone(), of_test(check, &said, ending));
                }
            }
        }
    }

    /// A claim holds if all of its checks pass; one that was not made leaves it unchecked.
    pub fn verdict(&self, claim: &Claim) -> Verdict {
        let (mut failed, mut open) = (Vec::new(), Vec::new());
        for check in &claim.checks {
            match self.checks.get(check) {
                Some(Verdict::Pass) => {}
                Some(Verdict::Fail(reasons)) => failed.extend(reasons.iter().cloned()),
                Some(Verdict::NotChecked(reasons)) => open.extend(reasons.iter().cloned()),
                None => open.push(format!("{check} was left out of this run")),
            }
        }
        if claim.checks.is_empty() {
            open.extend(claim.unchecked.clone());
        }
        match (failed.is_empty(), open.is_empty()) {
            (false, _) => Verdict::Fail(failed),
            (true, false) => Verdict::NotChecked(open),
            (true, true) => Verdict::Pass,
        }
    }

    /// How many of what was run.
    pub fn ran(&self) -> impl Iterator<Item = (u64, &str)> {
        self.ran.iter().map(|(what, count)| (*count, what.as_str()))
    }

    /// How long each step took.
    pub fn took(&self) -> &[(String, Duration)] {
        &self.took
    }
}

impl Verdict {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::NotChecked(_) => "not checked",
        }
    }

    pub fn reasons(&self) -> &[String] {
        match self {
            Self::Pass => &[],
            Self::Fail(reasons) | Self::NotChecked(reasons) => reasons,
        }
    }
}

/// What the test harnesses have said, by target and test.
type Told<'l> = BTreeMap<(&'l str, &'l str), Said>;

/// Of one test.
#[derive(Default)]
struct Said {
    passed: bool,
    failed: bool,
    skipped: Option<String>,
}

/// A target begins with `Running …`; a test's line is `test NAME ... ok`; what it wrote stands below a
/// line `---- NAME stdout ----`.
fn said(lines: &[String]) -> Told<'_> {
    let mut tests = Told::new();
    let (mut target, mut writer) = ("", None);
    for line in lines {
        if let Some(begun) = begun(line) {
            (target, writer) = (begun, None);
        } else if let Some((name, word)) = outcome(line) {
            let said = tests.entry((target, name)).or_default();
            said.passed |= word == "ok";
            said.failed |= word == "FAILED";
        } else if let Some(rest) = line.strip_prefix("---- ") {
            writer = rest.strip_suffix(" stdout ----");
        } else if let (Some(writer), Some(why)) = (writer, line.strip_prefix(effort::SKIPPED)) {
            tests.entry((target, writer)).or_default().skipped = Some(why.into());
        }
    }
    tests
}

/// `Running tests/calls.rs (target/debug/deps/calls-0123456789abcdef)`
fn begun(line: &str) -> Option<&str> {
    let (source, program) = line.trim_start().strip_prefix("Running ")?.split_once(" (")?;
    if source.starts_with("unittests ") {
        return Some("lib");
    }
    let (target, _hash) = program.rsplit('/').next()?.rsplit_once('-')?;
    Some(target)
}

fn outcome(line: &str) -> Option<(&str, &str)> {
    let (name, word) = line.strip_prefix("test ")?.split_once(" ... ")?;
    Some((name.strip_suffix(" - should panic").unwrap_or(name), word))
}

fn of_test(check: &Check, told: &Told<'_>, ending: Ending) -> Verdict {
    let fail = |why: &str| Verdict::Fail(vec![format!("{check}{why}")]);
    let Check::Test { target, test, .. } = check else { return fail("") };
    // A program that ends badly after its last test, and a command that did not get so far.
    let is_sound = ending == Ending::Success || told.values().any(|said| said.failed);
    match told.get(&(target.as_str(), test.as_str())) {
        Some(Said { failed: true, .. }) => fail(""),
        _ if !is_sound => fail(": its suite did not come to a proper end"),
        Some(Said { skipped: Some(why), .. }) => {
            Verdict::NotChecked(vec![format!("{check}: {why}")])
        }
        Some(Said { passed: true, .. }) => Verdict::Pass,
        _ => fail(": there is no such test"),
    }
}

fn of_tool(tool: &str, lines: &[String], ending: Ending) -> Verdict {
    let skipped = lines.iter().find_map(|line| line.strip_prefix(effort::SKIPPED));
    match (ending, skipped) {
        (Ending::Failure, _) => Verdict::Fail(vec![format!("tool:{tool}")]),
        (Ending::OutOfTime, _) => Verdict::Fail(vec![format!("tool:{tool}: did not end in time")]),
        (Ending::Success, Some(why)) => Verdict::NotChecked(vec![format!("tool:{tool}: {why}")]),
        (Ending::Success, None) => Verdict::Pass,
    }
}

/// `checked: COUNT WHAT`
fn ran(line: &str) -> Option<(u64, &str)> {
    let (count, what) = line.strip_prefix(effort::RAN)?.split_once(' ')?;
    Some((count.parse().ok()?, what))
}

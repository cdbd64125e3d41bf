//! Line by line: what guests told on Xen, against what they have to tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::ExitCode;

use super::boot::Boot;
use super::lines::{Said, said};
use super::scenario::{Difference, Machine, Scenario};

/// What a domain tells that counts, in its order: answers and checks, no notes.
pub type Telling = BTreeMap<u32, Vec<String>>;

/// Out of whatever lines. A fault is told, too, so that it is wanted or not.
pub fn telling(lines: &[String]) -> Telling {
    let mut telling = Telling::new();
    for line in lines {
        if let Some((domain, Said::Told(told) | Said::Fault(told))) = said(line) {
            telling.entry(domain).or_default().push(told.into());
        }
    }
    telling
}

#[derive(Default)]
pub struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Tally {
    pub fn skip(&mut self, machine: Machine, scenarios: usize, missing: &str) {
        println!("SKIPPED  {}: {scenarios} scenarios: {missing}", machine.name());
        self.skipped += scenarios;
    }

    /// Something could not even be tried.
    pub fn break_off(&mut self, what: &str, why: impl fmt::Display) {
        self.fail(&format!("{what}: {why}"));
    }

    /// Compares line by line, and says each.
    pub fn judge(&mut self, scenario: &Scenario, wanted: &Telling, boot: &Boot) {
        let before = self.failed;
        if wanted.is_empty() {
            self.fail(&format!("{}: there is nothing to compare with", scenario.name));
        }
        let told = telling(&boot.lines);
        let domains: BTreeSet<u32> = wanted.keys().chain(told.keys()).copied().collect();
        let of = |telling: &Telling, domain| telling.get(&domain).cloned().unwrap_or_default();
        for domain in domains {
            let name = format!("{} d{domain}", scenario.name);
            self.compare_all(&name, &of(wanted, domain), &of(&told, domain), scenario.known);
        }
        self.end(scenario.name, boot);
        if self.failed > before {
            show_end(&boot.lines);
        }
    }

    fn compare_all(
        &mut self,
        name: &str,
        wanted: &[String],
        told: &[String],
        known: &[Difference],
    ) {
        for (index, wanted) in wanted.iter().enumerate() {
            self.compare(name, wanted, told.get(index), known);
        }
        for more in told.iter().skip(wanted.len()) {
            self.fail(&format!("{name}: not expected: {more}"));
        }
    }

    fn compare(&mut self, name: &str, ours: &str, xens: Option<&String>, known: &[Difference]) {
        let difference = known.iter().find(|known| known.ours == ours);
        let wanted = difference.map_or(ours, |known| known.xens);
        let otherwise = if difference.is_some() { " (otherwise here, as known)" } else { "" };
        match xens {
            None => self.fail(&format!("{name}: not told: {wanted}")),
            Some(told) if told != wanted => {
                self.fail(&format!("{name}: {told}\n         and not: {wanted}"));
            }
            // What is wrong here, too, is no better for that.
            Some(told) if told.ends_with(": FAILED") => {
                self.fail(&format!("{name}: {told}, and over our engine, too"));
            }
            Some(told) => self.pass(&format!("{name}: {told}{otherwise}")),
        }
    }

    fn end(&mut self, name: &str, boot: &Boot) {
        let seconds = boot.took.as_secs();
        if boot.starts > 1 {
            println!("note     {name}: QEMU stood still, started {} times", boot.starts);
        }
        match boot.done {
            true => self.pass(&format!("{name}: came to its end after {seconds} s")),
            false => self.fail(&format!("{name}: not done after {seconds} s")),
        }
    }

    pub fn close(&self) -> ExitCode {
        let Self { passed, failed, skipped } = self;
        let nothing = if passed + failed == 0 { "NOTHING WAS CHECKED: " } else { "" };
        println!("\n{nothing}{passed} passed, {failed} failed, {skipped} scenarios skipped");
        if *failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    fn pass(&mut self, what: &str) {
        println!("ok       {what}");
        self.passed += 1;
    }

    fn fail(&mut self, what: &str) {
        println!("FAILED   {what}");
        self.failed += 1;
    }
}

/// The last lines, which mostly say why.
fn show_end(lines: &[String]) {
    const SHOWN: usize = 40;
    for line in lines.iter().skip(lines.len().saturating_sub(SHOWN)) {
        println!("         | {line}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::scenario::Tells;
    use super::*;

    const KNOWN: &[Difference] = &[Difference { ours: "rings: 2", xens: "rings: 1" }];
    const WELL: &[&str] = &["(d1) guest: check: a ring: ok", "(d2) guest: probe: rings: 1"];
    const OURS: &[&str] = &["(d1) guest: check: a ring: ok", "(d2) guest: probe: rings: 2"];

    fn owned(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    /// How many lines passed and failed.
    fn judged(ours: &[&str], xens: &[&str], done: bool) -> (usize, usize) {
        let scenario = Scenario {
            name: "a scenario",
            machine: Machine::Arm64,
            guests: &[],
            xen: "",
            channel: None,
            tells: Tells::Lines(&[]),
            known: KNOWN,
        };
        let boot = Boot { lines: owned(xens), done, took: Duration::ZERO, starts: 1 };
        let mut tally = Tally::default();
        tally.judge(&scenario, &telling(&owned(ours)), &boot);
        (tally.passed, tally.failed)
    }

    #[test]
    fn what_is_told_has_to_be_what_is_wanted() {
        assert_eq!(judged(OURS, WELL, true), (3, 0));
        assert_eq!(judged(OURS, WELL, false), (2, 1));
        assert_eq!(judged(OURS, OURS, true), (2, 1), "a known difference is one");
        assert_eq!(judged(OURS, &WELL[..1], true), (2, 1), "too little");
    }

    #[test]
    fn what_fails_on_both_sides_fails() {
        let failed = &["(d1) guest: check: a ring: FAILED"];
        assert_eq!(judged(failed, failed, true), (1, 1));
    }

    #[test]
    fn what_nobody_wants_fails() {
        for more in [
            "(d1) guest: check: a ring: ok",
            "(d3) guest: check: a ring: ok",
            "(d1) panicked at src/guest.rs:1:1:",
            "(XEN) Domain 2 (vcpu#0) crashed on cpu#0:",
        ] {
            let lines: Vec<&str> = WELL.iter().copied().chain([more]).collect();
            assert_eq!(judged(OURS, &lines, true), (3, 1), "{more}");
        }
    }

    #[test]
    fn nothing_to_compare_with_is_no_success() {
        assert_eq!(judged(&[], &[], true), (1, 1));
        assert_eq!(judged(&["(d1) guest: note: x"], &["(d1) guest: done"], true), (1, 1));
    }
}

//! Line by line: what guests told on Xen, against what they have to tell.

use std::collections::BTreeMap;
use std::process::ExitCode;

use super::boot::Boot;
use super::scenario::{Difference, Machine, Scenario};

/// What a domain tells that counts, in its order: answers and checks, no notes.
pub type Telling = BTreeMap<u32, Vec<String>>;

/// Out of whatever lines. A control domain's have no number before them.
pub fn telling(lines: &[String]) -> Telling {
    let mut telling = Telling::new();
    for line in lines {
        let Some((before, told)) = line.split_once("guest: ") else { continue };
        let counts = ["check: ", "probe: "].iter().find_map(|kind| told.strip_prefix(kind));
        if let Some(told) = counts {
            telling.entry(domain(before)).or_default().push(told.into());
        }
    }
    telling
}

fn domain(before: &str) -> u32 {
    let number = before.trim().strip_prefix("(d").and_then(|rest| rest.strip_suffix(')'));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
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

    /// Compares line by line, and says each.
    pub fn judge(&mut self, scenario: &Scenario, wanted: &Telling, boot: &Boot) {
        let told = telling(&boot.lines);
        let before = self.failed;
        for (domain, wanted) in wanted {
            let nothing = Vec::new();
            let told = told.get(domain).unwrap_or(&nothing);
            for (index, wanted) in wanted.iter().enumerate() {
                let name = format!("{} d{domain}", scenario.name);
                self.compare(&name, wanted, told.get(index), scenario.known);
            }
            for more in told.iter().skip(wanted.len()) {
                self.fail(&format!("{} d{domain}: not expected: {more}", scenario.name));
            }
        }
        let seconds = boot.took.as_secs();
        if boot.starts > 1 {
            println!("note     {}: QEMU stood still, started {} times", scenario.name, boot.starts);
        }
        match boot.done {
            true => self.pass(&format!("{}: came to its end after {seconds} s", scenario.name)),
            false => self.fail(&format!("{}: not done after {seconds} s", scenario.name)),
        }
        if self.failed > before {
            show_end(&boot.lines);
        }
    }

    fn compare(&mut self, name: &str, ours: &str, xens: Option<&String>, known: &[Difference]) {
        let difference = known.iter().find(|known| known.ours == ours);
        let wanted = difference.map_or(ours, |known| known.xens);
        match xens {
            Some(told) if told == wanted => {
                let otherwise =
                    if difference.is_some() { " (otherwise here, as known)" } else { "" };
                self.pass(&format!("{name}: {told}{otherwise}"));
            }
            Some(told) => self.fail(&format!("{name}: {told}\n         and not: {wanted}")),
            None => self.fail(&format!("{name}: not told: {wanted}")),
        }
    }

    pub fn close(&self) -> ExitCode {
        let Self { passed, failed, skipped } = self;
        println!("\n{passed} passed, {failed} failed, {skipped} scenarios skipped");
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
    use super::*;

    #[test]
    fn what_counts_is_told_by_the_guests() {
        let lines = [
            "(XEN) d1v0 argo: vm1 connection refused",
            "(d1) guest: note: nothing",
            "(d1) guest: check: a ring: ok",
            "guest: probe: op 0     -95",
            "(d2) guest: check: a ring: FAILED",
            "(d2) guest: done",
        ];
        let lines = lines.map(str::to_owned);
        let expected = [(0, "op 0     -95"), (1, "a ring: ok"), (2, "a ring: FAILED")];
        let expected = expected.map(|(domain, line)| (domain, vec![line.to_owned()]));
        assert_eq!(telling(&lines), Telling::from(expected));
    }
}

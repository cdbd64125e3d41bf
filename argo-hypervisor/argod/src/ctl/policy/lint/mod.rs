//! `argoctl policy lint`: rules that do not do what their author meant.

mod dead;
mod space;
mod terms;

use std::fmt::Write;
use std::process::ExitCode;

use clap::Args;

use super::source::Source;
use super::{Answer, print};
use crate::config::Place;
use crate::ctl::Failure;
use crate::policy::CompiledPolicy;

/// Find rules that never decide anything, or that other rules keep from having an effect.
///
/// The exit status is 0 if there is nothing to mend (there may be hints), 3 if there is.
#[derive(Args)]
pub(super) struct Lint {
    #[command(flatten)]
    source: Source,
}

/// Something about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) place: Place,
    pub(super) weight: Weight,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It cannot be meant so.
    Warning,
    /// It may be meant so.
    Hint,
}

impl Finding {
    fn warning(place: &Place, text: impl Into<String>) -> Self {
        Self { place: place.clone(), weight: Weight::Warning, text: text.into() }
    }

    fn hint(place: &Place, text: impl Into<String>) -> Self {
        Self { place: place.clone(), weight: Weight::Hint, text: text.into() }
    }
}

impl Lint {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let findings = findings(&self.source.policy()?);
        let has_warnings = findings.iter().any(|finding| finding.weight == Weight::Warning);
        print(&shown(&findings), if has_warnings { Answer::No } else { Answer::Yes })
    }
}

/// All there is to say about a policy: rules about domains in their order, then those about ports,
/// then those about paths.
pub(super) fn findings(policy: &CompiledPolicy) -> Vec<Finding> {
    let hooks = dead::hook_rules(policy).into_iter().flatten();
    let mut findings: Vec<_> = hooks.collect();
    for (rule, dead) in dead::port_rules(policy).into_iter().enumerate() {
        match dead {
            Some(finding) => findings.push(finding),
            None => findings.extend(terms::of_port_rule(policy, rule)),
        }
    }
    findings.extend(dead::store_rules(policy).into_iter().flatten());
    findings
}

fn shown(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { place, weight, text: said } in findings {
        let weight = match weight {
            Weight::Warning => "warning",
            Weight::Hint => "hint",
        };
        // Writing to a String does not fail.
        let _ = writeln!(text, "{place}: {weight}: {said}");
    }
    let warnings = findings.iter().filter(|finding| finding.weight == Weight::Warning).count();
    let hints = findings.len() - warnings;
    let _ = writeln!(text, "{warnings} warning(s), {hints} hint(s)");
    text
}

//! What a trace denies, as a policy of argod.

use std::collections::BTreeSet;
use std::fmt::Write;

use argo_core::policy::Hook as Name;

use super::Hook;
use crate::config::SUBJECTS_MAX;

/// Hook, source and target of all that is denied; the rest is allowed.
#[derive(Default)]
pub(super) struct Denials(BTreeSet<Denial>);

type Denial = (&'static str, u16, Option<u16>);

impl Denials {
    pub(super) fn add(&mut self, hook: Hook) {
        self.0.insert(denial(hook));
    }

    pub(super) fn remove(&mut self, hook: Hook) {
        self.0.remove(&denial(hook));
    }

    /// `[[policy]]` tables for what is denied, and a mode that allows the rest.
    pub(super) fn policy(&self) -> String {
        let denials: Vec<Denial> = self.0.iter().copied().collect();
        let mut policy = "policy_mode = \"all\"\n".to_owned();
        let groups = denials.chunk_by(|a, b| group(a) == group(b));
        for denials in groups.flat_map(|group| group.chunks(SUBJECTS_MAX)) {
            deny(&mut policy, denials);
        }
        policy
    }
}

/// Denials that are alike in this fit one rule.
fn group((hook, src, dst): &Denial) -> (&'static str, Option<u16>) {
    (hook, dst.map(|_| *src))
}

/// One rule for denials of one group.
fn deny(policy: &mut String, denials: &[Denial]) {
    let Some((hook, _, _)) = denials.first() else { return };
    let from = subjects(denials.iter().map(|(_, src, _)| *src));
    let to = subjects(denials.iter().filter_map(|(_, _, dst)| *dst));
    let _ = write!(policy, "[[policy]]\nhook = \"{hook}\"\nfrom = {from}\naction = \"deny\"\n");
    if denials.iter().any(|(_, _, dst)| dst.is_some()) {
        let _ = writeln!(policy, "to = {to}");
    }
}

/// A list of ids as rules write them, each once.
fn subjects(ids: impl Iterator<Item = u16>) -> String {
    let ids: BTreeSet<u16> = ids.collect();
    let ids: Vec<String> = ids.iter().map(|id| format!("\"id:{id}\"")).collect();
    format!("[{}]", ids.join(", "))
}

fn denial(hook: Hook) -> Denial {
    match hook {
        Hook::Enable { src } => (Name::Enable.name(), src, None),
        Hook::RegisterAnySource { src } => (Name::RegisterAnySource.name(), src, None),
        Hook::RegisterSingleSource { src, dst } => {
            (Name::RegisterSingleSource.name(), src, Some(dst))
        }
        Hook::Send { src, dst } => (Name::Send.name(), src, Some(dst)),
    }
}

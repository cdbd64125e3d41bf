//! From rules as written to rules as decided: names become ids, labels numbers, lists pairs.

use std::collections::BTreeMap;

use argo_core::DomainId;
use argo_core::policy::{Hook, Label, LabelSet, Rule, Subject};

use super::directory::Directory;
use crate::config::{self, Rules};

/// Rules and domains in the form that decisions are made of.
pub(super) struct Compiled {
    pub(super) rules: Box<[Rule]>,
    /// For each of them, the place of the written rule that it comes from.
    pub(super) origins: Box<[usize]>,
    /// By id: where the domain stands among the domains.
    slots: Box<[Option<u16>]>,
    /// By slot.
    labels: Box<[LabelSet]>,
}

impl Compiled {
    pub(super) fn new(written: &Rules, directory: &Directory) -> Self {
        let numbers = number_labels(directory);
        let (rules, origins) = expand(written, directory, &numbers);
        let labels = directory.members().map(|(_, labels)| label_set(labels, &numbers)).collect();
        Self { rules, origins, slots: slots(directory), labels }
    }

    /// Where the domain stands among the domains, if it is one.
    pub(super) fn slot(&self, domain: DomainId) -> Option<usize> {
        self.slots.get(usize::from(domain.raw())).copied().flatten().map(usize::from)
    }

    pub(super) fn labels(&self, domain: DomainId) -> LabelSet {
        let labels = self.slot(domain).and_then(|slot| self.labels.get(slot));
        labels.copied().unwrap_or(LabelSet::EMPTY)
    }
}

type Numbers<'d> = BTreeMap<&'d str, Label>;

/// Gives each label a number. A directory has no more labels than there are numbers.
fn number_labels(directory: &Directory) -> Numbers<'_> {
    let names = directory.labels().into_iter().enumerate();
    names.filter_map(|(number, name)| Some((name, Label::new(number)?))).collect()
}

fn label_set(labels: &[String], numbers: &Numbers<'_>) -> LabelSet {
    let numbers = labels.iter().filter_map(|label| numbers.get(label.as_str()));
    numbers.fold(LabelSet::EMPTY, |set, label| set.with(*label))
}

fn slots(directory: &Directory) -> Box<[Option<u16>]> {
    let last = directory.members().map(|(id, _)| usize::from(id.raw())).last();
    let mut slots = vec![None; last.map_or(0, |last| last + 1)];
    for ((id, _), slot) in directory.members().zip(0..) {
        slots[usize::from(id.raw())] = Some(slot);
    }
    slots.into()
}

fn expand(
    written: &Rules,
    directory: &Directory,
    numbers: &Numbers<'_>,
) -> (Box<[Rule]>, Box<[usize]>) {
    let resolve = |subject: &config::Subject| match subject {
        config::Subject::Any => Some(Subject::Any),
        config::Subject::Id(id) => Some(Subject::Domain(*id)),
        config::Subject::Name(name) => directory.id(name).map(Subject::Domain),
        config::Subject::Label(label) => numbers.get(label.as_str()).copied().map(Subject::Label),
    };
    let no_target = [config::Subject::Any];
    let of_one_hook = |origin: usize, rule: &config::Rule, hook: Hook| {
        let to = if hook.has_target() { rule.to.as_slice() } else { &no_target };
        let pairs = rule.from.iter().flat_map(move |from| to.iter().map(move |to| (from, to)));
        let action = rule.action;
        let resolved = pairs.filter_map(|(from, to)| Some((resolve(from)?, resolve(to)?)));
        let rules = resolved.map(|(from, to)| (Rule { hook, from, to, action }, origin));
        rules.collect::<Vec<_>>()
    };
    let rules = written.hooks.iter().enumerate().flat_map(|(origin, rule)| {
        rule.hooks.iter().flat_map(move |hook| of_one_hook(origin, rule, *hook))
    });
    let (rules, origins): (Vec<_>, Vec<_>) = rules.unzip();
    (rules.into(), origins.into())
}

//! From rules as written to rules as decided: names become ids, labels numbers, lists pairs.

use std::collections::BTreeMap;
use std::sync::Arc;

use argo_core::DomainId;
use argo_core::policy::{
    Decision, Hook, Label, LabelSet, PortRange, PortRule, Rings, Rule, StoreRule, Subject,
};

use super::directory::Directory;
use super::port_classes::PortClasses;
use crate::config::{self, Rules};

/// Rules and domains in the form that decisions are made of.
pub(super) struct Compiled {
    pub(super) hooks: List<Rule>,
    pub(super) ports: List<PortRule>,
    pub(super) store: List<StoreRule<Arc<str>>>,
    /// How the rules tell ports apart.
    pub(super) to_ports: PortClasses,
    /// The same for source ports.
    pub(super) from_ports: PortClasses,
    /// By id: where the domain stands among the domains.
    slots: Box<[Option<u16>]>,
    /// By slot.
    labels: Box<[LabelSet]>,
}

/// Rules in order.
pub(super) struct List<R> {
    pub(super) rules: Box<[R]>,
    /// For each of them, the place of the written rule that it comes from.
    origins: Box<[usize]>,
}

impl<R> List<R> {
    fn new<W>(written: &[W], expand: impl Fn(&W) -> Vec<R>) -> Self {
        let expanded = written.iter().map(expand).enumerate();
        let each =
            expanded.flat_map(|(origin, rules)| rules.into_iter().map(move |rule| (rule, origin)));
        let (rules, origins): (Vec<_>, Vec<_>) = each.unzip();
        Self { rules: rules.into(), origins: origins.into() }
    }

    /// The same decision with the place of the written rule.
    pub(super) fn as_written(&self, decision: Decision) -> Decision {
        let rule = decision.rule.and_then(|at| self.origins.get(at).copied());
        Decision { rule, ..decision }
    }
}

impl Compiled {
    pub(super) fn new(written: &Rules, directory: &Directory) -> Self {
        let numbers = number_labels(directory);
        let labels = directory.members().map(|(_, labels)| label_set(labels, &numbers)).collect();
        let resolver = Resolver { directory, numbers: &numbers };
        let hooks = List::new(&written.hooks, |rule| expand_hooks(rule, &resolver));
        let ports = List::new(&written.ports, |rule| expand_ports(rule, &resolver));
        let store = List::new(&written.store, |rule| expand_store(rule, &resolver));
        let to_ports = PortClasses::new(ports.rules.iter().map(|rule| rule.to_port));
        let from_ports = PortClasses::new(ports.rules.iter().filter_map(|rule| rule.from_port));
        Self { hooks, ports, store, to_ports, from_ports, slots: slots(directory), labels }
    }

    /// Where the domain stands among the domains, if it is one.
    #[inline]
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

/// Names and labels as ids and numbers; `None` where no domain is meant.
struct Resolver<'a> {
    directory: &'a Directory,
    numbers: &'a Numbers<'a>,
}

impl Resolver<'_> {
    fn subject(&self, subject: &config::Subject) -> Option<Subject> {
        match subject {
            config::Subject::Any => Some(Subject::Any),
            config::Subject::Id(id) => Some(Subject::Domain(*id)),
            config::Subject::Name(name) => self.directory.id(name).map(Subject::Domain),
            config::Subject::Label(label) => {
                self.numbers.get(label.as_str()).copied().map(Subject::Label)
            }
        }
    }

    fn subjects(&self, subjects: &[config::Subject]) -> Vec<Subject> {
        subjects.iter().filter_map(|subject| self.subject(subject)).collect()
    }
}

fn pairs<A: Copy, B: Clone>(a: &[A], b: &[B]) -> Vec<(A, B)> {
    a.iter().flat_map(|a| b.iter().map(move |b| (*a, b.clone()))).collect()
}

/// A hook's rules, one for each pair of subjects.
fn expand_hooks(rule: &config::Rule, resolver: &Resolver<'_>) -> Vec<Rule> {
    let action = rule.action;
    let of_one_hook = |hook: &Hook| {
        let hook = *hook;
        let to = if hook.has_target() { resolver.subjects(&rule.to) } else { vec![Subject::Any] };
        let pairs = pairs(&resolver.subjects(&rule.from), &to).into_iter();
        pairs.map(move |(from, to)| Rule { hook, from, to, action })
    };
    rule.hooks.iter().flat_map(of_one_hook).collect()
}

/// A rule about ports, one for each pair of subjects and of ports, and with `reply` the way back.
fn expand_ports(rule: &config::PortRule, resolver: &Resolver<'_>) -> Vec<PortRule> {
    let from_ports: Vec<_> = match rule.from_port.as_slice() {
        [] => vec![None],
        ports => ports.iter().copied().map(Some).collect(),
    };
    let subjects = pairs(&resolver.subjects(&rule.from), &resolver.subjects(&rule.to));
    let ports = pairs(&from_ports, &rule.to_port);
    let ways = pairs(&subjects, &ports).into_iter().map(|((from, to), (from_port, to_port))| {
        PortRule { from, from_port, to, to_port, rings: Rings::Any, action: rule.action }
    });
    match rule.reply {
        true => ways.flat_map(with_reply).collect(),
        false => ways.collect(),
    }
}

/// A rule about paths, one for each pair of subject and path.
fn expand_store(rule: &config::StoreRule, resolver: &Resolver<'_>) -> Vec<StoreRule<Arc<str>>> {
    let (access, action) = (rule.access, rule.action);
    let pairs = pairs(&resolver.subjects(&rule.from), &rule.paths).into_iter();
    pairs.map(|(from, path)| StoreRule { from, path, access, action }).collect()
}

/// What a rule with `reply` allows: the way there; the way back, from those ports; and both ways
/// between rings that each side has for the other alone, which is where connections go on. Such a
/// ring is on a dynamic port, or on the source port that the rule names.
fn with_reply(there: PortRule) -> [PortRule; 4] {
    let client_ports = there.from_port.unwrap_or(PortRange::ALL);
    let client_rings = there.from_port.unwrap_or(PortRange::DYNAMIC);
    let reversed = PortRule { from: there.to, to: there.from, ..there };
    let rings = Rings::ForSender;
    [
        there,
        PortRule { from_port: Some(there.to_port), to_port: client_ports, ..reversed },
        PortRule { to_port: PortRange::DYNAMIC, rings, ..there },
        PortRule { from_port: None, to_port: client_rings, rings, ..reversed },
    ]
}

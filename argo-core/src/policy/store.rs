//! Rules about paths of the store: who may read and write what.

use super::{Action, Decision, LabelSet, Subject, first};
use crate::DomainId;

/// Where each domain's own part of the store is, by its number.
const HOMES: &str = "/local/domain/";

/// What is done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoreAccess {
    /// Its value, its children or its permissions are read, or it is watched.
    Read,
    /// It is made, written or removed, or its permissions are changed.
    Write,
}

impl StoreAccess {
    /// Every access.
    pub const ALL: [Self; 2] = [Self::Read, Self::Write];

    /// The access's name, the same in configuration and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// May this domain do that to this node?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreQuery<'q> {
    /// The domain.
    pub domain: DomainId,
    /// The node's absolute path.
    pub path: &'q str,
    /// What it wants to do.
    pub access: StoreAccess,
}

/// One rule about paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreRule<P> {
    /// Who wants something.
    pub from: Subject,
    /// The node that it is about, with all below it: a path in which `*` stands for any one
    /// component and `~` for the number of the domain that asks. A path that begins with `~` begins
    /// at that domain's own `/local/domain/N`.
    pub path: P,
    /// What it allows, or denies: who may write may read, and who may not read may not write.
    pub access: StoreAccess,
    /// The answer.
    pub action: Action,
}

impl<P: AsRef<str>> StoreRule<P> {
    fn fits(&self, query: StoreQuery<'_>) -> bool {
        let is_meant = match self.action {
            Action::Allow => query.access <= self.access,
            Action::Deny => query.access >= self.access,
        };
        is_meant && covers(self.path.as_ref(), query)
    }
}

/// Decides about a node: the first rule that matches, else no.
///
/// A path that is not absolute is no rule's. `labels` tells the labels of a domain. The cost is
/// linear in the number of rules and the length of the path.
pub fn decide_store<P: AsRef<str>>(
    rules: &[StoreRule<P>],
    labels: impl Fn(DomainId) -> LabelSet + Copy,
    query: StoreQuery<'_>,
) -> Decision {
    let matching = |rule: &StoreRule<P>| rule.from.covers(query.domain, labels) && rule.fits(query);
    first(rules, matching, |rule| rule.action)
}

/// The domain in whose own part of the store an absolute path is, if it is in one.
pub fn home_of(path: &str) -> Option<DomainId> {
    let number = path.strip_prefix(HOMES)?.split('/').next()?;
    let domain = DomainId::new(number.parse().ok()?)?;
    is_number_of(number, domain).then_some(domain)
}

/// Whether a rule's path is the node asked about, or one above it.
fn covers(pattern: &str, query: StoreQuery<'_>) -> bool {
    let (path, pattern) = match pattern.strip_prefix('~') {
        Some("") => (below_home(query), "/"),
        Some(below) => (below_home(query), below),
        None => (Some(query.path), pattern),
    };
    let (Some(mut path), Some(mut pattern)) = (path.and_then(components), components(pattern))
    else {
        return false;
    };
    pattern.all(|wanted| path.next().is_some_and(|found| is_meant(wanted, found, query.domain)))
}

/// The path from the asking domain's own part of the store on, if it is in there.
fn below_home(query: StoreQuery<'_>) -> Option<&str> {
    let path = query.path.strip_prefix(HOMES)?;
    let below = path.find('/').and_then(|slash| path.get(slash..)).unwrap_or("/");
    (home_of(query.path) == Some(query.domain)).then_some(below)
}

/// The components of an absolute path; none of `/` itself.
fn components(path: &str) -> Option<impl Iterator<Item = &str>> {
    path.strip_prefix('/').map(|below| below.split_terminator('/'))
}

fn is_meant(wanted: &str, found: &str, domain: DomainId) -> bool {
    match wanted {
        "*" => !found.is_empty(),
        "~" => is_number_of(found, domain),
        name => name == found,
    }
}

/// Whether a component is the domain's number as the store writes it. (`parse` takes `+5` and `05`.)
fn is_number_of(component: &str, domain: DomainId) -> bool {
    let is_plain = component == "0" || component.starts_with(|first| matches!(first, '1'..='9'));
    is_plain && component.parse() == Ok(domain.raw())
}

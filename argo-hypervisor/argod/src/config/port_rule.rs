//! Rules about ports: `[[port]]` tables.

use argo_core::Port;
use argo_core::policy::{Action, PortRange};
use toml::Spanned;

use super::bound::Bound;
use super::hook_rule::PAIRS_MAX;
use super::place::Place;
use super::read::{Kind, Reader, boolean, integer, whole_number};
use super::rules::{RULES_MAX, action, comment};
use super::subject::{Subject, Words};
use super::values::{number, size};

/// Ports and ranges of ports that are written in all `[[port]]` tables together.
pub const PORT_RANGES_MAX: usize = 8192;
/// `[[port]]` tables with a limit, in all files together.
pub const LIMITS_MAX: usize = 256;
/// The largest limit of messages a second.
pub const MESSAGES_MAX: u64 = 1_000_000_000;
/// The largest limit of bytes a second.
pub const BYTES_MAX: u64 = 1 << 40;
/// Rules that `reply = true` stands for: one, and the ways back.
const WAYS_WITH_REPLY: usize = 4;

/// One `[[port]]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRule {
    /// Where it stands.
    pub place: Place,
    /// The sender; at least one.
    pub from: Vec<Subject>,
    /// The ports that it sends from, of which it must own a ring; empty: no matter which.
    pub from_port: Vec<PortRange>,
    /// The receiver; at least one.
    pub to: Vec<Subject>,
    /// The ports that it receives on; at least one range.
    pub to_port: Vec<PortRange>,
    /// The answer.
    pub action: Action,
    /// Whether the way back is allowed with it: from those ports of the receiver to the sender, and
    /// between rings that the two have on dynamic ports for each other alone (connections).
    pub reply: bool,
    /// How much each domain may send by this rule.
    pub limit: Limit,
    /// The author's remark.
    pub comment: Option<String>,
    /// Whether what it allows goes to the audit stream, too.
    pub log: bool,
}

/// How much a domain may send by one rule, in any second and on average. What is too much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// Messages a second.
    pub messages: Option<u64>,
    /// Bytes of payload a second.
    pub bytes: Option<u64>,
}

impl Limit {
    /// Whether there is none.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// What all `[[port]]` tables together have so far.
pub(super) struct Bounds {
    rules: Bound,
    combinations: Bound,
    ranges: Bound,
    limits: Bound,
}

impl Default for Bounds {
    fn default() -> Self {
        let combinations =
            "combinations of from, to, from_port and to_port (four times with reply)";
        Self {
            rules: Bound::new("tables [[port]]", RULES_MAX),
            combinations: Bound::new(combinations, PAIRS_MAX),
            ranges: Bound::new("port ranges", PORT_RANGES_MAX),
            limits: Bound::new("rules with limits", LIMITS_MAX),
        }
    }
}

impl Bounds {
    fn admits(&mut self, rule: &PortRule, table: &Reader<'_>) -> bool {
        let (report, span) = (table.report, || table.span.clone());
        let limits = usize::from(!rule.limit.is_none());
        let ranges = rule.from_port.len() + rule.to_port.len();
        let within = [
            self.rules.add(report, span(), 1),
            self.combinations.add(report, span(), rule.combinations()),
            self.ranges.add(report, span(), ranges),
            self.limits.add(report, span(), limits),
        ];
        within.into_iter().all(|fits| fits)
    }
}

impl PortRule {
    /// Reads the tables of one text.
    pub(super) fn read_all(
        text: &mut Reader<'_>,
        words: &Words<'_>,
        bounds: &mut Bounds,
    ) -> Vec<Self> {
        let mut rules = Vec::new();
        for mut table in text.tables("port", RULES_MAX) {
            let rule = Self::read(&mut table, words);
            let fits = bounds.admits(&rule, &table);
            table.finish();
            rules.extend(Some(rule).filter(|_| fits));
        }
        rules
    }

    fn read(table: &mut Reader<'_>, words: &Words<'_>) -> Self {
        let from = words.subjects(table, "from");
        let from_port = match table.place("from_port") {
            Some(_) => ranges(table, "from_port"),
            None => Vec::new(),
        };
        let to = words.subjects(table, "to");
        let to_port = ranges(table, "to_port");
        let action = table.or("action", action(), Action::Allow);
        let reply = table.or("reply", boolean(), false);
        let limit = Limit::read(table);
        if action == Action::Deny {
            refuse_terms(table);
        }
        Self {
            place: Place::new(table.report, table.span.clone()),
            from,
            from_port,
            to,
            to_port,
            action,
            reply,
            limit,
            log: table.or("log", boolean(), false),
            comment: table.optional("comment", comment()).map(Spanned::into_inner),
        }
    }

    /// How many rules of one sender, receiver and range it stands for, at most.
    fn combinations(&self) -> usize {
        let ways = if self.reply { WAYS_WITH_REPLY } else { 1 };
        let lists = [self.from.len(), self.to.len(), self.to_port.len()];
        let factors = lists.into_iter().chain([self.from_port.len().max(1), ways]);
        factors.fold(1, usize::saturating_mul)
    }
}

impl Limit {
    fn read(table: &mut Reader<'_>) -> Self {
        let messages = table.optional("messages_per_second", integer(1..=MESSAGES_MAX));
        let bytes = table.optional("bytes_per_second", size(1, BYTES_MAX, 1));
        Self { messages: messages.map(Spanned::into_inner), bytes: bytes.map(Spanned::into_inner) }
    }
}

/// What only makes sense for what is allowed must not stand in a rule that denies.
fn refuse_terms(table: &mut Reader<'_>) {
    for key in ["reply", "messages_per_second", "bytes_per_second"] {
        if let Some(place) = table.place(key) {
            let expected = format!("no `{key}`: the rule denies");
            table.report.mismatch(place, format!("`{key}`"), expected);
        }
    }
}

fn ranges(table: &mut Reader<'_>, key: &'static str) -> Vec<PortRange> {
    let expected = format!("a port from 0 to {}, a range as \"7-9\", or \"any\"", u32::MAX);
    let kind = Kind::new(expected, |value| match value.as_str() {
        Some(text) => range(text),
        None => u32::try_from(whole_number(value)?).ok().map(|port| PortRange::one(Port(port))),
    });
    let ranges = table.one_or_more(key, kind, PORT_RANGES_MAX);
    ranges.into_iter().map(Spanned::into_inner).collect()
}

fn range(text: &str) -> Option<PortRange> {
    if text == "any" {
        return Some(PortRange::ALL);
    }
    let (first, last) = text.split_once('-')?;
    PortRange::new(Port(number(first)?), Port(number(last)?))
}

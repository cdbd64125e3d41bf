//! Rules about domains: `[[policy]]` tables.

use argo_core::policy::{Action, Hook};
use toml::Spanned;

use super::bound::Bound;
use super::place::Place;
use super::read::{Kind, Reader, boolean, word};
use super::rules::{RULES_MAX, action, comment};
use super::subject::{Subject, Words};

/// Pairs of `from` and `to` in all `[[policy]]` tables together; combinations of `from`, `to`,
/// `from_port` and `to_port` in all `[[port]]` tables together.
pub const PAIRS_MAX: usize = 16_384;

/// One `[[policy]]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where it stands.
    pub place: Place,
    /// What it is about; at least one.
    pub hooks: Vec<Hook>,
    /// Who wants it.
    pub from: Vec<Subject>,
    /// Of whom; nobody where no hook has a target. Not looked at for those hooks that have none.
    pub to: Vec<Subject>,
    /// The answer.
    pub action: Action,
    /// The author's remark.
    pub comment: Option<String>,
    /// Whether what it allows goes to the audit stream, too.
    pub log: bool,
}

/// What all `[[policy]]` tables together have so far.
pub(super) struct Bounds {
    rules: Bound,
    pairs: Bound,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            rules: Bound::new("tables [[policy]]", RULES_MAX),
            pairs: Bound::new("pairs of from and to", PAIRS_MAX),
        }
    }
}

impl Rule {
    /// Reads the tables of one text.
    pub(super) fn read_all(
        text: &mut Reader<'_>,
        words: &Words<'_>,
        bounds: &mut Bounds,
    ) -> Vec<Self> {
        let mut rules = Vec::new();
        for table in text.tables("policy", RULES_MAX) {
            let (report, span) = (table.report, table.span.clone());
            let rule = Self::read(table, words);
            let pairs = rule.as_ref().map_or(0, |rule| rule.from.len() * rule.to.len().max(1));
            let fits = bounds.rules.add(report, span.clone(), 1);
            let fits = bounds.pairs.add(report, span, pairs) && fits;
            rules.extend(rule.filter(|_| fits));
        }
        rules
    }

    fn read(mut table: Reader<'_>, words: &Words<'_>) -> Option<Self> {
        let place = Place::new(table.report, table.span.clone());
        let hooks = read_hooks(&mut table);
        let from = words.subjects(&mut table, "from");
        let to = read_target(&mut table, hooks.as_deref(), words);
        let action = table.or("action", action(), Action::Allow);
        let log = table.or("log", boolean(), false);
        let comment = table.optional("comment", comment()).map(Spanned::into_inner);
        table.finish();
        Some(Self { place, hooks: hooks?, from, to, action, comment, log })
    }
}

/// The hooks in their own order, each once; `None` if something is wrong with them.
fn read_hooks(table: &mut Reader<'_>) -> Option<Vec<Hook>> {
    let one = |hook: Hook| (hook.name(), Some(hook));
    let [enable, any_source, single_source, send, grant, channel] = Hook::ALL.map(one);
    let any = ("any", None);
    let words: Kind<Option<Hook>> =
        word([enable, any_source, single_source, send, grant, channel, any]);
    let named: Vec<_> = table.one_or_more("hook", words, Hook::ALL.len() + 1);
    let named: Vec<_> = named.into_iter().map(Spanned::into_inner).collect();
    let meant = |hook: &Hook| named.contains(&None) || named.contains(&Some(*hook));
    let hooks: Vec<_> = Hook::ALL.into_iter().filter(meant).collect();
    Some(hooks).filter(|hooks| !hooks.is_empty())
}

/// `to` must be there if a hook is about two domains, and must not if none is.
fn read_target(table: &mut Reader<'_>, hooks: Option<&[Hook]>, words: &Words<'_>) -> Vec<Subject> {
    let is_wanted = hooks.map(|hooks| hooks.iter().any(|hook| hook.has_target()));
    match (is_wanted, table.place("to")) {
        (Some(false), Some(place)) => {
            let names: Vec<_> = hooks.unwrap_or_default().iter().map(|hook| hook.name()).collect();
            let expected =
                format!("no `to`: hook \"{}\" is about one domain", names.join("\" or \""));
            table.report.mismatch(place, "`to`", expected);
            Vec::new()
        }
        (Some(false) | None, None) => Vec::new(),
        _ => words.subjects(table, "to"),
    }
}

//! Rules about paths of the store: `[[store]]` tables.

use std::sync::Arc;

use argo_core::policy::{Action, StoreAccess};
use argo_core::xenstore::ABSOLUTE_PATH_MAX;
use toml::Spanned;

use super::bound::Bound;
use super::hook_rule::PAIRS_MAX;
use super::place::Place;
use super::read::{Kind, Reader, boolean, word};
use super::rules::{RULES_MAX, action, comment};
use super::subject::{Subject, Words};

/// Paths in one `[[store]]` table.
pub const PATHS_MAX: usize = 256;

/// One `[[store]]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreRule {
    /// Where it stands.
    pub place: Place,
    /// Who wants something; at least one.
    pub from: Vec<Subject>,
    /// The nodes that it is about, each with all below it; at least one. See
    /// [`argo_core::policy::StoreRule::path`].
    pub paths: Vec<Arc<str>>,
    /// What it allows, or denies.
    pub access: StoreAccess,
    /// The answer.
    pub action: Action,
    /// The author's remark.
    pub comment: Option<String>,
    /// Whether what it allows goes to the audit stream, too.
    pub log: bool,
}

/// What all `[[store]]` tables together have so far.
pub(super) struct Bounds {
    rules: Bound,
    pairs: Bound,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            rules: Bound::new("tables [[store]]", RULES_MAX),
            pairs: Bound::new("pairs of from and path", PAIRS_MAX),
        }
    }
}

impl StoreRule {
    /// Reads the tables of one text.
    pub(super) fn read_all(
        text: &mut Reader<'_>,
        words: &Words<'_>,
        bounds: &mut Bounds,
    ) -> Vec<Self> {
        let mut rules = Vec::new();
        for table in text.tables("store", RULES_MAX) {
            let (report, span) = (table.report, table.span.clone());
            let rule = Self::read(table, words);
            let fits = bounds.rules.add(report, span.clone(), 1);
            let fits = bounds.pairs.add(report, span, rule.from.len() * rule.paths.len()) && fits;
            rules.extend(Some(rule).filter(|_| fits));
        }
        rules
    }

    fn read(mut table: Reader<'_>, words: &Words<'_>) -> Self {
        let paths = table.one_or_more("path", path(), PATHS_MAX).into_iter();
        let accesses = word(StoreAccess::ALL.map(|access| (access.name(), access)));
        let rule = Self {
            place: Place::new(table.report, table.span.clone()),
            from: words.subjects(&mut table, "from"),
            paths: paths.map(Spanned::into_inner).collect(),
            access: table.or("access", accesses, StoreAccess::Read),
            action: table.or("action", action(), Action::Allow),
            comment: table.optional("comment", comment()).map(Spanned::into_inner),
            log: table.or("log", boolean(), false),
        };
        table.finish();
        rule
    }
}

/// A path in the store as a rule writes it.
fn path() -> Kind<Arc<str>> {
    let expected = format!(
        "a path as \"~/data\" or \"/local/domain/*/name\", of components of a-z A-Z 0-9 - _ @, or \
         alone * or ~, of at most {ABSOLUTE_PATH_MAX} bytes"
    );
    Kind::text(expected, |text| is_path(text).then(|| text.into()))
}

fn is_path(text: &str) -> bool {
    let below = text.strip_prefix('~').unwrap_or(text);
    let is_whole = matches!(text, "/" | "~");
    let mut components = below.strip_prefix('/').into_iter().flat_map(|below| below.split('/'));
    let goes_on = below.starts_with('/') && components.all(is_component);
    (is_whole || goes_on) && text.len() <= ABSOLUTE_PATH_MAX
}

fn is_component(text: &str) -> bool {
    let may_be = |c: u8| c.is_ascii_alphanumeric() || b"-_@".contains(&c);
    matches!(text, "*" | "~") || (!text.is_empty() && text.bytes().all(may_be))
}

//! The policy as it is written: `[[policy]]` tables in order.

use std::sync::Arc;

use argo_core::DomainId;
use argo_core::policy::{Action, Hook, PortRange};
use toml::Spanned;

use super::parse_with;
use super::read::{Kind, Reader, word};
use super::report::{Problems, Report};
use super::values::is_name;

/// `[[policy]]` tables in one text.
pub const RULES_MAX: usize = 4096;
/// Entries in one `from` or `to`.
pub const SUBJECTS_MAX: usize = 256;
/// Pairs of `from` and `to` in all rules together.
pub const PAIRS_MAX: usize = 16_384;
/// Characters of a rule's comment.
pub const COMMENT_MAX: usize = 200;

/// Rules in the order in which they are tried, and what is true where none matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What is allowed that no rule decides.
    pub mode: Mode,
    /// Rules about domains: `[[policy]]` tables.
    pub hooks: Vec<Rule>,
    /// Rules about ports: `[[port]]` tables.
    pub ports: Vec<PortRule>,
}

/// What is allowed that no rule decides: the modes of Xen's security modules. The same answer is
/// given for a hook and for ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// `"rules"`: nothing (as with FLASK).
    #[default]
    Rules,
    /// `"silo"`: what concerns one domain, and talk of domains with domain 0.
    Silo,
    /// `"all"`: everything (as without XSM).
    All,
}

impl Mode {
    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Silo => "silo",
            Self::All => "all",
        }
    }
}

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The text's name.
    pub file: Arc<str>,
    /// The line where it begins, from 1.
    pub line: usize,
}

/// One `[[policy]]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where it stands.
    pub place: Place,
    /// What it is about; at least one.
    pub hooks: Vec<Hook>,
    /// Who wants it.
    pub from: Vec<Subject>,
    /// Of whom; nobody where the hook has no target.
    pub to: Vec<Subject>,
    /// The answer.
    pub action: Action,
    /// The author's remark.
    pub comment: Option<String>,
    /// Whether what it allows goes to the audit stream, too.
    pub log: bool,
}

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

/// Whom a rule is about, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// `"any"`: every domain.
    Any,
    /// `"NAME"`: whichever domain has this name.
    Name(String),
    /// `"label:NAME"`: every domain that has the label.
    Label(String),
    /// `"id:NUMBER"`: the domain with this id, even if there is none yet.
    Id(DomainId),
}

impl Subject {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "any" => Some(Self::Any),
            None => is_name(text).then(|| Self::Name(text.to_owned())),
            Some(("label", label)) => is_name(label).then(|| Self::Label(label.to_owned())),
            Some(("id", id)) => DomainId::new(id.parse().ok()?).map(Self::Id),
            Some(_) => None,
        }
    }

    fn kind() -> Kind<Self> {
        let expected = format!(
            "a domain's name, \"label:NAME\", \"id:0\" to \"id:{}\" or \"any\"",
            DomainId::LIMIT - 1
        );
        Kind::text(expected, Self::parse)
    }

    fn shown(&self) -> String {
        match self {
            Self::Any => "any".to_owned(),
            Self::Name(name) => format!("domain \"{name}\""),
            Self::Label(label) => format!("label \"{label}\""),
            Self::Id(id) => format!("domain {id}"),
        }
    }
}

impl Rules {
    /// Reads a text that holds `[[policy]]` tables and nothing else.
    ///
    /// `file` names the text in problems and explanations; `knows` tells whether there is a
    /// domain or label of a name.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(
        file: &str,
        text: &str,
        knows: impl Fn(&Subject) -> bool,
    ) -> Result<Self, Problems> {
        parse_with(file, text, |mut table| {
            let rules = Self::read(&mut table, file, knows);
            table.finish();
            Some(rules)
        })
    }

    pub(super) fn read(
        table: &mut Reader<'_>,
        file: &str,
        knows: impl Fn(&Subject) -> bool,
    ) -> Self {
        let mut pairs = 0;
        let mut list = Vec::new();
        for rule in table.tables("policy", RULES_MAX) {
            let (report, span) = (rule.report, rule.span.clone());
            let Some(rule) = Rule::read(rule, file, &knows) else { continue };
            let before = pairs;
            pairs += rule.from.len() * rule.to.len().max(1);
            if before <= PAIRS_MAX && pairs > PAIRS_MAX {
                let expected = format!("at most {PAIRS_MAX} in all rules together");
                report.mismatch(span, format!("{pairs} pairs of from and to up to here"), expected);
            }
            list.push(rule);
        }
        Self { mode: Mode::Rules, hooks: list, ports: Vec::new() }
    }
}

impl Rule {
    fn read(mut table: Reader<'_>, file: &str, knows: impl Fn(&Subject) -> bool) -> Option<Self> {
        let report = table.report;
        let place = Place { file: file.into(), line: report.line(table.span.start) };
        let hook = table.required("hook", word(Hook::ALL.map(|hook| (hook.name(), hook))));
        let from = table.one_or_more("from", Subject::kind(), SUBJECTS_MAX);
        let to = read_target(&mut table, hook.as_ref().map(|hook| *hook.get_ref()));
        let actions = word([("allow", Action::Allow), ("deny", Action::Deny)]);
        let action = table.or("action", actions, Action::Allow);
        let comment = table.optional("comment", comment()).map(Spanned::into_inner);
        table.finish();

        Some(Self {
            place,
            hooks: vec![hook?.into_inner()],
            from: known(report, from, &knows),
            to: known(report, to, &knows),
            action,
            comment,
            log: false,
        })
    }
}

/// `to` must be there for the hooks about two domains, and must not for the others.
fn read_target(table: &mut Reader<'_>, hook: Option<Hook>) -> Vec<Spanned<Subject>> {
    match (hook, table.place("to")) {
        (Some(hook), Some(place)) if !hook.has_target() => {
            let expected = format!("no `to`: hook \"{}\" is about one domain", hook.name());
            table.report.mismatch(place, "`to`", expected);
            Vec::new()
        }
        (Some(hook), None) if !hook.has_target() => Vec::new(),
        (None, None) => Vec::new(),
        _ => table.one_or_more("to", Subject::kind(), SUBJECTS_MAX),
    }
}

fn known(
    report: &Report<'_>,
    subjects: Vec<Spanned<Subject>>,
    knows: impl Fn(&Subject) -> bool,
) -> Vec<Subject> {
    for subject in subjects.iter().filter(|subject| !knows(subject.get_ref())) {
        let found = format!("unknown {}", subject.get_ref().shown());
        report.mismatch(subject.span(), found, "a name or label that some domain has");
    }
    subjects.into_iter().map(Spanned::into_inner).collect()
}

fn comment() -> Kind<String> {
    let expected = format!("a line of at most {COMMENT_MAX} characters");
    Kind::text(expected, |text| {
        let fits = text.chars().count() <= COMMENT_MAX && !text.contains(char::is_control);
        fits.then(|| text.to_owned())
    })
}

//! The policy as it is written: a mode, groups, and rules in order, in one text or in several.

use std::collections::BTreeSet;

use argo_core::policy::{Action, Label};
use toml::Spanned;

use super::DOMAINS_MAX;
use super::groups::Groups;
use super::hook_rule::{self, Rule};
use super::place::Place;
use super::port_rule::{self, PortRule};
use super::read::{Kind, Reader, word};
use super::report::Problems;
use super::store_rule::{self, StoreRule};
use super::subject::{Subject, Words};
use super::texts::Texts;
use super::values;

/// `[[policy]]` tables in all files together, as many `[[port]]` and as many `[[store]]` tables.
pub const RULES_MAX: usize = 4096;
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
    /// Rules about paths of the store: `[[store]]` tables.
    pub store: Vec<StoreRule>,
}

/// What is allowed that no rule decides: the modes of Xen's security modules. The same answer is
/// given for a hook, for ports and for a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// `"rules"`: nothing (as with FLASK).
    #[default]
    Rules,
    /// `"silo"`: what concerns one domain, its own part of the store included, and talk of domains
    /// with domain 0.
    Silo,
    /// `"all"`: everything (as without XSM).
    All,
}

impl Rules {
    /// Reads a text that holds a policy and nothing else: `policy_mode`, `[groups]`,
    /// `[[policy]]`, `[[port]]` and `[[store]]`.
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
        Texts::plain(file, text).examine(|mut texts| {
            let rules = Self::read(&mut texts, &knows);
            texts.into_iter().for_each(Reader::finish);
            Some(rules)
        })
    }

    /// Reads what the texts of a configuration file say about policy, and nothing
    /// else of it: for a change of policy at run time, when the domains are not those of the file.
    ///
    /// # Errors
    /// Everything that is wrong with the policy.
    pub(crate) fn of(texts: &Texts, knows: impl Fn(&Subject) -> bool) -> Result<Self, Problems> {
        texts.examine(|mut texts| {
            let main = texts.first_mut()?;
            main.optional("policy_dir", values::folder());
            // A domain of the file that was destroyed meanwhile makes no rule wrong.
            let (names, labels) = own_names(main);
            let knows = |subject: &Subject| match subject {
                Subject::Name(name) => names.contains(name) || knows(subject),
                Subject::Label(label) => labels.contains(label) || knows(subject),
                Subject::Any | Subject::Id(_) => true,
            };
            let rules = Self::read(&mut texts, &knows);
            texts.into_iter().skip(1).for_each(Reader::finish);
            Some(rules)
        })
    }

    /// How many rules there are, of every kind.
    pub fn len(&self) -> usize {
        self.hooks.len() + self.ports.len() + self.store.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the policy in these texts. Whatever else they hold is left to others.
    pub(super) fn read(texts: &mut [Reader<'_>], knows: &dyn Fn(&Subject) -> bool) -> Self {
        let mode = Mode::read(texts);
        let words = Words { groups: Groups::read(texts, knows), knows };
        let mut rules = Self { mode, ..Self::default() };
        let (mut of_hooks, mut of_ports, mut of_store) = (
            hook_rule::Bounds::default(),
            port_rule::Bounds::default(),
            store_rule::Bounds::default(),
        );
        for text in texts {
            rules.hooks.extend(Rule::read_all(text, &words, &mut of_hooks));
            rules.ports.extend(PortRule::read_all(text, &words, &mut of_ports));
            rules.store.extend(StoreRule::read_all(text, &words, &mut of_store));
        }
        rules
    }
}

/// The names and labels of the domains that a configuration describes.
fn own_names(main: &mut Reader<'_>) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut names, mut labels) = <(BTreeSet<_>, BTreeSet<_>)>::default();
    for mut domain in main.tables("domain", DOMAINS_MAX) {
        names.extend(domain.optional("name", values::name()).map(Spanned::into_inner));
        let list = domain.list("labels", values::name(), Label::LIMIT);
        labels.extend(list.into_iter().map(Spanned::into_inner));
    }
    (names, labels)
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Rules, Self::Silo, Self::All];

    /// The mode's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Silo => "silo",
            Self::All => "all",
        }
    }

    fn read(texts: &mut [Reader<'_>]) -> Self {
        let mut first: Option<(Self, Place)> = None;
        for text in texts {
            let modes = word(Self::ALL.map(|mode| (mode.name(), mode)));
            let Some(mode) = text.optional("policy_mode", modes) else { continue };
            match &first {
                Some((_, place)) => {
                    let expected = format!("it once (the first is at {place})");
                    text.report.mismatch(mode.span(), "`policy_mode` again", expected);
                }
                None => first = Some((*mode.get_ref(), Place::new(text.report, mode.span()))),
            }
        }
        first.map_or_else(Self::default, |(mode, _)| mode)
    }
}

pub(super) fn action() -> Kind<Action> {
    word([("allow", Action::Allow), ("deny", Action::Deny)])
}

pub(super) fn comment() -> Kind<String> {
    let expected = format!("a line of at most {COMMENT_MAX} characters");
    Kind::text(expected, |text| {
        let fits = text.chars().count() <= COMMENT_MAX && !text.contains(char::is_control);
        fits.then(|| text.to_owned())
    })
}

//! Whom a rule is about.

use argo_core::DomainId;
use toml::Spanned;

use super::groups::Groups;
use super::read::{Kind, Reader};
use super::report::Report;
use super::values::is_name;

/// Entries in one `from` or `to`, those of groups included.
pub const SUBJECTS_MAX: usize = 256;

/// Whom a rule is about, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Reads it as a rule writes it; `None` if it is nothing of the kind, or a group.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "any" => Some(Self::Any),
            None => is_name(text).then(|| Self::Name(text.to_owned())),
            Some(("label", label)) => is_name(label).then(|| Self::Label(label.to_owned())),
            Some(("id", id)) => DomainId::new(id.parse().ok()?).map(Self::Id),
            Some(_) => None,
        }
    }

    /// As a member of a group.
    pub(super) fn member() -> Kind<Self> {
        let expected = format!("{} (groups do not nest)", one_of(""));
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

fn one_of(groups: &str) -> String {
    let last = DomainId::LIMIT - 1;
    format!("a domain's name, \"label:NAME\", {groups}\"id:0\" to \"id:{last}\" or \"any\"")
}

/// The words that rules may use, in all texts.
pub(super) struct Words<'w> {
    pub(super) groups: Groups,
    /// Whether there is such a domain or label.
    pub(super) knows: &'w dyn Fn(&Subject) -> bool,
}

/// An entry of `from` or `to`.
enum Entry {
    Subject(Subject),
    Group(String),
}

impl Entry {
    fn kind() -> Kind<Self> {
        Kind::text(one_of("\"group:NAME\", "), |text| match text.strip_prefix("group:") {
            Some(group) => is_name(group).then(|| Self::Group(group.to_owned())),
            None => Subject::parse(text).map(Self::Subject),
        })
    }
}

impl Words<'_> {
    /// Reads `from` or `to`, with the members of groups in the groups' place.
    pub(super) fn subjects(&self, table: &mut Reader<'_>, key: &'static str) -> Vec<Subject> {
        let mut subjects = Vec::new();
        for entry in table.one_or_more(key, Entry::kind(), SUBJECTS_MAX) {
            let before = subjects.len();
            let span = entry.span();
            match entry.into_inner() {
                Entry::Subject(subject) => {
                    let subject = Spanned::new(span.clone(), subject);
                    subjects.push(known(table.report, subject, self.knows));
                }
                Entry::Group(name) => match self.groups.members(&name) {
                    Some(members) => subjects.extend_from_slice(members),
                    None => {
                        let found = format!("unknown group \"{name}\"");
                        table.report.mismatch(span.clone(), found, "a group that [groups] has");
                    }
                },
            }
            if before <= SUBJECTS_MAX && subjects.len() > SUBJECTS_MAX {
                let found = format!("{} entries with those of groups", subjects.len());
                table.report.mismatch(span, found, format!("at most {SUBJECTS_MAX}"));
            }
        }
        subjects.truncate(SUBJECTS_MAX);
        subjects
    }
}

/// The subject; that there is no such domain or label is a problem.
pub(super) fn known(
    report: &Report<'_>,
    subject: Spanned<Subject>,
    knows: &dyn Fn(&Subject) -> bool,
) -> Subject {
    if !knows(subject.get_ref()) {
        let found = format!("unknown {}", subject.get_ref().shown());
        report.mismatch(subject.span(), found, "a name or label that some domain has");
    }
    subject.into_inner()
}

//! Groups: names that rules use for lists of domains and labels.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use toml::Spanned;

use super::place::Place;
use super::read::Reader;
use super::subject::{Subject, known};
use super::values;

/// Groups in all texts together.
pub const GROUPS_MAX: usize = 256;
/// Members of a group.
pub const MEMBERS_MAX: usize = 256;

/// The groups of all texts.
#[derive(Default)]
pub(super) struct Groups(BTreeMap<String, Group>);

struct Group {
    place: Place,
    members: Vec<Subject>,
}

impl Groups {
    /// Reads the `[groups]` of every text.
    pub(super) fn read(texts: &mut [Reader<'_>], knows: &dyn Fn(&Subject) -> bool) -> Self {
        let mut groups = Self::default();
        for text in texts {
            let Some(table) = text.table("groups") else { continue };
            for name in table.keys() {
                groups.add(&table, name, knows);
            }
        }
        groups
    }

    pub(super) fn members(&self, name: &str) -> Option<&[Subject]> {
        self.0.get(name).map(|group| group.members.as_slice())
    }

    fn add(&mut self, table: &Reader<'_>, name: Spanned<&str>, knows: &dyn Fn(&Subject) -> bool) {
        let report = table.report;
        let members = table.entries(name.get_ref(), &Subject::member(), MEMBERS_MAX);
        let members = members.into_iter().map(|member| known(report, member, knows)).collect();
        let group = Group { place: Place::new(report, name.span()), members };
        if !values::is_name(name.get_ref()) {
            report.mismatch(
                name.span(),
                format!("group {:?}", name.get_ref()),
                values::name_expected(),
            );
        }
        let count = self.0.len() + 1;
        match self.0.entry((*name.get_ref()).to_owned()) {
            Entry::Occupied(first) => {
                let found = format!("group \"{}\" again", name.get_ref());
                let expected = format!("each group once (the first is at {})", first.get().place);
                report.mismatch(name.span(), found, expected);
            }
            Entry::Vacant(_) if count > GROUPS_MAX => {
                let expected = format!("at most {GROUPS_MAX} in all files together");
                report.mismatch(name.span(), format!("{count} groups up to here"), expected);
            }
            Entry::Vacant(vacant) => {
                vacant.insert(group);
            }
        }
    }
}

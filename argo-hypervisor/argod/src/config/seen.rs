//! What must not be there twice, and which names there are.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::PathBuf;

use argo_core::DomainId;
use argo_core::policy::Label;
use toml::Spanned;

use super::report::Report;
use super::socket::Socket;
use super::subject::Subject;

/// What the domains of a text have taken so far, each with its line.
#[derive(Default)]
pub(super) struct Seen {
    ids: Once<u16>,
    names: Once<String>,
    sockets: Once<PathBuf>,
    labels: BTreeSet<String>,
}

impl Seen {
    pub(super) fn domain(
        &mut self,
        report: &Report<'_>,
        id: Option<&Spanned<DomainId>>,
        name: Option<&Spanned<String>>,
        labels: &[Spanned<String>],
    ) {
        if let Some(id) = id {
            self.ids.add(report, "id", &Spanned::new(id.span(), id.get_ref().raw()));
        }
        if let Some(name) = name {
            self.names.add(report, "name", name);
        }
        for label in labels {
            self.label(report, label);
        }
    }

    pub(super) fn socket(&mut self, report: &Report<'_>, socket: Option<&Spanned<Socket>>) {
        if let Some(socket) = socket {
            let path = Spanned::new(socket.span(), socket.get_ref().path.clone());
            self.sockets.add(report, "socket", &path);
        }
    }

    /// Whether a rule may name this.
    pub(super) fn knows(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Any | Subject::Id(_) => true,
            Subject::Name(name) => self.names.0.contains_key(name),
            Subject::Label(label) => self.labels.contains(label),
        }
    }

    fn label(&mut self, report: &Report<'_>, label: &Spanned<String>) {
        let new = self.labels.insert(label.get_ref().clone());
        let known = self.labels.len();
        if new && known > Label::LIMIT {
            let expected = format!("at most {} in all domains together", Label::LIMIT);
            report.mismatch(label.span(), format!("{known} different labels"), expected);
        }
    }
}

/// The values of a list in ascending order; one that comes again is a problem.
pub(super) fn distinct<T: Ord + Clone + Debug>(
    report: &Report<'_>,
    what: &str,
    list: Vec<Spanned<T>>,
) -> Vec<T> {
    let mut once = Once::default();
    for item in &list {
        once.add(report, what, item);
    }
    once.0.into_keys().collect()
}

/// Things, each with the line where it was seen first.
struct Once<T>(BTreeMap<T, usize>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord + Clone + Debug> Once<T> {
    fn add(&mut self, report: &Report<'_>, what: &str, item: &Spanned<T>) {
        match self.0.entry(item.get_ref().clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(report.line(item.span().start));
            }
            Entry::Occupied(first) => {
                let found = format!("{what} {:?} again", first.key());
                let expected = format!("each {what} once (the first is in line {})", first.get());
                report.mismatch(item.span(), found, expected);
            }
        }
    }
}

//! What is shown: the last answers, the order, which domain is selected.

use std::cmp::Ordering;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::rates::{Activity, Moment, Span};
use super::sampler::Sample;
use crate::admin::DomainStat;

/// What the screen shows.
pub(super) struct Screen {
    pub(super) interval: Duration,
    pub(super) before: Option<Moment>,
    pub(super) now: Option<Moment>,
    /// Why argod did not answer the last time.
    pub(super) gone: Option<String>,
    pub(super) order: Order,
    /// The selected domain's id.
    selected: Option<u16>,
}

/// What the domains are sorted by, largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Time,
    Messages,
    Bytes,
    Refusals,
    Filled,
    /// By id, smallest first.
    Id,
}

/// What follows a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Stay,
    Leave,
}

/// A domain and what it did.
pub(super) struct Row<'s> {
    pub(super) domain: &'s DomainStat,
    /// `None` as long as nothing can be said.
    pub(super) activity: Option<Activity>,
}

impl Screen {
    /// A screen that knows nothing yet.
    pub(super) fn new(interval: Duration) -> Self {
        let (before, now, gone, selected) = (None, None, None, None);
        Self { interval, before, now, gone, order: Order::Time, selected }
    }

    /// Learns what argod said. While argod says nothing, the last answer stays.
    pub(super) fn take(&mut self, sample: Sample) {
        match sample.stat {
            Err(why) => self.gone = Some(why),
            Ok(stat) => {
                self.gone = None;
                self.before = self.now.replace(Moment { at: sample.at, stat });
            }
        }
    }

    /// Does what a key stands for.
    pub(super) fn press(&mut self, key: KeyEvent) -> Then {
        let is_ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            _ if key.kind == KeyEventKind::Release => {}
            KeyCode::Char('c') if is_ctrl => return Then::Leave,
            KeyCode::Char('q') | KeyCode::Esc => return Then::Leave,
            KeyCode::Char('s') => self.order = self.order.next(),
            KeyCode::Down | KeyCode::Char('j') => self.select(|at| at + 1),
            KeyCode::Up | KeyCode::Char('k') => self.select(|at| at.saturating_sub(1)),
            _ => {}
        }
        Then::Stay
    }

    /// The time between the last two answers, if there were two of the same argod.
    pub(super) fn span(&self) -> Option<Span<'_>> {
        Span::new(self.before.as_ref()?, self.now.as_ref()?)
    }

    /// The domains in order.
    pub(super) fn rows(&self) -> Vec<Row<'_>> {
        let span = self.span();
        let domains = self.now.iter().flat_map(|now| &now.stat.domains);
        let row = |domain| Row { domain, activity: span.and_then(|span| span.activity(domain)) };
        let mut rows: Vec<_> = domains.map(row).collect();
        rows.sort_by(|a, b| self.order.compare(a, b).then(a.domain.id.cmp(&b.domain.id)));
        rows
    }

    /// Where the selected domain stands among the rows; the first if none is selected, or it went.
    pub(super) fn selected(&self, rows: &[Row<'_>]) -> Option<usize> {
        let found = rows.iter().position(|row| Some(row.domain.id) == self.selected);
        found.or_else(|| (!rows.is_empty()).then_some(0))
    }

    fn select(&mut self, step: impl FnOnce(usize) -> usize) {
        let rows = self.rows();
        let Some(at) = self.selected(&rows) else { return };
        let next = rows.get(step(at)).or_else(|| rows.last());
        self.selected = next.map(|row| row.domain.id);
    }
}

impl Order {
    fn next(self) -> Self {
        match self {
            Self::Time => Self::Messages,
            Self::Messages => Self::Bytes,
            Self::Bytes => Self::Refusals,
            Self::Refusals => Self::Filled,
            Self::Filled => Self::Id,
            Self::Id => Self::Time,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Messages => "messages",
            Self::Bytes => "bytes",
            Self::Refusals => "refusals",
            Self::Filled => "fullest ring",
            Self::Id => "id",
        }
    }

    fn compare(self, a: &Row<'_>, b: &Row<'_>) -> Ordering {
        match self {
            Self::Id => Ordering::Equal,
            _ => self.weight(b).total_cmp(&self.weight(a)),
        }
    }

    /// What cannot be said yet is less than nothing.
    fn weight(self, row: &Row<'_>) -> f64 {
        let of = |what: fn(&Activity) -> f64| row.activity.as_ref().map_or(-1.0, what);
        match self {
            Self::Time => of(|activity| activity.time),
            Self::Messages => of(|activity| activity.messages),
            Self::Bytes => of(|activity| activity.bytes),
            Self::Refusals => of(|activity| activity.refusals),
            Self::Filled => {
                row.domain.fullest.as_ref().map_or(-1.0, |ring| ring.filled_permille() as f64)
            }
            Self::Id => 0.0,
        }
    }
}

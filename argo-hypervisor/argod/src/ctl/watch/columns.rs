//! The columns of the table of domains, the most important first: a narrow terminal shows fewer.

use ratatui::layout::Constraint;
use ratatui::text::Line;

use super::cells;
use super::screen::Row;

/// What the borders of the table and the gap between two columns take.
const BORDERS: u16 = 2;
const GAP: u16 = 1;

/// A column.
pub(super) struct Column {
    title: &'static str,
    width: u16,
    side: Side,
    pub(super) cell: fn(&Row<'_>) -> Line<'static>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Takes what room there is.
    Left,
    Right,
}

const COLUMNS: [Column; 11] = [
    right("ID", 5, |row| cells::right(row.domain.id.to_string())),
    Column {
        title: "NAME",
        width: 12,
        side: Side::Left,
        cell: |row| Line::from(row.domain.name.clone()),
    },
    right("TIME", 7, |row| cells::time(row.activity.map(|activity| activity.time))),
    right("MESSAGES/S", 10, |row| cells::rate(row.activity.map(|activity| activity.messages))),
    right("BYTES", 12, |row| cells::byte_rate(row.activity.map(|activity| activity.bytes))),
    right("REFUSED/S", 10, |row| cells::rate(row.activity.map(|activity| activity.refusals))),
    right("FULLEST RING", 14, |row| {
        cells::filled(row.domain.fullest.as_ref().map(|ring| ring.filled_permille()))
    }),
    right("WAITING ", 10, |row| {
        cells::limit(row.domain.waiting.into(), row.domain.waiting_allowed.into())
    }),
    right("SESSIONS ", 9, |row| {
        cells::sessions(row.domain.sessions.len() as u64, row.domain.sessions_allowed.into())
    }),
    right("RINGS ", 10, |row| {
        cells::limit(row.domain.rings_total as u64, row.domain.rings_allowed.into())
    }),
    right("BYTES OF RINGS ", 20, |row| {
        cells::byte_limit(row.domain.ring_bytes, row.domain.ring_bytes_allowed)
    }),
];

const fn right(title: &'static str, width: u16, cell: fn(&Row<'_>) -> Line<'static>) -> Column {
    Column { title, width, side: Side::Right, cell }
}

/// Those for which there is room in a table of this width.
pub(super) fn fitting(width: u16) -> Vec<Column> {
    let mut room = width.saturating_sub(BORDERS);
    let fits = |column: &Column| match room.checked_sub(column.width) {
        Some(left) => {
            room = left.saturating_sub(GAP);
            true
        }
        None => false,
    };
    COLUMNS.into_iter().take_while(fits).collect()
}

impl Column {
    pub(super) fn constraint(&self) -> Constraint {
        match self.side {
            Side::Left => Constraint::Min(self.width),
            Side::Right => Constraint::Length(self.width),
        }
    }

    pub(super) fn head(&self) -> Line<'static> {
        match self.side {
            Side::Left => Line::from(self.title),
            Side::Right => cells::right(self.title.into()),
        }
    }
}

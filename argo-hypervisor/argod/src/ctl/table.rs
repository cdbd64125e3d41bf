//! Tables for people.

use std::fmt;

/// Rows under a head, the columns aligned: to the right where the head says so.
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

struct Column {
    title: &'static str,
    align: Align,
}

enum Align {
    Left,
    Right,
}

impl Table {
    /// A table without rows. A `>` before a title means that the column holds numbers.
    pub(super) fn new(titles: &[&'static str]) -> Self {
        let column = |title: &&'static str| match title.strip_prefix('>') {
            Some(title) => Column { title, align: Align::Right },
            None => Column { title, align: Align::Left },
        };
        Self { columns: titles.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row: one text a column.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Whether it has no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn width(&self, index: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(index));
        let widths = cells.map(|cell| cell.chars().count());
        widths.chain([self.columns[index].title.len()]).max().unwrap_or(0)
    }

    fn line<'c>(&self, cells: impl Iterator<Item = &'c str>) -> String {
        let pad = |(index, cell): (usize, &str)| {
            let width = self.width(index);
            match self.columns[index].align {
                Align::Left => format!("{cell:<width$}"),
                Align::Right => format!("{cell:>width$}"),
            }
        };
        let cells: Vec<_> = cells.take(self.columns.len()).enumerate().map(pad).collect();
        format!("  {}", cells.join("  ")).trim_end().to_owned()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.line(self.columns.iter().map(|column| column.title)))?;
        self.rows
            .iter()
            .try_for_each(|row| writeln!(f, "{}", self.line(row.iter().map(String::as_str))))
    }
}

/// A number with its thousands apart: `1 234 567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

/// A number of bytes in a fitting unit: `512 B`, `1.5 MiB`.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut shown = count as f64 / 1024.0;
    let mut unit = 0;
    while shown >= 1024.0 && unit + 1 < UNITS.len() {
        shown /= 1024.0;
        unit += 1;
    }
    format!("{shown:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["NAME", ">COUNT"]);
        table.row(["a".into(), "1".into()]);
        table.row(["a long one".into(), "1 234 567".into()]);
        let expected =
            "  NAME            COUNT\n  a                   1\n  a long one  1 234 567\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn numbers_can_be_read() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
        let sizes = [1023, 1024, 4 << 20, 3 << 29, u64::MAX].map(bytes);
        assert_eq!(sizes, ["1023 B", "1.0 KiB", "4.0 MiB", "1.5 GiB", "16384.0 PiB"]);
    }
}

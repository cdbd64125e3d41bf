//! What is to be reached: `targets.tsv`, which is where a target is changed.

use std::cmp::Ordering;

/// The ratio to be reached in one case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Its row in the table of the README.
    pub row: u32,
    /// The name of the ratio.
    pub name: &'static str,
    /// Which side of the bound is good.
    pub direction: Direction,
    /// The bound.
    pub bound: f64,
}

/// Which side of a bound is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The ratio has to be the bound or more.
    AtLeast,
    /// The ratio has to be the bound or less.
    AtMost,
}

impl Target {
    /// Whether a ratio is good enough; one that is no number never is.
    pub fn is_reached_by(&self, ratio: f64) -> bool {
        match ratio.partial_cmp(&self.bound) {
            Some(Ordering::Equal) => true,
            Some(Ordering::Greater) => self.direction == Direction::AtLeast,
            Some(Ordering::Less) => self.direction == Direction::AtMost,
            None => false,
        }
    }
}

/// All targets, by row.
pub fn all() -> impl Iterator<Item = Target> {
    include_str!("../targets.tsv").lines().skip(1).filter_map(target)
}

/// The target of a ratio, if it has one.
pub fn of(name: &str) -> Option<Target> {
    all().find(|target| target.name == name)
}

fn target(line: &'static str) -> Option<Target> {
    let words: Vec<&'static str> = line.split('\t').collect();
    let &[row, name, direction, bound] = words.as_slice() else { return None };
    let direction = if direction == ">=" { Direction::AtLeast } else { Direction::AtMost };
    Some(Target { row: row.parse().ok()?, name, direction, bound: bound.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_target() {
        assert_eq!(all().count(), include_str!("../targets.tsv").lines().count() - 1);
        let target = of("argod_tail_vs_unix_64").unwrap();
        assert_eq!((target.row, target.direction, target.bound), (6, Direction::AtMost, 1.2));
        assert!(target.is_reached_by(1.2) && !target.is_reached_by(1.21));
        assert!(!target.is_reached_by(f64::NAN));
    }
}

//! Ports that no rule tells apart are one class, so that an answer about one is an answer about
//! all.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use argo_core::Port;
use argo_core::policy::PortRange;
use foldhash::fast::FixedState;

/// Which ports the rules tell apart.
///
/// Ports that stand alone in a rule are looked up by hash, only ranges by search: the cost of a
/// look-up does not depend on the number of rules that name single ports.
pub(super) struct PortClasses {
    single: HashMap<Port, u16, FixedState>,
    /// Whether a port is named at all.
    any: bool,
    /// Between ends of ranges, in order; the place is the class.
    stretches: Box<[Stretch]>,
}

struct Stretch {
    begins: Port,
    /// Whether a range covers it.
    covered: bool,
}

impl PortClasses {
    /// The classes that these ranges make. There are no more than two for each range, and one.
    pub(super) fn new(ranges: impl Iterator<Item = PortRange>) -> Self {
        let mut single = BTreeSet::new();
        let mut begins = BTreeMap::from([(Port(0), 0)]);
        for range in ranges {
            if range.first() == range.last() {
                single.insert(range.first());
            } else {
                *begins.entry(range.first()).or_insert(0) += 1;
                if let Some(after) = range.last().0.checked_add(1) {
                    *begins.entry(Port(after)).or_insert(0) -= 1;
                }
            }
        }
        let mut covering = 0;
        let stretch = |(begins, change)| {
            covering += change;
            Stretch { begins, covered: covering > 0 }
        };
        let stretches: Box<[_]> = begins.into_iter().map(stretch).collect();
        let numbers = (stretches.len()..).map(|number| number as u16);
        let any = !single.is_empty() || stretches.len() > 1 || stretches[0].covered;
        Self { single: single.into_iter().zip(numbers).collect(), any, stretches }
    }

    /// The class of a port.
    #[inline]
    pub(super) fn of(&self, port: Port) -> u16 {
        match self.single.get(&port) {
            Some(class) => *class,
            None => self.stretch(port) as u16,
        }
    }

    /// Whether a range names the port.
    #[inline]
    pub(super) fn is_named(&self, port: Port) -> bool {
        self.any && self.is_in_a_range(port)
    }

    fn is_in_a_range(&self, port: Port) -> bool {
        self.single.contains_key(&port) || self.stretches[self.stretch(port)].covered
    }

    /// The place of the stretch that the port is in. The first begins at port 0.
    #[inline]
    fn stretch(&self, port: Port) -> usize {
        self.stretches.partition_point(|stretch| stretch.begins <= port).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One port of each class.
    fn examples(classes: &PortClasses) -> Vec<Port> {
        let begins = classes.stretches.iter().map(|stretch| stretch.begins.0);
        let ends = begins.clone().skip(1).map(|begin| begin - 1).chain([u32::MAX]);
        let of_stretches = begins.zip(ends).filter_map(|(begin, end)| {
            (begin..=end).map(Port).find(|port| !classes.single.contains_key(port))
        });
        of_stretches.chain(classes.single.keys().copied()).collect()
    }

    fn range() -> impl Strategy<Value = PortRange> {
        let port = prop_oneof![0..20u32, u32::MAX - 5..=u32::MAX];
        (port.clone(), port)
            .prop_map(|(a, b)| PortRange::new(Port(a.min(b)), Port(a.max(b))).unwrap())
    }

    proptest! {
        /// Two ports of one class are in the same ranges, and each class has one example.
        #[test]
        fn a_class_is_what_no_range_tells_apart(ranges in prop::collection::vec(range(), 0..8)) {
            let classes = PortClasses::new(ranges.iter().copied());
            let within = |port| ranges.iter().map(|range| range.contains(port)).collect::<Vec<_>>();
            let ports = (0..25).chain(u32::MAX - 10..=u32::MAX).map(Port);
            let examples = examples(&classes);
            for port in ports {
                let alike = |example: &&Port| classes.of(**example) == classes.of(port);
                let of_class: Vec<_> = examples.iter().filter(alike).collect();
                prop_assert_eq!(of_class.len(), 1, "{}", port);
                prop_assert_eq!(within(*of_class[0]), within(port));
                prop_assert_eq!(classes.is_named(port), within(port).contains(&true));
            }
        }
    }
}

//! Weighted fair queueing: who is served next.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use argo_core::DomainId;

use crate::config::DOMAINS_MAX;

/// Sessions that have calls to serve, the one whose domain has had least (for its weight) first.
///
/// Time is virtual: a domain's advances by the nanoseconds it was served, divided by its weight.
/// One that was idle begins at the present, so it can neither save up nor be starved.
pub struct RunQueue<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    now: u64,
    turn: u64,
}

/// What a weight of 1 costs more than the default of 100 is a matter of ratios only.
const SCALE: u64 = 100;

struct Entry<T> {
    key: (u64, u64),
    item: T,
}

impl<T> Default for RunQueue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), now: 0, turn: 0 }
    }
}

impl<T> RunQueue<T> {
    /// Nobody, and room for so many.
    pub fn with_room(room: usize) -> Self {
        Self { heap: BinaryHeap::with_capacity(room), ..Self::default() }
    }

    /// Queues somebody whose domain has had service up to the virtual time `served`.
    pub fn push(&mut self, served: u64, item: T) {
        self.turn += 1;
        let key = (served.max(self.now), self.turn);
        self.heap.push(Reverse(Entry { key, item }));
    }

    /// Who is next, with the virtual time at which its service begins.
    pub fn pop(&mut self) -> Option<(u64, T)> {
        let Reverse(Entry { key: (begins, _), item }) = self.heap.pop()?;
        self.now = self.now.max(begins);
        Some((begins, item))
    }

    /// Whether nobody is queued.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

/// Up to which virtual time each domain was served.
pub struct Ledger {
    served: HashMap<DomainId, u64>,
}

/// Room for as many domains as there may be at a time.
impl Default for Ledger {
    fn default() -> Self {
        Self { served: HashMap::with_capacity(DOMAINS_MAX) }
    }
}

impl Ledger {
    /// Up to when this one was.
    pub fn served(&self, domain: DomainId) -> u64 {
        self.served.get(&domain).copied().unwrap_or(0)
    }

    /// More service that began at `begins` or, if the domain had some since (for another session
    /// of its, or a doorbell), after that.
    pub fn charge(&mut self, domain: DomainId, begins: u64, cost: Duration, weight: u32) {
        let so_far = self.served.entry(domain).or_default();
        *so_far = served((*so_far).max(begins), cost.as_nanos() as u64, weight);
    }
}

/// The virtual time of a domain with this weight after `nanos` of service that began at `begins`.
fn served(begins: u64, nanos: u64, weight: u32) -> u64 {
    begins.saturating_add(nanos.saturating_mul(SCALE) / u64::from(weight.max(1)))
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves two domains that always have work for `visits` visits of 10 µs and counts.
    fn shares(weights: [u32; 2], visits: u32) -> [u32; 2] {
        let mut queue = RunQueue::default();
        let mut counts = [0; 2];
        queue.push(0, 0);
        queue.push(0, 1);
        for _ in 0..visits {
            let (begins, who) = queue.pop().unwrap();
            counts[who] += 1;
            queue.push(served(begins, 10_000, weights[who]), who);
        }
        counts
    }

    /// What two domains with these numbers of sessions get of 1000 visits.
    fn shares_of_sessions(sessions: [usize; 2]) -> [u32; 2] {
        let domains = [1, 2].map(|id| DomainId::new(id).unwrap());
        let (mut queue, mut ledger) = (RunQueue::default(), Ledger::default());
        let mut counts = [0; 2];
        for (who, sessions) in sessions.into_iter().enumerate() {
            (0..sessions).for_each(|_| queue.push(0, who));
        }
        for _ in 0..1000 {
            let (begins, who) = queue.pop().unwrap();
            counts[who] += 1;
            ledger.charge(domains[who], begins, Duration::from_micros(10), 100);
            queue.push(ledger.served(domains[who]), who);
        }
        counts
    }

    #[test]
    fn more_sessions_do_not_make_a_larger_share() {
        let [few, many] = shares_of_sessions([1, 8]);
        assert!(few.abs_diff(many) <= 16, "{few} {many}");
    }

    #[test]
    fn equal_weights_share_equally() {
        assert_eq!(shares([100, 100], 1000), [500, 500]);
    }

    #[test]
    fn weights_are_honoured() {
        let [light, heavy] = shares([100, 300], 1000);
        assert!((249..=251).contains(&light) && light + heavy == 1000, "{light} {heavy}");
    }

    #[test]
    fn who_was_idle_has_saved_nothing() {
        let mut queue = RunQueue::default();
        queue.push(0, "busy");
        for _ in 0..100 {
            let (begins, who) = queue.pop().unwrap();
            queue.push(served(begins, 10_000, 100), who);
        }
        queue.push(0, "idle");
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(_, who)| who).collect();
        assert_eq!(order, ["idle", "busy"]);
        queue.push(0, "late");
        assert_eq!(queue.pop().unwrap().0, 100 * 10_000);
    }

    /// As with time spent on interrupts for a domain that waits.
    #[test]
    fn what_is_charged_beside_its_visits_costs_a_domain_its_turns() {
        let [slow, quick] = [1, 2].map(|id| DomainId::new(id).unwrap());
        let (mut queue, mut ledger) = (RunQueue::default(), Ledger::default());
        ledger.charge(slow, 0, Duration::from_micros(100), 100);
        queue.push(ledger.served(slow), slow);
        queue.push(ledger.served(quick), quick);
        let mut before = 0;
        while let Some((begins, who)) = queue.pop().filter(|(_, who)| *who == quick) {
            before += 1;
            ledger.charge(who, begins, Duration::from_micros(10), 100);
            queue.push(ledger.served(who), who);
        }
        assert_eq!(before, 10);
    }

    #[test]
    fn a_slow_visit_is_paid_for() {
        let mut queue = RunQueue::default();
        queue.push(served(0, 1_000_000, 100), "slow");
        queue.push(0, "quick");
        assert_eq!(queue.pop().unwrap().1, "quick");
        assert!(!queue.is_empty());
    }
}

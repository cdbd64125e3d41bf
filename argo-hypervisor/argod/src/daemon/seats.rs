//! A bounded number of connections at a time, counted so that it can be shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Seats, some of them taken.
pub struct Seats {
    taken: AtomicUsize,
    limit: usize,
}

/// A seat that is taken until this is dropped.
pub struct Seat(Arc<Seats>);

impl Seats {
    /// That many, all free.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), limit })
    }

    /// Takes a seat, if one is free.
    pub fn take(self: &Arc<Self>) -> Option<Seat> {
        let more = |taken| (taken < self.limit).then_some(taken + 1);
        let taken = self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        taken.is_ok().then(|| Seat(self.clone()))
    }

    /// How many are taken now.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// How many there are.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_seat_beyond_the_last_until_one_is_left() {
        let seats = Seats::new(2);
        let (first, _second) = (seats.take().unwrap(), seats.take().unwrap());
        assert!(seats.take().is_none());
        assert_eq!((seats.taken(), seats.limit()), (2, 2));
        drop(first);
        let _third = seats.take().unwrap();
        assert!(seats.take().is_none());
    }
}

//! How long a connection may be silent.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Knows when something last moved, either way.
pub(in super::super) struct Idle {
    limit: Option<Duration>,
    begun: Instant,
    /// Milliseconds from the beginning to the last move.
    last: AtomicU64,
}

impl Idle {
    /// At most that long; `None`: for ever.
    pub(in super::super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, begun: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Tries it with the time that is left; again when that is over, but something moved the other
    /// way in the meantime.
    pub(in super::super) fn patiently<T>(
        &self,
        mut attempt: impl FnMut(Option<Duration>) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let outcome = attempt(self.left());
            match &outcome {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    if self.left().is_none_or(|left| left.is_zero()) {
                        return outcome;
                    }
                }
                Err(_) => return outcome,
                Ok(_) => {
                    self.moved();
                    return outcome;
                }
            }
        }
    }

    /// Whether it was silent for too long.
    pub(in super::super) fn is_over(&self) -> Option<Duration> {
        self.limit.filter(|_| self.left().is_some_and(|left| left.is_zero()))
    }

    fn moved(&self) {
        self.last.store(self.now(), Ordering::Relaxed);
    }

    fn left(&self) -> Option<Duration> {
        let silent = self.now().saturating_sub(self.last.load(Ordering::Relaxed));
        self.limit.map(|limit| limit.saturating_sub(Duration::from_millis(silent)))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed_out() -> io::Error {
        io::ErrorKind::TimedOut.into()
    }

    #[test]
    fn silence_is_borne_while_something_moves_the_other_way() {
        let idle = Idle::new(Some(Duration::from_secs(3600)));
        let mut attempts = 0;
        let outcome = idle.patiently(|left| {
            attempts += 1;
            assert!(left.is_some_and(|left| left <= Duration::from_secs(3600)));
            if attempts < 3 { Err(timed_out()) } else { Ok(7) }
        });
        assert_eq!((outcome.unwrap(), attempts), (7, 3));
        assert_eq!(idle.is_over(), None);
    }

    #[test]
    fn silence_ends_with_the_limit_and_without_one_timeouts_are_not_retried() {
        for limit in [Some(Duration::ZERO), None] {
            let idle = Idle::new(limit);
            let outcome = idle.patiently(|_| Err::<(), _>(timed_out()));
            assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert_eq!(idle.is_over(), limit);
        }
    }
}

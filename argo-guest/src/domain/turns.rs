//! Driving a session from a loop of one's own, where there are no threads.

use alloc::sync::Arc;
use core::time::Duration;

use argo_core::platform::{Gone, Platform};

use super::chance::Chance;
use super::events::Rest;
use super::{Domain, Inner, Lending, race};

/// What a [`Domain`] without a thread does when it is its turn: made by
/// [`Domain::without_thread`], for whoever owns the loop of a unikernel or of a simulation.
///
/// ```no_run
/// # use std::time::Duration;
/// # use argo_core::platform::{Gone, Platform};
/// # fn run(platform: impl Platform + Clone + 'static, entropy: u64,
/// #     run_ready_tasks: impl Fn(), tasks_are_ready: impl Fn() -> bool) -> Result<(), Gone> {
/// let (domain, mut driver) = argo_guest::Domain::without_thread(platform.clone(), entropy);
/// // ... tasks are spawned that use `domain` ...
/// loop {
///     let seen = platform.sequence();
///     run_ready_tasks();
///     let next = driver.turn()?;
///     if !tasks_are_ready() {
///         platform.wait(seen, next.map(|at| at.saturating_sub(platform.now())))?;
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Driver {
    domain: DomainInside,
}

/// The inside only, so that the driver does not keep the session alive.
struct DomainInside(Arc<Inner>);

impl Domain {
    /// As [`new`](Self::new), but no thread is ever started: async operations get on while
    /// [`Driver::turn`] is called. Without a driver they wait for ever.
    ///
    /// Nor is the operating system asked for randomness: `entropy` is what ports, connection ids
    /// and epochs are drawn from, differently each time if others are not to guess them.
    ///
    /// Blocking forms and [`block_on`](Self::block_on) wait for the platform themselves, so only the
    /// thread that owns the loop may call them, and so it is when the last handle is dropped while
    /// streams have something to deliver. A guest that does everything in them needs no driver.
    pub fn without_thread(platform: impl Platform + 'static, entropy: u64) -> (Self, Driver) {
        Self::threadless(Arc::new(platform), Lending::Copied, entropy)
    }

    /// Runs a future to its end on this thread, which meanwhile deals with what comes and waits for
    /// the platform: an executor for whoever has no other. Several futures are joined first.
    ///
    /// The future may wait for other things, too: its waker ends the wait for the platform.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.inner().block_on(future)
    }

    /// The same for at most so long, on the platform's clock. `None`: the time was over, or the session.
    pub fn block_on_for<F: Future>(&self, timeout: Duration, future: F) -> Option<F::Output> {
        let inner = self.inner();
        let until = inner.platform.now().saturating_add(timeout);
        inner.block_on(race(future, inner.timer(until)))
    }

    pub(crate) fn threadless(
        platform: Arc<dyn Platform>,
        lending: Lending,
        entropy: u64,
    ) -> (Self, Driver) {
        let inner = Inner::new(platform, lending, Chance::given(entropy));
        inner.drive.is_driven_elsewhere();
        let domain = Self::of(inner);
        let driver = Driver { domain: DomainInside(domain.inner().clone()) };
        (domain, driver)
    }
}

impl Driver {
    /// Deals with what has come, and wakes the tasks that it concerns. Never blocks; a bounded
    /// amount of work.
    ///
    /// Returns when the next turn is due at the latest, on the platform's clock: at once if that
    /// time is over, as it is when there is more to deal with; `None`: when there is news. News is
    /// a change of [`Platform::sequence`], looked at before the turn, and [`Platform::wake`], also
    /// from other threads.
    ///
    /// # Errors
    /// The session has ended. Everybody who waited for it was told.
    pub fn turn(&mut self) -> Result<Option<Duration>, Gone> {
        let DomainInside(inner) = &self.domain;
        let (timers, platform) = (&inner.drive.timers, &*inner.platform);
        timers.disarm();
        let rest = inner.dispatch();
        timers.fire(platform);
        if inner.is_gone() {
            return Err(Gone);
        }
        platform.flush().inspect_err(|_| {
            // Answers may have come just before the end.
            let _ = inner.dispatch();
            inner.fail();
            inner.finish_chores();
        })?;
        // From here on, an earlier timer wakes the platform.
        let first = timers.arm_until();
        Ok(if rest == Rest::More { Some(Duration::ZERO) } else { first })
    }
}

impl core::fmt::Debug for DomainInside {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Domain").field(&self.0.platform.domain()).finish()
    }
}

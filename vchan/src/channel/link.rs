//! What both halves of a channel hold: its memory, its port, how it stands, and what its end undoes.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ops::Deref;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use argo_core::DomainId;

use super::pages::ChannelPages;
use super::standing::Standing;
use crate::geometry::Geometry;
use crate::notify::Signal;
use crate::platform::{EventChannel, Fault, Platform, Port, Wake};
use crate::ring::LyingIndex;
use crate::role::{Presence, Role};
use crate::session::leave;

/// Dropped when both halves are.
pub(crate) struct Link<P: Platform> {
    // The order of the fields is that of the end: unmap, then signal, then close the port.
    pages: ChannelPages<P>,
    channel: Farewell<P::Channel>,
    platform: P,
    standing: Standing,
    pub(crate) terms: Terms,
    /// Takes the keys out of the store.
    unpublish: Option<Box<dyn Fn() + Send + Sync>>,
    is_published: AtomicBool,
}

/// What was agreed on at the start.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) role: Role,
    pub(crate) peer: DomainId,
    pub(crate) geometry: Geometry,
    pub(crate) lasting: Lasting,
}

/// Whether a server stays when its client goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    OneClient,
    Persistent,
}

impl<P: Platform> Link<P> {
    pub(crate) fn new(
        platform: P,
        pages: ChannelPages<P>,
        channel: P::Channel,
        terms: Terms,
    ) -> Link<P> {
        let (channel, standing) = (Farewell(channel), Standing::default());
        let (unpublish, is_published) = (None, AtomicBool::new(false));
        Link { pages, channel, platform, standing, terms, unpublish, is_published }
    }

    /// The keys are in the store; `unpublish` takes them out.
    pub(crate) fn published(&mut self, unpublish: Box<dyn Fn() + Send + Sync>) {
        self.unpublish = Some(unpublish);
        *self.is_published.get_mut() = true;
    }

    /// Takes the keys out of the store, if that was not done yet.
    pub(crate) fn withdraw(&self) {
        if self.is_published.swap(false, Ordering::Relaxed)
            && let Some(unpublish) = &self.unpublish
        {
            unpublish();
        }
    }

    pub(crate) fn pages(&self) -> &ChannelPages<P> {
        &self.pages
    }

    pub(crate) fn channel(&self) -> &P::Channel {
        &self.channel.0
    }

    pub(crate) fn platform(&self) -> &P {
        &self.platform
    }

    pub(crate) fn port(&self) -> Port {
        self.channel().port()
    }

    pub(crate) fn ended(&self) -> Option<Option<LyingIndex>> {
        self.standing.ended()
    }

    pub(crate) fn peer(&self) -> Presence {
        Presence::of_peer(&self.pages, self.terms.role)
    }

    /// Wakes the peer if it asked. That the platform has gone is told to who waits next.
    #[inline]
    pub(crate) fn deliver(&self, signal: Signal) {
        if signal == Signal::Needed {
            let _told_at_the_next_wait = self.channel().notify();
        }
    }

    /// Ends the channel on this side; who waits here goes on.
    pub(crate) fn close(&self) {
        if self.standing.close() {
            self.depart();
        }
    }

    /// As [`close`](Self::close), because the peer lied. Returns the lie that is told from now on:
    /// the first one.
    pub(crate) fn break_by(&self, lie: LyingIndex) -> LyingIndex {
        if self.standing.break_by(lie) {
            self.depart();
        }
        self.ended().flatten().unwrap_or(lie)
    }

    fn depart(&self) {
        self.deliver(leave(&self.pages, self.terms.role));
        self.channel().interrupt();
    }

    /// Waits for an event after `seen`, until the deadline.
    pub(crate) fn wait(&self, seen: u32, deadline: &mut Deadline) -> Result<Wake, Fault> {
        match deadline.left(&self.platform) {
            Some(Duration::ZERO) => Ok(Wake::TimedOut),
            left => self.channel().wait(seen, left),
        }
    }
}

impl<P: Platform> Drop for Link<P> {
    fn drop(&mut self) {
        // First, for the store takes its time: the peer is not to wait for that.
        self.close();
        self.withdraw();
    }
}

/// A port that is signalled before it is closed.
struct Farewell<C: EventChannel>(C);

impl<C: EventChannel> Drop for Farewell<C> {
    fn drop(&mut self) {
        let _nobody_left_to_tell = self.0.notify();
    }
}

/// The link as the core's memory, for [`Reader`](crate::Reader) and [`Writer`](crate::Writer).
pub(crate) struct Shared<P: Platform>(pub(crate) Arc<Link<P>>);

impl<P: Platform> Clone for Shared<P> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}

impl<P: Platform> Deref for Shared<P> {
    type Target = ChannelPages<P>;

    #[inline]
    fn deref(&self) -> &ChannelPages<P> {
        &self.0.pages
    }
}

/// When a call gives up. The clock is read only by who waits.
pub(crate) struct Deadline {
    timeout: Option<Duration>,
    /// By the platform's clock, in nanoseconds.
    at: Option<u64>,
}

impl Deadline {
    pub(crate) fn after(timeout: Option<Duration>) -> Deadline {
        Deadline { timeout, at: None }
    }

    /// The time that is left, `None` for no limit. It counts from the first call on.
    pub(crate) fn left<P: Platform>(&mut self, platform: &P) -> Option<Duration> {
        let timeout = self.timeout?;
        if timeout.is_zero() {
            return Some(timeout);
        }
        let now = nanoseconds(platform.now());
        let at = *self.at.get_or_insert_with(|| now.saturating_add(nanoseconds(timeout)));
        Some(Duration::from_nanos(at.saturating_sub(now)))
    }
}

/// At most so many as there are in 584 years. The arithmetic of [`Duration`] itself has a panic in
/// it that never happens, but not such that the compiler sees it.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

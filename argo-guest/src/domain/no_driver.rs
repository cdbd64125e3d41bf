//! Where there are no threads there is no driver thread: whoever has the processor drives the
//! session, in [`block_on`](super::drive::block_on) or by [`turns`](super::turns), and need not be
//! told that somebody waits.

use alloc::sync::Arc;
use core::marker::PhantomData;

use super::drive::Drive;
use super::session::Session;

/// Nobody counts who waits.
#[derive(Debug, Default)]
pub(super) struct Claims;

impl Claims {
    /// Nobody watches for the end of a lead.
    pub(super) const fn take_watch(&self) -> bool {
        false
    }
}

/// Nobody sleeps here.
#[derive(Debug, Default)]
pub(super) struct Bed;

impl Bed {
    pub(super) const fn notify_one(&self) {}
}

impl Drive {
    /// There is nothing to end.
    pub const fn end(&self) {}

    /// So it always is.
    pub(super) const fn is_driven_elsewhere(&self) {}
}

/// An async task that waits.
pub struct WaitingTask<S: Session>(PhantomData<fn(S)>);

impl<S: Session> WaitingTask<S> {
    /// A task begins to wait.
    pub const fn new(_: &Arc<S>) -> Self {
        Self(PhantomData)
    }
}

/// Background work.
pub struct Background<S: Session>(PhantomData<fn(S)>);

impl<S: Session> Background<S> {
    /// Begins background work.
    pub const fn new(_: &Arc<S>) -> Self {
        Self(PhantomData)
    }
}

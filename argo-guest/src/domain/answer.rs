//! What a call lies in, and the wait for its answer.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use argo_core::GuestAddr;
use argo_core::platform::{Gone, Tag};

use super::calls::Outcome;
use super::{After, Inner};
use crate::arena::Block;

/// A part of the RAM, given back when dropped.
pub(crate) struct Chunk {
    inner: Arc<Inner>,
    block: Option<Block>,
}

impl Chunk {
    pub(crate) fn of(inner: &Arc<Inner>, block: Option<Block>) -> Self {
        Self { inner: inner.clone(), block }
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(crate) fn len(&self) -> usize {
        self.block.as_ref().map_or(0, Block::len)
    }

    /// Where it lies in the RAM.
    pub(crate) fn offset(&self) -> usize {
        self.block.as_ref().map_or(0, Block::offset)
    }

    /// What a hypercall calls the place `at` bytes into it.
    pub(crate) fn handle(&self, at: usize) -> GuestAddr {
        self.inner.platform.handle(self.offset() + at)
    }

    /// Copies bytes in. Writes nothing if they do not fit: callers asked for enough.
    pub(crate) fn put(&self, at: usize, bytes: &[u8]) {
        if at.checked_add(bytes.len()).is_some_and(|end| end <= self.len()) {
            let _ = self.inner.platform.ram().write(self.offset() + at, bytes);
        }
    }

    /// Copies bytes out. They stay as they are if they do not lie in it.
    pub(crate) fn get(&self, at: usize, out: &mut [u8]) {
        if at.checked_add(out.len()).is_some_and(|end| end <= self.len()) {
            let _ = self.inner.platform.ram().read(self.offset() + at, out);
        }
    }

    /// Makes its owner somebody else, who will not give it back by dropping.
    pub(crate) fn into_block(mut self) -> Option<Block> {
        self.block.take()
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.inner.release(self.block.take());
    }
}

/// A call that was taken.
pub(crate) enum Started {
    Done(i64, Chunk),
    Queued(Answer),
}

impl Started {
    pub(crate) async fn answer(self) -> Result<(i64, Chunk), Gone> {
        match self {
            Self::Done(ret, chunk) => Ok((ret, chunk)),
            Self::Queued(answer) => answer.await,
        }
    }
}

/// The answer to a call in flight. Dropping it leaves the call to itself: its memory is given back
/// when it completes.
pub(crate) struct Answer {
    inner: Arc<Inner>,
    tag: Option<Tag>,
    pub(super) abandoned: After,
}

impl Answer {
    pub(super) fn new(inner: &Arc<Inner>, tag: Tag) -> Self {
        Self { inner: inner.clone(), tag: Some(tag), abandoned: After::Nothing }
    }
}

impl Future for Answer {
    type Output = Result<(i64, Chunk), Gone>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(tag) = self.tag else { return Poll::Ready(Err(Gone)) };
        let poll = self.inner.calls.lock().poll(tag, context.waker());
        match poll {
            Poll::Ready((ret, block)) => {
                self.tag = None;
                Poll::Ready(Ok((ret, Chunk::of(&self.inner, block))))
            }
            // Asked after the waker was left, so that the end cannot be missed.
            Poll::Pending if self.inner.is_gone() => Poll::Ready(Err(Gone)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let Some(tag) = self.tag else { return };
        let after = core::mem::replace(&mut self.abandoned, After::Nothing);
        let completed = self.inner.calls.lock().abandon(tag, after);
        self.inner.finish(completed);
    }
}

/// The outcome of linked calls in flight. Dropping it leaves them to themselves: their memory is
/// given back when all are answered.
pub(crate) struct ChainAnswer {
    inner: Arc<Inner>,
    tag: Option<Tag>,
}

impl ChainAnswer {
    pub(super) fn new(inner: &Arc<Inner>, tag: Tag) -> Self {
        Self { inner: inner.clone(), tag: Some(tag) }
    }
}

impl Future for ChainAnswer {
    /// The outcome, and what the calls lay in.
    type Output = Result<(Outcome, Vec<Chunk>), Gone>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(tag) = self.tag else { return Poll::Ready(Err(Gone)) };
        let poll = self.inner.calls.lock().poll_chain(tag, context.waker());
        match poll {
            Poll::Ready((outcome, blocks)) => {
                self.tag = None;
                let chunk = |block| Chunk::of(&self.inner, Some(block));
                Poll::Ready(Ok((outcome, blocks.into_iter().map(chunk).collect())))
            }
            // Asked after the waker was left, so that the end cannot be missed.
            Poll::Pending if self.inner.is_gone() => Poll::Ready(Err(Gone)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for ChainAnswer {
    fn drop(&mut self) {
        let Some(tag) = self.tag else { return };
        let blocks = self.inner.calls.lock().abandon_chain(tag);
        self.inner.release_all(blocks);
    }
}

//! Feeds: what argod tells to whoever listens, without ever waiting for them.
//!
//! Publishing puts an item into the queue of each reader. A queue that is full loses the item, and
//! its reader is told how many it lost, in the place where they would have been. A feed can keep
//! the last items, so that who comes later sees what has just happened.
//!
//! Publishers exclude each other, and a reader that comes or goes, for moments that do not depend
//! on how fast anybody reads: no lock is held while a reader works or waits.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};
use parking_lot::Mutex;

/// Readers of one feed at a time.
pub const READERS_MAX: usize = 4;

/// A feed of `T` to readers, each with an interest `I` of its own.
pub struct Feed<T, I = ()> {
    /// Changed with `recent` locked, read without.
    readers: ArcSwap<Vec<Arc<Reader<T, I>>>>,
    recent: Mutex<Recent<T>>,
    watched: AtomicBool,
}

/// An item with its number in the feed, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered<T> {
    /// Items that were published up to this one.
    pub seq: u64,
    /// The item.
    pub item: T,
}

/// What a reader finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// An item.
    Item(Numbered<T>),
    /// Here so many items were lost, because the reader was too slow.
    Lost(u64),
    /// Nothing came in time.
    Quiet,
    /// Nothing will come any more.
    Closed,
}

/// Why somebody does not become a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// As many read already as may.
    #[error("{READERS_MAX} others are reading already, and there may be no more")]
    Full,
    /// argod stops.
    #[error("argod is stopping")]
    Closed,
}

/// A reader's end of a feed; leaves it when dropped.
pub struct Subscription<T, I = ()> {
    feed: Arc<Feed<T, I>>,
    queue: Receiver<Queued<T>>,
    lost: Arc<AtomicU64>,
    /// What comes before anything in the queue.
    ready: VecDeque<Numbered<T>>,
}

struct Recent<T> {
    published: u64,
    kept: VecDeque<Numbered<T>>,
    keep: usize,
    closed: bool,
}

struct Reader<T, I> {
    interest: I,
    queue: Sender<Queued<T>>,
    /// Items lost since the last one that went into the queue.
    lost: Arc<AtomicU64>,
}

struct Queued<T> {
    lost_before: u64,
    item: Numbered<T>,
}

impl<T: Clone, I> Feed<T, I> {
    /// A feed without readers that keeps the last `keep` items.
    pub fn new(keep: usize) -> Self {
        let recent =
            Recent { published: 0, kept: VecDeque::with_capacity(keep), keep, closed: false };
        Self {
            readers: ArcSwap::default(),
            recent: Mutex::new(recent),
            watched: AtomicBool::new(false),
        }
    }

    /// Whether anybody reads. What is published at the moment when somebody comes may be missed.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.watched.load(Relaxed)
    }

    /// The most that `of` makes of any reader's interest. Waits for nobody.
    pub fn most<R: Ord>(&self, of: impl Fn(&I) -> Option<R>) -> Option<R> {
        self.readers.load().iter().filter_map(|reader| of(&reader.interest)).max()
    }

    /// Publishes an item: each reader gets what `cut` makes of it for its interest, if anything.
    pub fn publish(&self, item: T, cut: impl Fn(&T, &I) -> Option<T>) {
        let mut recent = self.recent.lock();
        recent.published += 1;
        let seq = recent.published;
        for reader in self.readers.load().iter() {
            if let Some(item) = cut(&item, &reader.interest) {
                reader.offer(Numbered { seq, item });
            }
        }
        recent.keep(Numbered { seq, item });
    }

    /// Lets readers finish what is in their queues, and nobody come any more.
    pub fn close(&self) {
        let mut recent = self.recent.lock();
        recent.closed = true;
        self.change(|readers| readers.clear());
    }

    /// Becomes a reader with room for `room` unread items. What the feed has kept comes first.
    ///
    /// # Errors
    /// There are [`READERS_MAX`], or the feed is closed.
    pub fn subscribe(
        self: &Arc<Self>,
        interest: I,
        room: usize,
    ) -> Result<Subscription<T, I>, SubscribeError> {
        let recent = self.recent.lock();
        if recent.closed {
            return Err(SubscribeError::Closed);
        }
        if self.readers.load().len() >= READERS_MAX {
            return Err(SubscribeError::Full);
        }
        let (sender, queue) = bounded(room);
        let lost = Arc::new(AtomicU64::new(0));
        let reader = Arc::new(Reader { interest, queue: sender, lost: lost.clone() });
        self.change(|readers| readers.push(reader.clone()));
        Ok(Subscription { feed: self.clone(), queue, lost, ready: recent.kept.clone() })
    }
}

impl<T, I> Feed<T, I> {
    /// With `recent` locked.
    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Reader<T, I>>>)) {
        let mut readers = Vec::clone(&self.readers.load());
        change(&mut readers);
        self.watched.store(!readers.is_empty(), Relaxed);
        self.readers.store(Arc::new(readers));
    }
}

impl<T> Recent<T> {
    fn keep(&mut self, item: Numbered<T>) {
        if self.keep == 0 {
            return;
        }
        if self.kept.len() == self.keep {
            self.kept.pop_front();
        }
        self.kept.push_back(item);
    }
}

impl<T, I> Reader<T, I> {
    /// With the feed's `recent` locked.
    fn offer(&self, item: Numbered<T>) {
        let lost_before = self.lost.swap(0, Relaxed);
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Queued { lost_before, item }) {
            self.lost.store(lost_before + 1, Relaxed);
        }
    }
}

impl<T: Clone, I> Subscription<T, I> {
    /// The next item, or what else there is to know; waits for at most `patience`.
    pub fn next(&mut self, patience: Duration) -> Next<T> {
        if let Some(item) = self.ready.pop_front() {
            return Next::Item(item);
        }
        match self.queue.try_recv() {
            Ok(queued) => self.hand_out(queued),
            Err(why) => match self.lost_at_the_end() {
                0 if why == TryRecvError::Disconnected => Next::Closed,
                0 => self.wait(patience),
                lost => Next::Lost(lost),
            },
        }
    }

    fn wait(&mut self, patience: Duration) -> Next<T> {
        match self.queue.recv_timeout(patience) {
            Ok(queued) => self.hand_out(queued),
            // If the feed was closed, the next look finds that.
            Err(_) => Next::Quiet,
        }
    }

    fn hand_out(&mut self, queued: Queued<T>) -> Next<T> {
        match queued.lost_before {
            0 => Next::Item(queued.item),
            lost => {
                self.ready.push_back(queued.item);
                Next::Lost(lost)
            }
        }
    }

    /// Items lost after all that was in the queue, which is empty.
    fn lost_at_the_end(&self) -> u64 {
        if self.lost.load(Relaxed) == 0 {
            return 0;
        }
        // Without publishers: they may have filled the queue again, and lost more, meanwhile.
        let _recent = self.feed.recent.lock();
        if self.queue.is_empty() { self.lost.swap(0, Relaxed) } else { 0 }
    }
}

impl<T, I> Drop for Subscription<T, I> {
    fn drop(&mut self) {
        let _recent = self.feed.recent.lock();
        let own = |reader: &Arc<Reader<T, I>>| Arc::ptr_eq(&reader.lost, &self.lost);
        self.feed.change(|readers| readers.retain(|reader| !own(reader)));
    }
}

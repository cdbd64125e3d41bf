//! Rings that the hypervisor took away although their owner wants them: a policy came into force
//! that forbids them, or an administrator reset a domain.
//!
//! Not even argod says which ones. So each ring is asked after, by a registration that fails if the
//! ring is still there. A ring that belongs to no connection is registered anew by that, with what
//! is in it; what cannot be, or has lost its sense, is over, and whoever uses it learns that.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use event_listener::Event;

use super::{Attend, Inner, Urgency, race};
use crate::datagram::BindError;
use crate::lock::Mutex;
use crate::registration::{Registration, Standing};

/// Rings asked after in one go.
const ROUND: usize = 64;
/// Between two rounds, so that others have their turn.
const PAUSE: Duration = Duration::from_millis(1);
/// Before asking once more after rings of which nothing was learnt: memory was lacking, or a partner
/// is away.
const RETRY: Duration = Duration::from_millis(10);
/// The longest such wait: each doubles the one before.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// What becomes of a ring that was taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfCut {
    /// It is registered anew, if that is allowed.
    Renewed,
    /// It is over: what it was for is over as well.
    Over,
}

/// What became of a ring that was taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It is registered again. What was sent meanwhile was refused.
    Renewed,
    /// It is gone for good; this answers a registration now.
    Gone(BindError),
}

/// What is known about rings that were taken away.
pub(super) struct Cuts {
    started: AtomicBool,
    /// Rings were asked after since the platform's count of cuts was this.
    settled: Mutex<Option<u32>>,
    /// A ring was taken away, perhaps, before it was among those asked after.
    doubt: AtomicBool,
    /// The count has changed, there is doubt, or the session has ended.
    news: Event,
    /// Rings were asked after, or the session has ended.
    checked: Event,
}

impl Cuts {
    /// Nothing was taken away yet; `count` is the platform's count now.
    pub(super) fn new(count: Option<u32>) -> Self {
        Self {
            started: AtomicBool::new(false),
            settled: Mutex::new(count),
            doubt: AtomicBool::new(false),
            news: Event::new(),
            checked: Event::new(),
        }
    }

    /// The count has changed.
    pub(super) fn changed(&self) {
        self.news.notify(usize::MAX);
    }

    /// The session has ended.
    pub(super) fn end(&self) {
        self.news.notify(usize::MAX);
        self.checked.notify(usize::MAX);
    }
}

impl Inner {
    /// Waits until all rings were asked after that may have been taken away, so that a new one is
    /// not mistaken for an old one of its name. From then on, rings are looked after.
    ///
    /// Returns the count of cuts before which nothing happened to the new ring.
    pub(crate) async fn settle_cuts(self: &Arc<Self>) -> Option<u32> {
        self.platform.events().rings_cut?;
        if !self.cuts.started.swap(true, Ordering::SeqCst) {
            self.begin_chore(Urgency::Idle, mind(self.clone()));
        }
        loop {
            let count = self.platform.events().rings_cut;
            if self.is_gone() || *self.cuts.settled.lock() == count {
                return count;
            }
            let checked = self.cuts.checked.listen();
            // Looked at again after listening began: nothing is missed.
            if !self.is_gone() && *self.cuts.settled.lock() != self.platform.events().rings_cut {
                checked.await;
            }
        }
    }

    /// A ring is looked after from now on that was registered at this count.
    pub(super) fn doubt_since(&self, count: Option<u32>) {
        if self.platform.events().rings_cut != count {
            self.cuts.doubt.store(true, Ordering::SeqCst);
            self.cuts.changed();
        }
    }

    fn has_news_of_cuts(&self) -> bool {
        self.is_gone()
            || self.cuts.doubt.load(Ordering::SeqCst)
            || *self.cuts.settled.lock() != self.platform.events().rings_cut
    }

    /// Waits for news of cuts, at most that long.
    async fn news_of_cuts(self: &Arc<Self>, at_most: Option<Duration>) {
        let until = at_most.map(|time| self.platform.now().saturating_add(time));
        loop {
            let news = self.cuts.news.listen();
            if self.has_news_of_cuts() {
                return;
            }
            match until {
                None => news.await,
                Some(until) if race(news, self.timer(until)).await.is_none() => return,
                Some(_) => {}
            }
        }
    }
}

async fn mind(inner: Arc<Inner>) {
    let mut due = Vec::new();
    let mut retry = RETRY;
    loop {
        inner.news_of_cuts((!due.is_empty()).then_some(retry)).await;
        if inner.is_gone() {
            return;
        }
        if inner.has_news_of_cuts() {
            retry = RETRY;
            let count = inner.platform.events().rings_cut;
            inner.cuts.doubt.store(false, Ordering::SeqCst);
            due = check(&inner, inner.rings.all()).await;
            *inner.cuts.settled.lock() = count;
            inner.cuts.checked.notify(usize::MAX);
        } else {
            retry = (retry * 2).min(RETRY_MAX);
            due = check(&inner, due).await;
        }
    }
}

/// Asks after these rings; gives those of which nothing was learnt.
async fn check(inner: &Arc<Inner>, rings: Vec<Weak<dyn Attend>>) -> Vec<Weak<dyn Attend>> {
    let mut unknown = Vec::new();
    for (index, ring) in rings.into_iter().enumerate() {
        if index > 0 && index % ROUND == 0 {
            inner.timer(inner.platform.now().saturating_add(PAUSE)).await;
        }
        if let Some(living) = ring.upgrade()
            && let Some(home) = living.home()
            && check_one(&*living, &home).await == Learnt::Nothing
        {
            unknown.push(ring);
        }
    }
    unknown
}

/// Whether it is known what became of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Learnt {
    All,
    Nothing,
}

/// Asks after one ring. Its memory is held until the answer is there, so that the hypervisor never
/// gets memory that is another's by then.
async fn check_one(ring: &dyn Attend, home: &Arc<Registration>) -> Learnt {
    let if_cut = ring.if_cut();
    let standing = match if_cut {
        IfCut::Renewed => home.renew().await,
        IfCut::Over => home.probe().await,
    };
    match standing {
        Standing::Registered => {}
        Standing::Renewed => ring.cut(Cut::Renewed),
        Standing::Gone(cause) => {
            home.is_no_more();
            ring.cut(Cut::Gone(cause));
        }
        Standing::Unknown => return Learnt::Nothing,
        // What it was for has ended with its partner, or ends when that one comes back.
        Standing::PartnerAway if if_cut == IfCut::Over => {}
        Standing::PartnerAway => return Learnt::Nothing,
    }
    Learnt::All
}

//! Hypercalls in flight, and who owns their memory meanwhile.
//!
//! From submission to completion a call's memory belongs to its entry here, whoever waits for the
//! answer: dropping the wait abandons the answer, never the memory.

use alloc::vec::Vec;
use core::task::{Poll, Waker};

use argo_core::Errno;
use argo_core::errno::decode_ret;
use argo_core::platform::Tag;

use crate::arena::Block;

/// What is done when a call completes for which nobody waits.
#[derive(Debug)]
pub(crate) enum After {
    /// Its memory goes back.
    Nothing,
    /// It was a notify: somebody may have to be notified again.
    Notified,
    /// It was a registration: if it succeeded, the ring in this memory is taken down again.
    Withdraw(Block),
}

#[derive(Debug)]
enum Entry {
    Free,
    Waiting { block: Option<Block>, waker: Option<Waker> },
    Done { block: Option<Block>, ret: i64 },
    Abandoned { block: Option<Block>, after: After },
    Chain(Chain),
}

/// Linked calls, which share one entry and one tag: their answers come in their order.
#[derive(Debug)]
struct Chain {
    blocks: Vec<Block>,
    pending: usize,
    outcome: Outcome,
    waker: Option<Waker>,
    /// Nobody waits for them any more.
    abandoned: bool,
}

/// What became of linked calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Calls that succeeded, from the first on.
    pub succeeded: usize,
    /// Why the next one failed. All after it were canceled.
    pub failure: Option<Errno>,
}

/// What a completion asks of whoever reaped it.
#[derive(Debug)]
pub(crate) enum Completed {
    /// Nothing: the tag means no call.
    Unknown,
    /// To wake the one who waits.
    Awaited(Option<Waker>),
    /// To give the memory back and go on as said.
    Unattended { block: Option<Block>, after: After, ret: i64 },
    /// To give the memory back.
    Released(Vec<Block>),
}

/// The table of calls in flight.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    entries: Vec<Entry>,
    free: Vec<usize>,
    in_flight: usize,
}

impl Outcome {
    fn add(&mut self, ret: i64) {
        match (self.failure, decode_ret(ret)) {
            (None, Ok(_)) => self.succeeded += 1,
            (None, Err(errno)) => self.failure = Some(errno),
            (Some(_), _) => {}
        }
    }
}

impl Calls {
    /// Calls that are not answered yet.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Adds a call that somebody waits for.
    pub(crate) fn add(&mut self, block: Option<Block>) -> Tag {
        self.insert(Entry::Waiting { block, waker: None })
    }

    /// Adds a call for which nobody waits.
    pub(crate) fn add_unattended(&mut self, block: Option<Block>, after: After) -> Tag {
        self.insert(Entry::Abandoned { block, after })
    }

    /// Adds that many linked calls.
    pub(crate) fn add_chain(&mut self, blocks: Vec<Block>, calls: usize) -> Tag {
        let outcome = Outcome::default();
        let chain = Chain { blocks, pending: calls, outcome, waker: None, abandoned: false };
        let tag = self.insert(Entry::Chain(chain));
        // The entry counts as one; the rest of its calls are counted here.
        self.in_flight += calls.saturating_sub(1);
        tag
    }

    /// Takes a call out again that was not submitted, or whose answer came at once.
    pub(crate) fn remove(&mut self, tag: Tag) -> Option<Block> {
        match self.take(tag) {
            Entry::Waiting { block, .. } => {
                self.in_flight -= 1;
                block
            }
            other => {
                self.put(tag, other);
                None
            }
        }
    }

    /// Records an answer.
    pub(crate) fn complete(&mut self, tag: Tag, ret: i64) -> Completed {
        match self.take(tag) {
            Entry::Free => Completed::Unknown,
            Entry::Waiting { block, waker } => {
                self.in_flight -= 1;
                self.put(tag, Entry::Done { block, ret });
                Completed::Awaited(waker)
            }
            // An answer counts once; the first one is kept.
            done @ Entry::Done { .. } => {
                self.put(tag, done);
                Completed::Unknown
            }
            Entry::Abandoned { block, after } => {
                self.in_flight -= 1;
                Completed::Unattended { block, after, ret }
            }
            Entry::Chain(chain) => self.complete_link(tag, chain, ret),
        }
    }

    fn complete_link(&mut self, tag: Tag, mut chain: Chain, ret: i64) -> Completed {
        if chain.pending > 0 {
            self.in_flight -= 1;
            chain.pending -= 1;
            chain.outcome.add(ret);
        }
        if chain.pending == 0 && chain.abandoned {
            return Completed::Released(chain.blocks);
        }
        let waker = if chain.pending == 0 { chain.waker.take() } else { None };
        self.put(tag, Entry::Chain(chain));
        Completed::Awaited(waker)
    }

    /// Takes the outcome of linked calls out once all are answered, or remembers whom to wake.
    pub(crate) fn poll_chain(&mut self, tag: Tag, waker: &Waker) -> Poll<(Outcome, Vec<Block>)> {
        match self.take(tag) {
            Entry::Chain(chain) if chain.pending == 0 => Poll::Ready((chain.outcome, chain.blocks)),
            Entry::Chain(mut chain) => {
                chain.waker = Some(waker.clone());
                self.put(tag, Entry::Chain(chain));
                Poll::Pending
            }
            other => {
                self.put(tag, other);
                Poll::Pending
            }
        }
    }

    /// Nobody waits for these linked calls any more: their memory goes back when all are answered.
    /// If they are, it is returned.
    pub(crate) fn abandon_chain(&mut self, tag: Tag) -> Vec<Block> {
        match self.take(tag) {
            Entry::Chain(chain) if chain.pending == 0 => chain.blocks,
            Entry::Chain(mut chain) => {
                chain.abandoned = true;
                self.put(tag, Entry::Chain(chain));
                Vec::new()
            }
            other => {
                self.put(tag, other);
                Vec::new()
            }
        }
    }

    /// Takes the answer out, or remembers whom to wake.
    pub(crate) fn poll(&mut self, tag: Tag, waker: &Waker) -> Poll<(i64, Option<Block>)> {
        match self.take(tag) {
            Entry::Done { block, ret } => Poll::Ready((ret, block)),
            Entry::Waiting { block, waker: old } => {
                let waker = old.filter(|old| old.will_wake(waker)).unwrap_or(waker.clone());
                self.put(tag, Entry::Waiting { block, waker: Some(waker) });
                Poll::Pending
            }
            other => {
                self.put(tag, other);
                Poll::Pending
            }
        }
    }

    /// Nobody waits for this call any more. If its answer has come already, that is returned.
    pub(crate) fn abandon(&mut self, tag: Tag, after: After) -> Completed {
        match self.take(tag) {
            Entry::Waiting { block, .. } => {
                self.put(tag, Entry::Abandoned { block, after });
                Completed::Unknown
            }
            Entry::Done { block, ret } => Completed::Unattended { block, after, ret },
            other => {
                self.put(tag, other);
                Completed::Unknown
            }
        }
    }

    /// Everybody who waits for an answer.
    pub(crate) fn wakers(&mut self) -> Vec<Waker> {
        let waker = |entry: &mut Entry| match entry {
            Entry::Waiting { waker, .. } | Entry::Chain(Chain { waker, .. }) => waker.take(),
            _ => None,
        };
        self.entries.iter_mut().filter_map(waker).collect()
    }

    fn insert(&mut self, entry: Entry) -> Tag {
        self.in_flight += 1;
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry::Free);
            self.entries.len() - 1
        });
        self.entries[index] = entry;
        index as Tag
    }

    /// Takes an entry out; it stays out unless it is [`put`](Self::put) back.
    fn take(&mut self, tag: Tag) -> Entry {
        let Some(entry) = usize::try_from(tag).ok().and_then(|at| self.entries.get_mut(at)) else {
            return Entry::Free;
        };
        let entry = core::mem::replace(entry, Entry::Free);
        if !matches!(entry, Entry::Free) {
            self.free.push(tag as usize);
        }
        entry
    }

    fn put(&mut self, tag: Tag, entry: Entry) {
        if matches!(entry, Entry::Free) {
            return;
        }
        // `take` freed this index just before.
        self.free.pop();
        self.entries[tag as usize] = entry;
    }
}

//! Sleep and interrupt, doorbell and rest: no wake-up is lost in either direction.
//!
//! Both directions are the same handshake. The sleeper sets a flag, crosses a full fence and looks
//! once more for work; the other side makes work visible, crosses a full fence and looks at the
//! flag. Whatever the interleaving, one of the two sees the other: either the sleeper finds the
//! work, or the other finds the flag and signals. While both are busy nobody signals.

use core::sync::atomic::Ordering;

use super::layout::{
    ARMED, DOORBELL_ARMED, PEERS_GONE, QueueLayout, RINGS_CUT, SEQUENCE, SPACE_WANTED, VIRQS,
    WAITS_LOST,
};
use super::words::{Word, Words};

/// What argod tells a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// `VIRQ_ARGO`.
    Virq,
    /// A wait of the domain was dropped together with the ring.
    WaitLost,
    /// Somebody waits for space in one of the domain's rings.
    SpaceWanted,
    /// Rings that others had for the domain alone went.
    PeerGone,
    /// Rings of the domain were taken away.
    RingsCut,
    /// Completions were posted.
    Completion,
}

impl Event {
    const fn counter(self) -> Option<Word> {
        match self {
            Self::Virq => Some(VIRQS),
            Self::WaitLost => Some(WAITS_LOST),
            Self::SpaceWanted => Some(SPACE_WANTED),
            Self::PeerGone => Some(PEERS_GONE),
            Self::RingsCut => Some(RINGS_CUT),
            Self::Completion => None,
        }
    }
}

/// Whether the other side sleeps and must be signalled (an interrupt, or a doorbell).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a sleeper that is not signalled sleeps on"]
pub enum Signal {
    /// It is awake and will see the work.
    Unneeded,
    /// Signal it.
    Needed,
}

/// argod: records an event and says whether the guest must be interrupted.
///
/// Call it after what the event is about is visible (`tx_ptr` or the completion index published).
pub fn raise(words: &impl Words, event: Event) -> Signal {
    if let Some(counter) = event.counter() {
        words.increment(counter, Ordering::Relaxed);
    }
    // Release: whoever sees the new sequence sees the counter and what was published before.
    words.increment(SEQUENCE, Ordering::Release);
    take_flag(words, ARMED)
}

/// Guest: whether it may sleep, `seen` being the sequence it has dealt with. If so, it does, and
/// calls [`disarm`] afterwards; if not, there is news.
#[must_use]
pub fn arm(words: &impl Words, seen: u32) -> bool {
    words.store(ARMED, 1, Ordering::Relaxed);
    // Pairs with the fence in `take_flag`: the flag is visible before the sequence is read.
    words.fence();
    if words.load(SEQUENCE, Ordering::Acquire) == seen {
        return true;
    }
    disarm(words);
    false
}

/// Guest: is awake again and needs no interrupt.
pub fn disarm(words: &impl Words) {
    words.store(ARMED, 0, Ordering::Relaxed);
}

/// Guest: after publishing submissions, whether argod's doorbell must be rung.
pub fn doorbell(words: &impl Words) -> Signal {
    take_flag(words, DOORBELL_ARMED)
}

/// argod: whether it may stop watching the session, having taken everything up to `taken` in each
/// of its queues. If not, there is more to serve, and whoever goes on calls [`watch`]. The doorbell
/// stays armed in both cases: by now the session may be somebody else's.
#[must_use]
pub fn rest(words: &impl Words, taken: &[u32]) -> bool {
    words.store(DOORBELL_ARMED, 1, Ordering::Relaxed);
    // Pairs with the fence in `take_flag`: the flag is visible before the indexes are read.
    words.fence();
    taken.iter().zip(0..).all(|(taken, queue)| {
        words.load(QueueLayout::new(queue).submitted(), Ordering::Acquire) == *taken
    })
}

/// argod: is watching the session again and needs no doorbell.
pub fn watch(words: &impl Words) {
    words.store(DOORBELL_ARMED, 0, Ordering::Relaxed);
}

fn take_flag(words: &impl Words, flag: Word) -> Signal {
    // Pairs with the fences in `arm` and `rest`: the work is visible before the flag is read.
    words.fence();
    let asleep =
        words.load(flag, Ordering::Relaxed) != 0 && words.swap(flag, 0, Ordering::Relaxed) != 0;
    if asleep { Signal::Needed } else { Signal::Unneeded }
}

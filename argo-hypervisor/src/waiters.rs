//! Who waits for space in a ring.

use alloc::vec::Vec;
use core::mem;

use argo_core::claim::{PayloadLen, RingLen};
use argo_core::ring::index;
use argo_core::{DomainId, Partner};

use crate::config::Waking;
use crate::lists::List;

/// The waiting list of one ring: one entry a domain, with the longest payload that it waits for, in
/// the order in which they began to wait.
///
/// Its memory is taken when the ring is registered: a send that has to wait allocates nothing.
///
/// Xen's way ([`Waking::All`]), an entry goes when its domain is woken. In a fair list it stays as
/// *called* until the domain has sent or let its time pass, and its room is kept:
/// - Nobody sends past one who waits, and nobody into room that is kept for one before it.
/// - Who waits and sends all the same (its turn had come, or its message is shorter) goes on waiting, at
///   the end: others of its domain may wait. So does who was called and asks for more than it was called
///   for, or for more than a quarter of the ring, and does not find it.
/// - No message keeps more than a quarter of the ring, and all together no more than three quarters:
///   who is called and does not come leaves a part of the ring to the others.
///
/// A longer message is called in its turn but has to be quicker than those called with it.
pub(crate) struct Waiters {
    entries: List<Waiter>,
    limit: usize,
    waking: Waking,
    len: RingLen,
    /// Whether the owner was asked for a notify since who waits was looked at last.
    asked: bool,
}

#[derive(Clone, Copy)]
pub(crate) struct Waiter {
    domain: DomainId,
    payload: PayloadLen,
    standing: Standing,
}

#[derive(Clone, Copy)]
enum Standing {
    Waits,
    /// It was woken, and has not sent since.
    Called {
        /// Bytes of the ring that are kept for it.
        kept: u32,
        /// Since the last time that room was [lent](Waiters::lend).
        lately: bool,
    },
}

/// What became of the wish to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The domain waits now, or for more than before.
    New,
    /// The same, and others are before it in their turn.
    Behind,
    /// It waited for as much already.
    AsBefore,
    /// Too many others wait.
    Busy,
    /// It does not wait: room may have been made at this very moment. It is to be interrupted, to
    /// try again.
    Over,
}

impl Waiters {
    /// How many may wait for a ring for this partner, by the quota of its owner.
    pub fn limit(partner: Partner, quota: u32) -> usize {
        match partner {
            Partner::Any => quota as usize,
            Partner::Domain(_) => quota.min(1) as usize,
        }
    }

    /// An empty list with room for at least `limit` domains, and how many may wait, for a ring of
    /// this length.
    pub fn new(entries: List<Waiter>, limit: usize, waking: Waking, len: RingLen) -> Self {
        Self { entries, limit, waking, len, asked: false }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.domains().count()
    }

    /// The domains that wait.
    pub fn domains(&self) -> impl Iterator<Item = DomainId> {
        self.entries.iter().filter(|entry| entry.waits()).map(|entry| entry.domain)
    }

    /// How much of the ring's free bytes a domain may use.
    #[inline]
    pub fn room_for(&self, domain: DomainId, free: u32) -> u32 {
        match self.waking {
            Waking::Fair if !self.entries.is_empty() => self.room_in_turn(domain, free),
            Waking::Fair | Waking::All => free,
        }
    }

    #[inline(never)]
    fn room_in_turn(&self, domain: DomainId, free: u32) -> u32 {
        let mut before = self.entries.iter().take_while(|entry| entry.domain != domain);
        before
            .try_fold(free, |room, entry| {
                (!entry.waits()).then(|| room.saturating_sub(entry.kept()))
            })
            .unwrap_or(0)
    }

    /// The domain has sent. Whether the owner is to be asked for a notify once it has read, because
    /// others wait.
    #[inline]
    pub fn served(&mut self, domain: DomainId) -> bool {
        match self.waking {
            Waking::Fair if !self.entries.is_empty() => {
                match self.leave(domain) {
                    Some(entry) if entry.waits() => self.join(entry),
                    Some(_) | None => {}
                }
                self.len() > 0 && !mem::replace(&mut self.asked, true)
            }
            Waking::Fair | Waking::All => false,
        }
    }

    /// Puts the domain at the end of the list. If it waits already it keeps its place, and the longer
    /// payload: space for it is space for any of the messages that wait.
    pub fn wait(&mut self, domain: DomainId, payload: PayloadLen) -> Wait {
        let waiter = Waiter { domain, payload, standing: Standing::Waits };
        let (len, mut entries) = (self.len, self.entries.iter_mut());
        let stays = |entry: &&mut Waiter| entry.domain == domain && entry.stays_for(&waiter, len);
        match entries.find(stays) {
            Some(entry) if entry.waits() && entry.payload >= payload => return Wait::AsBefore,
            Some(entry) => *entry = waiter,
            None => {
                let _ = self.leave(domain);
                if self.is_full() {
                    self.forget_one();
                }
                if self.is_full() {
                    return Wait::Busy;
                }
                self.join(waiter);
            }
        }
        if self.waking == Waking::Fair && self.entries.len() > 1 { Wait::Behind } else { Wait::New }
    }

    /// The owner is asked for a notify, because of one who waits.
    pub fn asks(&mut self) {
        self.asked = true;
    }

    /// The limit is what was reserved.
    #[inline]
    fn is_full(&self) -> bool {
        self.entries.len() >= self.limit.min(self.entries.capacity())
    }

    /// Adds an entry for which there is a place: no push grows the list.
    #[inline]
    fn join(&mut self, entry: Waiter) {
        debug_assert!(!self.is_full(), "no place for {}", entry.domain);
        if !self.is_full() {
            self.entries.push(entry);
        }
    }

    fn leave(&mut self, domain: DomainId) -> Option<Waiter> {
        self.entries.extract_if(.., |entry| entry.domain == domain).next()
    }

    /// The first of those who were called gives up its place.
    fn forget_one(&mut self) {
        let _ = self.entries.extract_if(.., |entry| !entry.waits()).next();
    }

    /// Takes the domain off the list.
    pub fn cancel(&mut self, domain: DomainId) {
        let _ = self.leave(domain);
    }

    /// The domain was told that there is room for it: it need not be woken.
    pub fn told(&mut self, domain: DomainId) {
        match self.waking {
            Waking::All => self.cancel(domain),
            Waking::Fair => {
                let kept = self.kept();
                let (len, mut entries) = (self.len, self.entries.iter_mut());
                if let Some(entry) = entries.find(|entry| entry.domain == domain && entry.waits()) {
                    entry.call(kept, len);
                }
            }
        }
    }

    /// Hands out whom these free bytes let go. Whether somebody stays who would find room, were
    /// none kept for others.
    pub fn release(&mut self, free: u32, each: impl FnMut(DomainId)) -> bool {
        self.asked = false;
        match self.waking {
            Waking::All => self.release_all(free, each),
            Waking::Fair => self.release_in_turn(free, each),
        }
    }

    /// Whoever would find room alone, and off the list.
    fn release_all(&mut self, free: u32, mut each: impl FnMut(DomainId)) -> bool {
        self.entries.retain(|&Waiter { domain, payload, .. }| {
            let goes = index::fits(payload, free);
            if goes {
                each(domain);
            }
            !goes
        });
        false
    }

    /// As many as find room together, until one does not: smaller ones would else overtake it for
    /// ever.
    fn release_in_turn(&mut self, free: u32, mut each: impl FnMut(DomainId)) -> bool {
        let len = self.len;
        let mut kept = self.kept();
        let mut left = free.saturating_sub(kept);
        // Kept for those before, or theirs who go now.
        let mut before = 0u32;
        for entry in self.entries.iter_mut() {
            if entry.waits() {
                let large = entry.bytes() > quarter(len);
                let room = if large { free.saturating_sub(before) } else { left };
                if !index::fits(entry.payload, room) {
                    return index::fits(entry.payload, free);
                }
                kept = entry.call(kept, len);
                // A large one may not come: those behind it that keep room do not depend on it.
                left = left.saturating_sub(if large { 0 } else { entry.bytes() });
                before = before.saturating_add(entry.bytes());
                each(entry.domain);
            } else {
                before = before.saturating_add(entry.kept());
            }
        }
        false
    }

    /// If somebody waits, room is kept no longer for those who were called before the last time that
    /// this was asked, and their places are gone.
    pub fn lend(&mut self) {
        if self.len() == 0 {
            return;
        }
        self.entries.retain_mut(|entry| match &mut entry.standing {
            Standing::Waits => true,
            Standing::Called { lately, .. } => mem::take(lately),
        });
    }

    /// Takes the domain off the list, and adds it to `dismissed` if it waited.
    pub fn dismiss(&mut self, domain: DomainId, dismissed: &mut Vec<DomainId>) {
        let picked = self.entries.extract_if(.., |entry| entry.domain == domain);
        dismissed.extend(picked.filter(Waiter::waits).map(|entry| entry.domain));
    }

    /// Bytes that are kept.
    fn kept(&self) -> u32 {
        self.entries.iter().map(Waiter::kept).fold(0, u32::saturating_add)
    }
}

impl Waiter {
    fn waits(&self) -> bool {
        matches!(self.standing, Standing::Waits)
    }

    /// Whether its place is still its own if it waits like that from now on.
    fn stays_for(&self, next: &Self, len: RingLen) -> bool {
        self.waits() || (next.payload <= self.payload && next.bytes() <= quarter(len))
    }

    /// Of the ring, for its message.
    fn bytes(&self) -> u32 {
        index::message_bytes(self.payload)
    }

    /// Of the ring, kept for it now.
    fn kept(&self) -> u32 {
        match self.standing {
            Standing::Waits => 0,
            Standing::Called { kept, .. } => kept,
        }
    }

    /// Calls it, where so many bytes are kept for others. Gives how many are kept then.
    fn call(&mut self, kept: u32, len: RingLen) -> u32 {
        let sum = kept.saturating_add(self.bytes());
        let keeps = self.bytes() <= quarter(len) && sum <= quarter(len).saturating_mul(3);
        let own = if keeps { self.bytes() } else { 0 };
        self.standing = Standing::Called { kept: own, lately: true };
        kept.saturating_add(own)
    }
}

/// The most that one message keeps.
fn quarter(len: RingLen) -> u32 {
    len.bytes() / 4
}

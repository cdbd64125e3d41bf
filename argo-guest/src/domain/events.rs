//! What completions and interrupts mean for sockets.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use event_listener::EventListener;

use super::{Attend, Inner, Notify};

/// Whether a dispatch left work for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what is left waits for another dispatch"]
pub enum Rest {
    /// Everything that had come was dealt with.
    Nothing,
    /// The budget was used up: dispatch again before waiting.
    More,
}

impl Rest {
    /// More, if either is.
    pub fn and(self, other: Self) -> Self {
        if self == Self::More { self } else { other }
    }
}

/// A wait for room that cannot miss what happened since it was marked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpaceMark(u32);

impl Inner {
    /// Deals with everything that has come, and wakes whom it concerns. Any thread, any time.
    pub(crate) fn dispatch(&self) -> Rest {
        self.chores.attend();
        self.reap();
        let now = self.platform.events();
        let before = core::mem::replace(&mut *self.seen.lock(), now);
        let attended = self.attend_rings(now.virq != before.virq);
        if now.virq != before.virq || now.wait_lost != before.wait_lost {
            self.wake_senders();
        }
        if now.peers_gone != before.peers_gone {
            self.watch.rings_went.notify(usize::MAX);
        }
        if now.rings_cut != before.rings_cut {
            self.cuts.changed();
        }
        if now.space_wanted != before.space_wanted {
            self.notify_if(self.room.wanted(now.space_wanted));
        }
        attended.and(self.chores.run())
    }

    /// Lets the rings deal with what has come to them: all of them after an interrupt, and those
    /// that had not done with it the last time.
    fn attend_rings(&self, interrupted: bool) -> Rest {
        let mut due = core::mem::take(&mut *self.unfinished.lock());
        if interrupted {
            self.rings.filled(self.platform.ram(), &mut due);
        }
        due.retain(|ring| ring.attend() == Rest::More);
        if due.is_empty() {
            return Rest::Nothing;
        }
        self.unfinished.lock().append(&mut due);
        Rest::More
    }

    /// Lets a ring go on that could not when there was news.
    pub(crate) fn attend_later(&self, ring: Arc<dyn Attend>) {
        self.unfinished.lock().push(ring);
        self.platform.wake();
    }

    /// Remembers the present, before a send that may have to wait for room.
    pub(crate) fn mark_space(&self) -> SpaceMark {
        SpaceMark(self.space_turns.load(Ordering::Acquire))
    }

    /// Listens for room. `None`: something has happened since the mark.
    pub(crate) fn listen_for_space(&self, mark: SpaceMark) -> Option<EventListener> {
        let listener = self.space.listen();
        let unchanged = self.space_turns.load(Ordering::SeqCst) == mark.0 && !self.is_gone();
        unchanged.then_some(listener)
    }

    /// Lets everybody who waits for room try again.
    pub(crate) fn wake_senders(&self) {
        self.space_turns.fetch_add(1, Ordering::SeqCst);
        self.space.notify(usize::MAX);
    }

    /// Runs `consume`, which makes room in a ring, and tells the hypervisor if somebody may wait
    /// for it. Who holds no lock then [goes on](Self::go_on_notifying).
    pub(crate) fn made_room(&self, consume: impl FnOnce()) -> Notify {
        let wanted = || self.platform.events().space_wanted;
        let notify = self.room.made(consume, wanted);
        self.notify_if(notify);
        notify
    }

    /// Takes the answer to a notify that is under way, so that the next can follow.
    ///
    /// Who finds a message whenever it looks never waits, so takes no answers otherwise: somebody who
    /// floods a ring could keep those waiting who wait for room in it.
    pub(crate) fn go_on_notifying(&self, notify: Notify) {
        if notify == Notify::UnderWay {
            self.reap();
        }
    }

    /// A notify was executed.
    pub(super) fn notified(&self) -> Notify {
        let all_empty = self.rings.are_empty(self.platform.ram());
        self.room.notified(all_empty, self.platform.events().space_wanted)
    }
}

//! What completions and interrupts mean for sockets.

use std::sync::atomic::Ordering;

use event_listener::EventListener;

use super::{Inner, Notify};

/// Whether a dispatch left work for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what is left waits for another dispatch"]
pub enum Rest {
    /// Everything that had come was dealt with.
    Nothing,
    /// The budget was used up: dispatch again before waiting.
    More,
}

/// A wait for room that cannot miss what happened since it was marked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpaceMark(u32);

impl Inner {
    /// Deals with everything that has come, and wakes whom it concerns. Any thread, any time.
    pub(crate) fn dispatch(&self) -> Rest {
        self.reap();
        let now = self.platform.events();
        let before = std::mem::replace(&mut *self.seen.lock(), now);
        if now.virq != before.virq {
            self.wake_receivers();
        }
        if now.virq != before.virq || now.wait_lost != before.wait_lost {
            self.wake_senders();
        }
        if now.space_wanted != before.space_wanted {
            self.notify_if(self.room.wanted(now.space_wanted));
        }
        Rest::Nothing
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
    pub(super) fn wake_senders(&self) {
        self.space_turns.fetch_add(1, Ordering::SeqCst);
        self.space.notify(usize::MAX);
    }

    fn wake_receivers(&self) {
        let ram = self.platform.ram();
        self.rings.lock().iter().for_each(|ring| ring.wake_if_filled(ram));
    }

    /// Runs `consume`, which makes room in a ring, and tells the hypervisor if somebody may wait
    /// for it.
    pub(crate) fn made_room(&self, consume: impl FnOnce()) {
        let wanted = || self.platform.events().space_wanted;
        self.notify_if(self.room.made(consume, wanted));
    }

    /// A notify was executed.
    pub(super) fn notified(&self) -> Notify {
        let ram = self.platform.ram();
        let all_empty = self.rings.lock().iter().all(|ring| ring.is_empty(ram));
        self.room.notified(all_empty, self.platform.events().space_wanted)
    }
}

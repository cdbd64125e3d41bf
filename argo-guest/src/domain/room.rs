//! Whom to tell that there is room: when to submit a notify.
//!
//! Senders that found a ring of ours full wait in the hypervisor until we call notify. A notify
//! after every message would cost a hypercall each, so it is only made while somebody may wait:
//! since the platform's count of such waits changed, until a notify ran while all our rings were
//! empty, for then everybody who waited was signalled, or is counted once more when one of those who were
//! has sent (argod signals only those who find room together).
//!
//! A wait that begins in the very moment in which its room is made may be counted just after we
//! looked at the count. The count is an event, so whoever waits for the platform then sees it.

use crate::lock::Mutex;

/// Whether a notify has to be submitted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "who waits for room waits on"]
pub(crate) enum Notify {
    Needed,
    /// Perhaps once the answer to the last one was taken.
    UnderWay,
    Unneeded,
}

/// What is known about senders that wait for room in our rings.
#[derive(Debug)]
pub(crate) struct Room {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Messages taken out of our rings.
    consumed: u64,
    /// All waits up to this count are over.
    settled: Option<u32>,
    /// The notify that is under way: what was known when it was submitted.
    asked: Option<Asked>,
    /// There is more room since.
    again: bool,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    consumed: u64,
    wanted: Option<u32>,
}

impl Room {
    /// Nobody waits; `wanted` is the platform's count of waits now.
    pub(crate) fn new(wanted: Option<u32>) -> Self {
        let state = State { consumed: 0, settled: wanted, asked: None, again: false };
        Self { state: Mutex::new(state) }
    }

    /// Runs `consume`, which makes room; `wanted` is asked afterwards.
    ///
    /// Under the lock, so that a notify is submitted and completed either before or after it.
    pub(crate) fn made(
        &self,
        consume: impl FnOnce(),
        wanted: impl FnOnce() -> Option<u32>,
    ) -> Notify {
        let mut state = self.state.lock();
        consume();
        state.consumed += 1;
        state.notify(wanted())
    }

    /// Somebody began to wait.
    pub(crate) fn wanted(&self, wanted: Option<u32>) -> Notify {
        self.state.lock().notify(wanted)
    }

    /// The notify has been executed. `all_empty` was found after that: had a ring not been empty
    /// when it ran, either it still would not be, or a message was consumed since.
    pub(crate) fn notified(&self, all_empty: bool, wanted: Option<u32>) -> Notify {
        let mut state = self.state.lock();
        let Some(asked) = state.asked.take() else { return Notify::Unneeded };
        if all_empty && asked.consumed == state.consumed {
            state.settled = asked.wanted;
        }
        if core::mem::take(&mut state.again) { state.notify(wanted) } else { Notify::Unneeded }
    }
}

impl State {
    fn notify(&mut self, wanted: Option<u32>) -> Notify {
        if wanted.is_some() && wanted == self.settled {
            return Notify::Unneeded;
        }
        if self.asked.is_some() {
            self.again = true;
            return Notify::UnderWay;
        }
        self.asked = Some(Asked { consumed: self.consumed, wanted });
        Notify::Needed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consume(room: &Room, wanted: u32) -> Notify {
        room.made(|| (), || Some(wanted))
    }

    #[test]
    fn nobody_waits_nobody_is_told() {
        let room = Room::new(Some(3));
        assert_eq!(consume(&room, 3), Notify::Unneeded);
        assert_eq!(room.wanted(Some(3)), Notify::Unneeded);
    }

    #[test]
    fn told_until_a_notify_found_all_rings_empty() {
        let room = Room::new(Some(0));
        assert_eq!(room.wanted(Some(1)), Notify::Needed);
        assert_eq!(room.notified(false, Some(1)), Notify::Unneeded);
        assert_eq!(consume(&room, 1), Notify::Needed);
        assert_eq!(room.notified(true, Some(1)), Notify::Unneeded);
        assert_eq!(consume(&room, 1), Notify::Unneeded);
    }

    #[test]
    fn room_made_meanwhile_asks_again_and_settles_nothing() {
        let room = Room::new(Some(0));
        assert_eq!(consume(&room, 1), Notify::Needed);
        assert_eq!(consume(&room, 1), Notify::UnderWay);
        assert_eq!(room.notified(true, Some(1)), Notify::Needed);
        assert_eq!(room.notified(true, Some(1)), Notify::Unneeded);
        assert_eq!(consume(&room, 1), Notify::Unneeded);
    }

    #[test]
    fn a_platform_that_cannot_tell_is_told_each_time() {
        let room = Room::new(None);
        for _ in 0..3 {
            assert_eq!(room.made(|| (), || None), Notify::Needed);
            assert_eq!(room.notified(true, None), Notify::Unneeded);
        }
    }
}

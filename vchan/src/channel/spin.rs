//! Looking for a while before anybody is asked for a signal, and letting gather what comes fast.

use core::hint;

/// How long it pays to look before asking and sleeping: as many looks as have lately been worth it.
pub(crate) struct Spin {
    looks: u32,
    gather: Gather,
}

impl Spin {
    const FEWEST: u32 = 4;
    /// About as long as a sleep and a wake-up take.
    const MOST: u32 = 256;

    pub(crate) const fn new() -> Spin {
        Spin { looks: Spin::MOST, gather: Gather::new() }
    }

    /// Looks until `look` sees something, whose bytes it tells, or for long enough. There was nothing
    /// a moment ago.
    pub(crate) fn until(&mut self, mut look: impl FnMut() -> Option<u32>) {
        if let Some(first) = look() {
            return self.gather.more(first, look);
        }
        for _ in 0..self.looks {
            hint::spin_loop();
            if let Some(first) = look() {
                self.looks = (self.looks * 2).min(Spin::MOST);
                return self.gather.more(first, look);
            }
        }
        self.looks = (self.looks / 2).max(Spin::FEWEST);
    }
}

/// Waits for more of what has begun to come, if lately that brought much more.
///
/// The indexes of both sides and the bytes they ask by lie in one cache line. A side that is always
/// close behind the other drags it over with each message, which costs both more than a small
/// message does. Left alone for a moment, the other moves many.
struct Gather {
    /// Calls that go without it after one that was not worth it.
    pause: u32,
    /// Those of them that are still to come.
    left: u32,
}

impl Gather {
    /// Steps at most: 8 times 16 pauses are about 4.5 µs on Intel's machines since Skylake (35 ns a
    /// pause) and less on others. No call is held longer than that.
    const STEPS: u32 = 8;
    const STEP: u32 = 16;
    /// Worth it is what brought this many times the first bytes.
    const WORTH: u32 = 4;
    /// So many first bytes cost more to move (6 to 10 ns for each 64) than the line does: they are
    /// taken at once, while they are in the nearest cache.
    const LARGE: u32 = 1024;
    /// A peer that awaits each answer makes one step in 256 calls vain: 2 ns a call.
    const LONGEST: u32 = 255;

    const fn new() -> Gather {
        Gather { pause: 0, left: 0 }
    }

    fn more(&mut self, first: u32, look: impl FnMut() -> Option<u32>) {
        if first >= Gather::LARGE {
            return;
        }
        if self.left > 0 {
            self.left -= 1;
            return;
        }
        self.pause = match Gather::wait(first, look) / Gather::WORTH >= first {
            true => 0,
            false => (self.pause * 2 + 1).min(Gather::LONGEST),
        };
        self.left = self.pause;
    }

    /// Goes on while each step brings as much as came first; the bytes that there are then.
    fn wait(first: u32, mut look: impl FnMut() -> Option<u32>) -> u32 {
        let mut seen = first;
        for _ in 0..Gather::STEPS {
            (0..Gather::STEP).for_each(|_| hint::spin_loop());
            let before = seen;
            seen = look().unwrap_or(0);
            if seen.saturating_sub(before) < first.max(1) {
                break;
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::{Gather, Spin};

    /// A peer that writes `message` bytes between any two looks, `most` at most, from the first on.
    fn looks(spin: &mut Spin, message: u32, most: u32) -> u32 {
        let mut looks = 0;
        spin.until(|| {
            looks += 1;
            Some((message * looks).min(most))
        });
        looks
    }

    #[test]
    fn what_comes_fast_is_let_gather_but_not_for_ever() {
        let mut spin = Spin::new();
        for _ in 0..3 {
            assert_eq!(looks(&mut spin, 64, u32::MAX), 1 + Gather::STEPS);
        }
    }

    #[test]
    fn large_messages_are_taken_at_once() {
        let mut spin = Spin::new();
        assert_eq!(looks(&mut spin, Gather::LARGE, u32::MAX), 1);
        assert_eq!(looks(&mut spin, Gather::LARGE - 1, u32::MAX), 1 + Gather::STEPS);
    }

    #[test]
    fn a_peer_that_awaits_its_answer_is_hardly_ever_waited_for() {
        let mut spin = Spin::new();
        let vain = (0..10_000).filter(|_| looks(&mut spin, 64, 64) > 1).count();
        assert!(vain < 10_000 / 256 + 10, "{vain}");
    }

    #[test]
    fn a_peer_that_begins_to_write_fast_is_found_out() {
        let mut spin = Spin::new();
        for _ in 0..10_000 {
            looks(&mut spin, 64, 64);
        }
        let fast = (0..=Gather::LONGEST).map(|_| looks(&mut spin, 64, u32::MAX));
        assert_eq!(fast.max(), Some(1 + Gather::STEPS));
        assert_eq!(looks(&mut spin, 64, u32::MAX), 1 + Gather::STEPS);
    }

    #[test]
    fn who_sees_nothing_looks_less_often_the_next_time() {
        let mut spin = Spin::new();
        let mut vain = || {
            let mut looks = 0;
            spin.until(|| {
                looks += 1;
                None
            });
            looks
        };
        let counts: [u32; 8] = core::array::from_fn(|_| vain());
        assert_eq!(counts, [257, 129, 65, 33, 17, 9, 5, 5]);
    }
}

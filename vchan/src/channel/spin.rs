//! Looking for a while, before anybody is asked for a signal.

use core::hint;

/// How long it pays to look before asking and sleeping: as many looks as have lately been worth it.
pub(crate) struct Spin {
    looks: u32,
}

impl Spin {
    const FEWEST: u32 = 4;
    /// About as long as a sleep and a wake-up take.
    const MOST: u32 = 256;

    pub(crate) const fn new() -> Spin {
        Spin { looks: Spin::MOST }
    }

    /// Looks until `look` sees something, or for long enough.
    pub(crate) fn until(&mut self, mut look: impl FnMut() -> bool) {
        if look() {
            return;
        }
        for _ in 0..self.looks {
            hint::spin_loop();
            if look() {
                self.looks = (self.looks * 2).min(Spin::MOST);
                return;
            }
        }
        self.looks = (self.looks / 2).max(Spin::FEWEST);
    }
}

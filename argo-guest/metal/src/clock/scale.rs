//! From a processor's time stamps to nanoseconds, as Xen describes it (`struct vcpu_time_info`).

/// What Xen says about the time stamps of one processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    /// The time stamp at which it was said.
    pub(crate) stamp: u64,
    /// Xen's time at that moment, in nanoseconds.
    pub(crate) time: u64,
    /// Nanoseconds of a shifted time stamp, in parts of 2^32.
    pub(crate) multiplier: u32,
    /// By how much a time stamp is shifted to the left, or if negative to the right.
    pub(crate) shift: i8,
}

impl Scale {
    /// Xen's time at a time stamp, in nanoseconds.
    pub(crate) fn time_at(self, stamp: u64) -> u64 {
        let since = stamp.saturating_sub(self.stamp);
        let by = u32::from(self.shift.unsigned_abs());
        let shifted = match self.shift < 0 {
            true => since.checked_shr(by).unwrap_or(0),
            false => since.checked_shl(by).unwrap_or(0),
        };
        let scaled = u128::from(shifted).saturating_mul(self.multiplier.into()) >> 32;
        self.time.saturating_add(u64::try_from(scaled).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stamps_become_nanoseconds() {
        // 2 GHz: half a nanosecond a tick.
        let scale = Scale { stamp: 1000, time: 77, multiplier: 1 << 31, shift: 0 };
        assert_eq!(scale.time_at(1000), 77);
        assert_eq!(scale.time_at(3000), 1077);
        assert_eq!(scale.time_at(999), 77, "a stamp of another processor is no time travel");
        let doubled = Scale { multiplier: 1 << 30, shift: 1, ..scale };
        assert_eq!(doubled.time_at(3000), 1077);
        let halved = Scale { multiplier: u32::MAX, shift: -1, ..scale };
        assert_eq!(halved.time_at(3000), 77 + 999);
        let silly = Scale { multiplier: u32::MAX, shift: i8::MIN, ..scale };
        assert_eq!(silly.time_at(u64::MAX), 77);
    }
}

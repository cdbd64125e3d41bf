//! Which pages of a stretch of memory are taken.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use argo_core::abi::PAGE_SIZE;

pub(super) const PAGE: usize = PAGE_SIZE as usize;

pub(super) struct Pool {
    taken: Vec<bool>,
}

impl Pool {
    pub(super) fn of_bytes(bytes: usize) -> Self {
        Self { taken: vec![false; bytes / PAGE] }
    }

    /// The numbers of so many free pages that lie behind each other.
    pub(super) fn take(&mut self, pages: usize) -> Option<Range<usize>> {
        let fits = |first: usize| {
            let range = first..first.checked_add(pages)?;
            let free = self.taken.get(range.clone())?.iter().all(|taken| !taken);
            free.then_some(range)
        };
        let range = (0..self.taken.len()).find_map(fits)?;
        self.mark(range.clone(), true);
        Some(range)
    }

    pub(super) fn give_back(&mut self, range: Range<usize>) {
        self.mark(range, false);
    }

    fn mark(&mut self, range: Range<usize>, taken: bool) {
        self.taken.get_mut(range).into_iter().flatten().for_each(|page| *page = taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_taken_once_and_come_back() {
        let mut pool = Pool::of_bytes(4 * PAGE + 17);
        let first = pool.take(2).unwrap();
        let second = pool.take(1).unwrap();
        assert_eq!((first.clone(), second.clone()), (0..2, 2..3));
        assert_eq!(pool.take(2), None);
        assert_eq!(pool.take(5), None);
        pool.give_back(second);
        assert_eq!(pool.take(2), Some(2..4));
        assert_eq!(pool.take(1), None);
        pool.give_back(first);
        assert_eq!(pool.take(1), Some(0..1));
        assert_eq!(pool.take(usize::MAX), None);
    }
}

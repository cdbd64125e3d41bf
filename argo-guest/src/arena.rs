//! Who uses which part of the domain's RAM.
//!
//! Rings grow from the bottom in whole pages, buffers from the top in powers of two and a little
//! more; freed buffers are kept by size for the next one. When nothing fits, what was kept is merged with its
//! neighbours and looked through once more, so that old small buffers never keep a large one out.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use argo_core::abi::PAGE_SIZE;

const PAGE: usize = PAGE_SIZE as usize;
/// The smallest buffer, in bytes; all sizes are multiples of it, so that everything is aligned.
const UNIT: usize = 128;
/// Sizes that are kept for reuse: 128 bytes, and beyond that powers of two up to 128 KiB, each with
/// 128 bytes more. For payloads are powers of two more often than not, and have a head.
const CLASSES: usize = 12;

/// No part of the RAM is large enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no {wanted} bytes of the domain's RAM are free in one piece: {free} of {total} bytes are \
     free, at most {largest} of them together"
)]
pub struct OutOfMemory {
    /// Bytes wanted, rounded up to what would be taken.
    pub wanted: usize,
    /// Free bytes in all.
    pub free: usize,
    /// The longest free piece, in bytes.
    pub largest: usize,
    /// Bytes of the RAM that can be used at all.
    pub total: usize,
}

/// A part of the RAM that somebody uses. Given back by [`Arena::release`].
#[derive(Debug)]
pub(crate) struct Block {
    offset: usize,
    len: usize,
}

impl Block {
    /// Where it lies in the RAM, in bytes.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// Its length in bytes: at least what was asked for.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

/// The free parts of a domain's RAM.
#[derive(Debug)]
pub(crate) struct Arena {
    /// Length of each free extent by its offset; no two of them touch.
    extents: BTreeMap<usize, usize>,
    /// Offsets of freed buffers by size class.
    kept: [Vec<usize>; CLASSES],
    total: usize,
}

impl Arena {
    /// All of `ram_bytes` but the first page, whose first address is null.
    pub(crate) fn new(ram_bytes: usize) -> Self {
        let end = ram_bytes - ram_bytes % PAGE;
        let total = end.saturating_sub(PAGE);
        let mut extents = BTreeMap::new();
        if total > 0 {
            extents.insert(PAGE, total);
        }
        Self { extents, kept: Default::default(), total }
    }

    /// A buffer of at least `len` bytes.
    pub(crate) fn buffer(&mut self, len: usize) -> Result<Block, OutOfMemory> {
        let class = class_of(len);
        if let Some(offset) = class.and_then(|class| self.kept[class].pop()) {
            return Ok(Block { offset, len: size_of_buffer(len) });
        }
        self.twice(size_of_buffer(len), Self::cut_top)
    }

    /// Whole pages, aligned to a page, of at least `len` bytes together.
    pub(crate) fn pages(&mut self, len: usize) -> Result<Block, OutOfMemory> {
        self.twice(len.next_multiple_of(PAGE), Self::cut_pages)
    }

    /// Takes a part back.
    pub(crate) fn release(&mut self, block: Block) {
        match class_of(block.len) {
            Some(class) if size_of_buffer(block.len) == block.len => {
                self.kept[class].push(block.offset);
            }
            _ => self.merge(block.offset, block.len),
        }
    }

    fn twice(
        &mut self,
        len: usize,
        cut: fn(&mut Self, usize) -> Option<usize>,
    ) -> Result<Block, OutOfMemory> {
        if let Some(offset) = cut(self, len) {
            return Ok(Block { offset, len });
        }
        self.merge_kept();
        match cut(self, len) {
            Some(offset) => Ok(Block { offset, len }),
            None => Err(self.exhausted(len)),
        }
    }

    fn cut_top(&mut self, len: usize) -> Option<usize> {
        let (&at, &free) = self.extents.iter().rev().find(|(_, free)| **free >= len)?;
        self.extents.remove(&at);
        self.put_extent(at, free - len);
        Some(at + free - len)
    }

    fn cut_pages(&mut self, len: usize) -> Option<usize> {
        let fits = |(at, free): (&usize, &usize)| {
            let start = at.next_multiple_of(PAGE);
            (start + len <= at + free).then_some((*at, *free, start))
        };
        let (at, free, start) = self.extents.iter().find_map(fits)?;
        self.extents.remove(&at);
        self.put_extent(at, start - at);
        self.put_extent(start + len, at + free - start - len);
        Some(start)
    }

    fn put_extent(&mut self, at: usize, len: usize) {
        if len > 0 {
            self.extents.insert(at, len);
        }
    }

    fn merge_kept(&mut self) {
        for class in 0..CLASSES {
            for offset in core::mem::take(&mut self.kept[class]) {
                self.merge(offset, size_of_class(class));
            }
        }
    }

    fn merge(&mut self, mut at: usize, mut len: usize) {
        if let Some(next) = self.extents.remove(&(at + len)) {
            len += next;
        }
        let before = self.extents.range(..at).next_back().map(|(at, len)| (*at, *len));
        if let Some((start, free)) = before
            && start + free == at
        {
            self.extents.remove(&start);
            at = start;
            len += free;
        }
        self.extents.insert(at, len);
    }

    fn exhausted(&self, wanted: usize) -> OutOfMemory {
        let free = self.extents.values().sum();
        let largest = self.extents.values().copied().max().unwrap_or(0);
        OutOfMemory { wanted, free, largest, total: self.total }
    }
}

fn class_of(len: usize) -> Option<usize> {
    let payload = len.saturating_sub(UNIT).div_ceil(UNIT);
    let class = if payload == 0 { 0 } else { payload.next_power_of_two().trailing_zeros() + 1 };
    (class < CLASSES as u32).then_some(class as usize)
}

fn size_of_class(class: usize) -> usize {
    class.checked_sub(1).map_or(UNIT, |doubled| UNIT + (UNIT << doubled))
}

fn size_of_buffer(len: usize) -> usize {
    class_of(len).map_or(len.next_multiple_of(PAGE), size_of_class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_overlap_and_all_of_it_comes_back() {
        let mut arena = Arena::new(64 * PAGE);
        let mut taken = Vec::new();
        let mut state = 7usize;
        for round in 0..2000 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let len = (state >> 33) % (3 * PAGE) + 1;
            let block = if round % 3 == 0 { arena.pages(len) } else { arena.buffer(len) };
            match block {
                Ok(block) => {
                    assert!(block.len() >= len && block.offset() >= PAGE);
                    assert!(block.offset() + block.len() <= 64 * PAGE);
                    taken.push(block);
                }
                Err(_) => arena.release(taken.swap_remove(state % taken.len())),
            }
            let mut spans: Vec<_> = taken.iter().map(|b| (b.offset(), b.len())).collect();
            spans.sort_unstable();
            assert!(spans.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0));
        }
        taken.into_iter().for_each(|block| arena.release(block));
        let whole = arena.pages(63 * PAGE).unwrap();
        assert_eq!((whole.offset(), whole.len()), (PAGE, 63 * PAGE));
    }

    #[test]
    fn a_payload_of_a_power_of_two_and_its_head_cost_little_more() {
        assert_eq!(Arena::new(2 * PAGE).buffer(UNIT).unwrap().len(), UNIT);
        for payload in (7..=17).map(|power| 1 << power) {
            let mut arena = Arena::new(64 * PAGE);
            let block = arena.buffer(payload + 56).unwrap();
            assert_eq!(block.len(), payload + UNIT);
            let offset = block.offset();
            arena.release(block);
            assert_eq!(arena.buffer(payload + 1).unwrap().offset(), offset);
        }
    }

    #[test]
    fn exhaustion_tells_the_numbers() {
        let mut arena = Arena::new(4 * PAGE);
        let _ring = arena.pages(PAGE).unwrap();
        let error = arena.buffer(3 * PAGE).unwrap_err();
        let expected =
            OutOfMemory { wanted: 16512, free: 2 * PAGE, largest: 2 * PAGE, total: 3 * PAGE };
        assert_eq!(error, expected);
    }

    #[test]
    fn ram_without_a_second_page_has_nothing_to_give() {
        for pages in 0..2 {
            let error = Arena::new(pages * PAGE).buffer(1).unwrap_err();
            assert_eq!((error.free, error.total), (0, 0));
        }
    }
}

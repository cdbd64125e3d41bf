//! Lists whose memory is there from the beginning, and comes back when they are dropped.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::ops::{Deref, DerefMut};

use crossbeam_queue::ArrayQueue;

/// Empty lists, each with room for as many items. Clones are the same reserve.
pub(crate) struct Reserve<T>(Arc<ArrayQueue<Vec<T>>>);

/// A list, from a reserve or not. Dropped, it drops its items and goes back to where it came from.
pub(crate) struct List<T> {
    items: Vec<T>,
    home: Option<Reserve<T>>,
}

impl<T> Reserve<T> {
    /// So many lists with room for so many items.
    pub fn new(lists: usize, room: usize) -> Self {
        let free = ArrayQueue::new(lists.max(1));
        // The queue has room for all of them.
        (0..lists).for_each(|_| drop(free.push(Vec::with_capacity(room))));
        Self(Arc::new(free))
    }

    /// One of the lists, unless all are in use.
    pub fn take(&self) -> Option<List<T>> {
        Some(List { items: self.0.pop()?, home: Some(self.clone()) })
    }
}

impl<T> List<T> {
    /// A list of no reserve with room for so many items, if there is memory.
    pub fn with_room(room: usize) -> Option<Self> {
        let mut items = Vec::new();
        items.try_reserve_exact(room).ok()?;
        Some(Self { items, home: None })
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        let mut items = mem::take(&mut self.items);
        if let Some(home) = &self.home {
            items.clear();
            // There is room for each list that came from there.
            let _ = home.0.push(items);
        }
    }
}

impl<T> Clone for Reserve<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new(), home: None }
    }
}

impl<T> Deref for List<T> {
    type Target = Vec<T>;

    #[inline]
    fn deref(&self) -> &Vec<T> {
        &self.items
    }
}

impl<T> DerefMut for List<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.items
    }
}

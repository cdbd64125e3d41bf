//! Numbered slots that are used again.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Values by their numbers, which begin with 1 and are never used twice at a time.
#[derive(Debug)]
pub(crate) struct Table<T> {
    slots: Vec<Option<T>>,
    /// Places in `slots` without a value, the one that has been for longest first.
    free: VecDeque<usize>,
    /// How many places stay free before one is used again.
    resting: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::with_resting(0)
    }
}

impl<T> Table<T> {
    /// A table in which a number that was given up is used again only after so many others were.
    pub(crate) fn with_resting(resting: usize) -> Self {
        Self { slots: Vec::new(), free: VecDeque::new(), resting }
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len().saturating_sub(self.free.len())
    }

    /// Adds a value; returns its number.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        let rested = if self.free.len() > self.resting { self.free.pop_front() } else { None };
        let place = rested.unwrap_or(self.slots.len());
        match self.slots.get_mut(place) {
            Some(slot) => *slot = Some(value),
            None => self.slots.push(Some(value)),
        }
        number(place)
    }

    /// The value with this number.
    pub(crate) fn at(&self, number: u32) -> Option<&T> {
        self.slots.get(place(number)?)?.as_ref()
    }

    /// The same, to change it.
    pub(crate) fn at_mut(&mut self, number: u32) -> Option<&mut T> {
        self.slots.get_mut(place(number)?)?.as_mut()
    }

    /// Takes out the value with this number.
    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let place = place(number)?;
        let value = self.slots.get_mut(place)?.take()?;
        self.free.push_back(place);
        Some(value)
    }

    /// The numbers of the values that fit.
    pub(crate) fn numbers(&self, fits: impl Fn(&T) -> bool) -> Vec<u32> {
        let numbered = self.slots.iter().zip(1..);
        let fitting = numbered.filter(|(slot, _)| slot.as_ref().is_some_and(&fits));
        fitting.map(|(_, number)| number).collect()
    }
}

/// A table of more values would not fit into memory.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1)
}

fn place(number: u32) -> Option<usize> {
    (number as usize).checked_sub(1)
}

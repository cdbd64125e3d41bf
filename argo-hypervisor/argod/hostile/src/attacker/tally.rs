//! What an attacker has done, in words that outlive it.

use crate::diary::Diary;

/// What is counted, each by one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Deed {
    /// Hypercalls that argod took.
    Calls,
    /// Sessions to make them in.
    Sessions,
    /// Pieces of shared memory that were overwritten.
    Scribbles,
    /// Doorbells that were rung for nothing.
    Rings,
    /// Submission indices that lied.
    Lies,
    /// Connections to the domain's socket.
    Connections,
    /// Attachments given up half way.
    Halves,
    /// Attachments that were refused: no place.
    Refusals,
    /// Requests for services.
    Requests,
}

/// All of them, in the order of the diary's words.
pub const DEEDS: [Deed; 9] = [
    Deed::Calls,
    Deed::Sessions,
    Deed::Scribbles,
    Deed::Rings,
    Deed::Lies,
    Deed::Connections,
    Deed::Halves,
    Deed::Refusals,
    Deed::Requests,
];

/// The attacker's end of its diary.
pub struct Tally<'d>(&'d Diary);

impl<'d> Tally<'d> {
    /// Of nothing yet.
    pub fn new(diary: &'d Diary) -> Self {
        Self(diary)
    }

    /// Counts so many more; called by one thread for each deed.
    pub fn add(&self, deed: Deed, count: u32) {
        let word = deed as usize;
        self.0.set(word, self.0.word(word).wrapping_add(count));
    }

    /// What the diary's child has done of each deed.
    pub fn read(diary: &Diary) -> [u64; DEEDS.len()] {
        DEEDS.map(|deed| diary.word(deed as usize).into())
    }
}

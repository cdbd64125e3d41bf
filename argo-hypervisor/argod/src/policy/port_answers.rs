//! Answers about ports that were given before, so that asking again costs the same however many
//! rules there are.
//!
//! Each source has a row of its own, as for the hooks: what one domain asks never drives out
//! another's answers. A row is a table of small sets, so that a few questions that fall into one
//! set do not drive out each other.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use argo_core::policy::{Action, Decision, Rings};

/// Sets of one source: a power of two.
const SETS: usize = 64;
/// Answers in a set.
const WAYS: usize = 4;

/// One snapshot's answers.
pub(super) struct PortAnswers {
    sets: Box<[[AtomicU64; WAYS]]>,
}

/// A question among those of one source. Less than 2^10 receivers and 2^15 classes of ports each
/// (see the bounds of the configuration).
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    /// The source's place among the domains.
    pub(super) from: usize,
    /// The receiver's place.
    pub(super) to: usize,
    /// The source port.
    pub(super) source: Source,
    /// The class of the port.
    pub(super) to_port: u16,
    /// Which rings there.
    pub(super) rings: Rings,
}

/// A source port in a question.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// None that counts.
    None,
    /// Whichever is best.
    Any,
    /// One of this class.
    Class(u16),
}

impl PortAnswers {
    /// Room for the answers to this many domains.
    pub(super) fn new(domains: usize) -> Self {
        let set = |_| [const { AtomicU64::new(0) }; WAYS];
        Self { sets: (0..SETS * domains).map(set).collect() }
    }

    /// The answer kept for a question, or the computed one, which is kept from now on.
    ///
    /// An entry is one word and says which question it answers; what it says about that question is
    /// the same at all times. So nothing needs to be ordered.
    #[inline]
    pub(super) fn keep(&self, question: Question, compute: impl FnOnce() -> Decision) -> Decision {
        let key = question.key();
        // The golden ratio spreads neighbours over the row.
        let column = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as usize % SETS;
        let Some(set) = self.sets.get(question.from * SETS + column) else { return compute() };
        if let Some(decision) = set.iter().find_map(|way| unpack(way.load(Relaxed), key)) {
            return decision;
        }
        let decision = compute();
        if let Some(packed) = pack(key, decision) {
            // The oldest goes. (Two threads at once may lose an answer, or keep one twice.)
            for way in (1..WAYS).rev() {
                set[way].store(set[way - 1].load(Relaxed), Relaxed);
            }
            set[0].store(packed, Relaxed);
        }
        decision
    }
}

impl Question {
    /// Unlike those of all other questions of its source, and never 0; 42 bits.
    #[inline]
    fn key(self) -> u64 {
        let rings = match self.rings {
            Rings::Any => 0b10,
            Rings::ForSender => 0b11,
        };
        let source = match self.source {
            Source::None => 0,
            Source::Any => 1,
            Source::Class(class) => u64::from(class) + 2,
        };
        (self.to as u64) << 32 | source << 17 | u64::from(self.to_port) << 2 | rings
    }
}

const ANSWER_BITS: u32 = 22;
const ALLOW: u64 = 1 << (ANSWER_BITS - 1);

/// The key above; below whether it is allowed, and the rule + 1.
fn pack(key: u64, decision: Decision) -> Option<u64> {
    let rule = decision.rule.map_or(0, |rule| rule as u64 + 1);
    let allow = if decision.action == Action::Allow { ALLOW } else { 0 };
    (rule < ALLOW && key >> (64 - ANSWER_BITS) == 0).then_some(key << ANSWER_BITS | allow | rule)
}

fn unpack(entry: u64, key: u64) -> Option<Decision> {
    let action = if entry & ALLOW == 0 { Action::Deny } else { Action::Allow };
    let rule = (entry & (ALLOW - 1)).checked_sub(1).map(|rule| rule as usize);
    (entry >> ANSWER_BITS == key).then_some(Decision { action, rule })
}

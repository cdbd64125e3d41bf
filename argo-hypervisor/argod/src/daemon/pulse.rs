//! Whether a thread still passes its loop, asked from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;

use arc_swap::ArcSwapOption;

/// A question to one thread, and its answer. Until it is asked, a thread spends nothing but a look
/// at a word of its own each time it passes its loop.
#[derive(Default)]
pub struct Pulse {
    asked: AtomicU64,
    answered: AtomicU64,
    asker: ArcSwapOption<Thread>,
}

impl Pulse {
    /// Asks the thread. Whoever does has to wake it after, and is unparked by the answer.
    pub fn ask(&self) {
        self.asker.store(Some(Arc::new(std::thread::current())));
        // Release: who sees the question sees the asker.
        self.asked.fetch_add(1, Ordering::Release);
    }

    /// The thread passes its loop.
    pub fn beat(&self) {
        let asked = self.asked.load(Ordering::Acquire);
        if asked == self.answered.load(Ordering::Relaxed) {
            return;
        }
        // Release: the asker that is unparked by what follows sees this.
        self.answered.store(asked, Ordering::Release);
        if let Some(asker) = &*self.asker.load() {
            asker.unpark();
        }
    }

    /// Whether the thread has passed its loop since it was asked last.
    pub fn is_answered(&self) -> bool {
        self.answered.load(Ordering::Acquire) == self.asked.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_after_the_question_counts() {
        let pulse = Pulse::default();
        pulse.beat();
        pulse.ask();
        assert!(!pulse.is_answered());
        pulse.beat();
        assert!(pulse.is_answered());
        pulse.ask();
        assert!(!pulse.is_answered());
    }

    #[test]
    fn the_answer_wakes_the_asker() {
        let pulse = Arc::new(Pulse::default());
        pulse.ask();
        let other = pulse.clone();
        let thread = std::thread::spawn(move || other.beat());
        while !pulse.is_answered() {
            std::thread::park();
        }
        thread.join().unwrap();
    }
}

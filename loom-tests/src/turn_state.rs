//! Who watches a session, in a word that loom sees.

use std::sync::Arc;

use argo_core::host::turn::TurnWord;
use loom::sync::atomic::{AtomicU32, Ordering};

/// The state word of a session. Clones are the same word.
#[derive(Clone, Debug)]
pub struct TurnState(Arc<AtomicU32>);

impl TurnState {
    /// The session rests.
    pub fn resting() -> Self {
        Self(Arc::new(AtomicU32::new(0)))
    }
}

impl TurnWord for TurnState {
    fn store(&self, value: u32) {
        self.0.store(value, Ordering::SeqCst);
    }

    fn exchange(&self, from: u32, to: u32) -> bool {
        self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

//! Log lines that a guest can cause: at most so many in a while, the rest counted.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lines in a window.
const LINES: u32 = 10;
/// The window.
const WINDOW: Duration = Duration::from_secs(10);

/// Lets ten lines in ten seconds through.
#[derive(Default)]
pub struct Throttle {
    window: Mutex<Option<Window>>,
}

/// A line may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// How many lines were not since the last; `None` for none, which a log then leaves out.
    pub suppressed: Option<u64>,
}

struct Window {
    begun: Instant,
    lines: u32,
    suppressed: u64,
}

impl Throttle {
    /// Whether a line may be written now.
    pub fn pass(&self) -> Option<Pass> {
        self.pass_at(Instant::now())
    }

    fn pass_at(&self, now: Instant) -> Option<Pass> {
        let mut window = self.window.lock();
        let current = window.get_or_insert(Window { begun: now, lines: 0, suppressed: 0 });
        if now.duration_since(current.begun) >= WINDOW {
            current.begun = now;
            current.lines = 0;
        }
        if current.lines == LINES {
            current.suppressed += 1;
            return None;
        }
        current.lines += 1;
        let suppressed = std::mem::take(&mut current.suppressed);
        Some(Pass { suppressed: (suppressed > 0).then_some(suppressed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_pass_and_the_rest_are_counted() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let passed = (0..25).filter(|_| throttle.pass_at(start).is_some()).count();
        assert_eq!(passed, 10);
        assert_eq!(throttle.pass_at(start + WINDOW), Some(Pass { suppressed: Some(15) }));
        assert_eq!(throttle.pass_at(start + WINDOW), Some(Pass { suppressed: None }));
    }
}

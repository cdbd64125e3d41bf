//! What a machine writes to its console: kept as far as there is room, and logged line by line.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::daemon::throttle::{Pass, Throttle};

/// Bytes that are kept: the last ones.
const KEPT: usize = 4096;
/// Bytes of a line that are logged.
const LINE: usize = 200;

/// The console of one machine.
#[derive(Default)]
pub struct Console {
    text: Mutex<Text>,
    log: Throttle,
}

#[derive(Default)]
struct Text {
    kept: VecDeque<u8>,
    /// The line that is not complete yet.
    line: Vec<u8>,
}

impl Console {
    /// Takes what the machine of this domain writes.
    pub fn write(&self, domain: &str, bytes: &[u8]) {
        let mut text = self.text.lock();
        for byte in bytes {
            if text.kept.len() == KEPT {
                text.kept.pop_front();
            }
            text.kept.push_back(*byte);
            match byte {
                b'\n' => self.tell(domain, &mut text.line),
                _ if text.line.len() < LINE => text.line.push(*byte),
                _ => {}
            }
        }
    }

    /// What it wrote last. Bytes that are no text are replaced.
    pub fn last(&self) -> String {
        let kept: Vec<u8> = self.text.lock().kept.iter().copied().collect();
        String::from_utf8_lossy(&kept).into_owned()
    }

    fn tell(&self, domain: &str, line: &mut Vec<u8>) {
        if let Some(Pass { suppressed }) = self.log.pass() {
            let says = String::from_utf8_lossy(line);
            tracing::info!(domain, says = %says.escape_debug(), suppressed, "console");
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_it_is_kept() {
        let console = Console::default();
        console.write("guest", b"first\n");
        console.write("guest", &[b'x'; KEPT - 3]);
        assert_eq!(console.last(), format!("st\n{}", "x".repeat(KEPT - 3)));
        assert_eq!(console.text.lock().line.len(), LINE);
    }

    #[test]
    fn what_is_no_text_is_kept_all_the_same() {
        let console = Console::default();
        console.write("guest", b"a\xff\x1b[0m\n");
        assert_eq!(console.last(), "a\u{fffd}\u{1b}[0m\n");
    }
}

//! Lines for people, and for whoever watches the guest's console.

use core::fmt::{self, Write as _};

use super::Argod;

/// Writes one line.
pub fn line(argod: Argod, what: fmt::Arguments<'_>) {
    // It takes everything.
    let _ = Console(argod).write_fmt(format_args!("{what}\n"));
}

struct Console(Argod);

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.print(text);
        Ok(())
    }
}

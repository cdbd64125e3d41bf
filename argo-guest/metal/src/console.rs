//! Lines for people, and for whoever watches the guest's console.

use core::fmt::{self, Write};

use crate::xen::Xen;

/// The longest line, in bytes; what is longer is cut. Xen's own buffer for a guest's line is as long.
const LONGEST: usize = 127;

/// Writes one line with one call, so that lines of several guests do not mix.
pub fn line(xen: Xen, what: fmt::Arguments<'_>) {
    let mut line = Line { bytes: [0; LONGEST + 1], len: 0 };
    let _cut_if_too_long = line.write_fmt(what);
    xen.print(line.ended());
}

struct Line {
    bytes: [u8; LONGEST + 1],
    len: usize,
}

impl Line {
    fn ended(&mut self) -> &str {
        if let Some(end) = self.bytes.get_mut(self.len) {
            *end = b'\n';
            self.len = self.len.saturating_add(1);
        }
        let text = self.bytes.get(..self.len).unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }
}

/// Takes only whole characters.
impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LONGEST.saturating_sub(self.len);
        let taken = text.floor_char_boundary(room);
        let end = self.len.saturating_add(taken);
        match (self.bytes.get_mut(self.len..end), text.as_bytes().get(..taken)) {
            (Some(place), Some(taken)) => place.copy_from_slice(taken),
            _ => return Err(fmt::Error),
        }
        self.len = end;
        if taken == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> std::string::String {
        let mut line = Line { bytes: [0; LONGEST + 1], len: 0 };
        let _ = line.write_fmt(format_args!("{}{text}", 'x'));
        line.ended().into()
    }

    #[test]
    fn a_line_ends_and_is_cut_between_characters() {
        assert_eq!(written(""), "x\n");
        let long = "ä".repeat(100);
        let cut = written(&long);
        assert_eq!(cut, std::format!("x{}\n", "ä".repeat(63)));
        assert_eq!(written(&"y".repeat(LONGEST)).len(), LONGEST + 1);
    }
}

//! The lines of source that compiled code names when it panics.

use std::fmt;

use object::{Object, ObjectSection, ObjectSymbol, Relocation, RelocationTarget};

/// A line of the source, as the compiler has put it into the library.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    file: String,
    line: u32,
}

impl Location {
    /// The location that a section holds, if it is one: a pointer to a text (which the caller has
    /// found), the text's length, a line and a column.
    pub fn decode<'data>(section: &impl ObjectSection<'data>, text: Option<&[u8]>) -> Option<Self> {
        let bytes: &[u8; 24] = section.data().ok()?.try_into().ok()?;
        let (len, line) = (word(bytes, 8)?, word(bytes, 16)?);
        let file = text?.get(..len as usize)?;
        let file = str::from_utf8(file).ok().filter(|file| file.ends_with(".rs"))?;
        Some(Self { file: file.to_owned(), line })
    }

    /// The file in the standard library's `library/`, if it is one of that: by the path that it was
    /// built under, or by the one under which its source is installed.
    pub fn file_of_std(&self) -> Option<&str> {
        let (before, file) = self.file.split_once("/library/")?;
        let is_std = before.starts_with("/rustc/") || before.ends_with("/lib/rustlib/src/rust");
        is_std.then_some(file)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*word))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The bytes that a relocation points to, to the end of their section.
pub fn string_at<'data>(
    file: &object::File<'data>,
    relocation: &Relocation,
) -> Option<&'data [u8]> {
    let RelocationTarget::Symbol(symbol) = relocation.target() else { return None };
    let symbol = file.symbol_by_index(symbol).ok()?;
    let section = file.section_by_index(symbol.section_index()?).ok()?;
    let start = symbol.address().wrapping_add_signed(relocation.addend());
    section.data().ok()?.get(usize::try_from(start).ok()?..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn std_is_known_as_delivered_and_as_installed() {
        let of_std = |file: &str| {
            let location = Location { file: file.to_owned(), line: 1 };
            location.file_of_std().map(str::to_owned)
        };
        let file = "alloc/src/alloc.rs".to_owned();
        assert_eq!(of_std("/rustc/59807616/library/alloc/src/alloc.rs"), Some(file.clone()));
        let installed = "/opt/rust/lib/rustlib/src/rust/library/alloc/src/alloc.rs";
        assert_eq!(of_std(installed), Some(file));
        assert_eq!(of_std("/home/me/library/alloc/src/alloc.rs"), None);
        assert_eq!(of_std("src/ring.rs"), None);
    }
}

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

    /// Whether it is in the standard library as it was delivered.
    pub fn is_of_std(&self) -> bool {
        self.file.starts_with("/rustc/")
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

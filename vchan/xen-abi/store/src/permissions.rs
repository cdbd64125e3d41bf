//! Permissions as C has them, and as the store writes them.

use std::ffi::c_uint;

use xen_abi::Errno;

const READ: c_uint = 1;
const WRITE: c_uint = 2;
const BOTH: c_uint = READ | WRITE;
/// `XS_PERM_IGNORE`, which Xen's library ignores.
const IGNORE: c_uint = 0x10;

/// `struct xs_permissions`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Permission {
    id: c_uint,
    perms: c_uint,
}

impl Permission {
    /// As the store writes it, with a zero at its end.
    pub(crate) fn render(self) -> Result<String, Errno> {
        let letter = match self.perms & !IGNORE {
            0 => 'n',
            READ => 'r',
            WRITE => 'w',
            BOTH => 'b',
            _ => return Err(Errno(libc::EINVAL)),
        };
        Ok(format!("{letter}{}\0", self.id))
    }

    /// From what the store writes, without the zero.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Errno> {
        let perms = match text.first() {
            Some(b'n') => 0,
            Some(b'r') => READ,
            Some(b'w') => WRITE,
            Some(b'b') => BOTH,
            _ => return Err(Errno(libc::EINVAL)),
        };
        Ok(Self { id: number(&text[1..]).ok_or(Errno(libc::EINVAL))?, perms })
    }
}

/// As C's `strtol` reads it with base 0, but without sign and blanks.
fn number(text: &[u8]) -> Option<c_uint> {
    let text = str::from_utf8(text).ok().filter(|text| !text.starts_with('+'))?;
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => c_uint::from_str_radix(digits, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => c_uint::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

//! The kinds of value that a configuration has: sizes, names, paths, modes.

use std::path::PathBuf;

use argo_core::DomainId;

use super::read::{Kind, integer, whole_number};

/// Characters that a name or a label may have.
pub const NAME_MAX: usize = 32;
/// Bytes of a socket's path: what `sockaddr_un` holds, less the final zero.
pub const SOCKET_PATH_MAX: usize = 107;

/// Whether the text may name a domain or a label: 1 to [`NAME_MAX`] of `a-z 0-9 _ . -`.
///
/// `any` is no name: in a rule it means every domain.
pub fn is_name(text: &str) -> bool {
    let fits = |c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(fits) && text != "any"
}

pub(super) fn name() -> Kind<String> {
    Kind::text(name_expected(), |text| is_name(text).then(|| text.to_owned()))
}

/// What [`is_name`] asks for.
pub(super) fn name_expected() -> String {
    format!("a name of 1 to {NAME_MAX} of a-z 0-9 _ . - that is not \"any\"")
}

pub(super) fn domain_id() -> Kind<DomainId> {
    let expected = format!("an integer from 0 to {}", DomainId::LIMIT - 1);
    Kind::new(expected, |value| DomainId::new(u16::try_from(whole_number(value)?).ok()?))
}

/// A number of bytes: an integer, or a string with a unit.
pub(super) fn size(minimum: u64, maximum: u64, multiple: u64) -> Kind<u64> {
    let (least, most) = (Size(minimum), Size(maximum));
    let expected = if multiple == 1 {
        format!("a size from {least} to {most}, as \"16MiB\"")
    } else {
        format!("a multiple of {} from {least} to {most}, as \"16MiB\"", Size(multiple))
    };
    Kind::new(expected, move |value| {
        let bytes = match value.as_str() {
            Some(text) => parse_size(text)?,
            None => whole_number(value)?,
        };
        let fits = (minimum..=maximum).contains(&bytes) && bytes.is_multiple_of(multiple);
        fits.then_some(bytes)
    })
}

fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

const UNITS: [(&str, u64); 4] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A number of bytes, shown in the largest unit that divides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match UNITS.into_iter().find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

/// A file mode as the string that `chmod` takes.
pub(super) fn mode() -> Kind<u32> {
    Kind::text("an octal mode from \"0000\" to \"0777\"", |text| {
        let octal = (3..=4).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
        let mode = u32::from_str_radix(text, 8).ok()?;
        (octal && mode <= 0o777).then_some(mode)
    })
}

pub(super) fn directory() -> Kind<PathBuf> {
    Kind::text("an absolute path", absolute)
}

pub(super) fn file() -> Kind<PathBuf> {
    Kind::text("an absolute path of a file", absolute)
}

/// Where policy files are: absolute, or beside the file that names it.
pub(super) fn folder() -> Kind<PathBuf> {
    Kind::text("a path of a folder", |text| {
        (!text.is_empty() && !text.contains('\0')).then(|| PathBuf::from(text))
    })
}

/// A 32-bit number as people write it: decimal, or hexadecimal after `0x`.
pub(crate) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        // `from_str_radix` would take a sign too.
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if text.starts_with('+') => None,
        None => text.parse().ok(),
    }
}

pub(super) fn socket_path() -> Kind<PathBuf> {
    let expected = format!("an absolute path of at most {SOCKET_PATH_MAX} bytes");
    Kind::text(expected, |text| absolute(text).filter(|_| text.len() <= SOCKET_PATH_MAX))
}

fn absolute(text: &str) -> Option<PathBuf> {
    (text.starts_with('/') && !text.contains('\0')).then(|| PathBuf::from(text))
}

/// A user or group id; the largest number means "none" to the kernel.
pub(super) fn owner() -> Kind<u32> {
    integer(0..=u64::from(u32::MAX) - 1)
}

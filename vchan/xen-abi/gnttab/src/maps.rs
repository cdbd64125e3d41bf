//! What this process has mapped where, as the kernel says.

use std::fs;

/// A mapped file: its device and inode.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    device: String,
    inode: u64,
}

/// The file that is mapped at the address, `None` if none is, or the kernel does not tell.
pub(crate) fn mapped_at(address: usize) -> Option<File> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| file_at(line, address))
}

/// A line is "from-to permissions offset device inode path".
fn file_at(line: &str, address: usize) -> Option<File> {
    let mut fields = line.split_ascii_whitespace();
    let (from, to) = fields.next()?.split_once('-')?;
    let number = |hex| usize::from_str_radix(hex, 16).ok();
    if !(number(from)?..number(to)?).contains(&address) {
        return None;
    }
    let device = fields.nth(2)?.to_owned();
    let inode = fields.next()?.parse().ok()?;
    Some(File { device, inode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_its_file_to_the_addresses_inside() {
        let line = "7f00-8000 rw-s 00001000 00:01 1047 /memfd:share (deleted)";
        let file = File { device: "00:01".to_owned(), inode: 1047 };
        assert_eq!(file_at(line, 0x7f00), Some(file));
        assert_eq!(file_at(line, 0x7eff), None);
        assert_eq!(file_at(line, 0x8000), None);
        assert_eq!(file_at("nonsense", 0), None);
    }

    #[test]
    fn code_lies_in_a_file() {
        assert!(mapped_at(mapped_at as *const () as usize).is_some());
        assert_eq!(mapped_at(0), None);
    }
}

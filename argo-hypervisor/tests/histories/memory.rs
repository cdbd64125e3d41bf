//! The memory of a session, as bytes.

use argo_core::Errno;

pub const PAGE: u64 = 4096;
/// The session has the pages from 1 to this, less one. Page 0 is not its.
pub const PAGES: u64 = 7;
/// The one that cannot be part of a ring.
pub const READ_ONLY: u64 = 6;
/// Where its page 0 lies in the host's memory, which goes on behind its last page.
pub const BASE: usize = 4096;
/// Bytes of the host's memory.
pub const HOST: usize = BASE + (PAGES + 1) as usize * PAGE as usize;

pub struct Ram {
    /// The host's memory: what is not the session's must stay as it is.
    pub bytes: Vec<u8>,
    /// Places whose content no rule says: a copy overlapped itself.
    pub arbitrary: Vec<usize>,
}

impl Ram {
    /// Neighbours differ, and so do sessions. Where rings will be there are zeros.
    pub fn new(seed: usize) -> Self {
        let mut bytes: Vec<u8> =
            (0..HOST).map(|at| (at * 7 + at / 256 + seed * 31) as u8).collect();
        bytes[BASE + 3 * PAGE as usize..BASE + READ_ONLY as usize * PAGE as usize].fill(0);
        Self { bytes, arbitrary: Vec::new() }
    }

    /// Where a guest's bytes lie in the host's memory.
    fn locate(at: u64, len: usize) -> Result<usize, Errno> {
        let end = u128::from(at) + len as u128;
        let inside = at >= PAGE && end <= u128::from(PAGES * PAGE);
        if inside { Ok(BASE + at as usize) } else { Err(Errno::EFAULT) }
    }

    pub fn read(&self, at: u64, len: usize) -> Result<&[u8], Errno> {
        let start = Self::locate(at, len)?;
        Ok(&self.bytes[start..start + len])
    }

    pub fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        let start = Self::locate(at, bytes.len())?;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    /// Writes what of it falls into the host's memory, for who prepares a call.
    pub fn poke(&mut self, at: u64, bytes: &[u8]) {
        for (offset, byte) in bytes.iter().enumerate() {
            if let Some(place) = host_place(at, offset) {
                self.bytes[place] = *byte;
            }
        }
    }

    pub fn ring_word(&self, pages: &[u64], at: usize) -> u32 {
        let start = ring_place(pages, at);
        word(&self.bytes[start..], 0)
    }

    pub fn store_ring_word(&mut self, pages: &[u64], at: usize, value: u32) {
        let start = ring_place(pages, at);
        self.bytes[start..start + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// Where the real memory is not this one: the guest's address, what it has and what it should.
    pub fn first_difference(&self, real: &[u8]) -> Option<(i64, u8, u8)> {
        let at = real.iter().zip(&self.bytes).position(|(real, model)| real != model)?;
        Some((at as i64 - BASE as i64, real[at], self.bytes[at]))
    }

    /// Takes over what the real memory has where nothing says what it should.
    pub fn settle(&mut self, real: &[u8]) {
        for place in self.arbitrary.drain(..) {
            self.bytes[place] = real[place];
        }
    }
}

/// Where a byte of a call's arguments goes, if it goes anywhere.
pub fn host_place(at: u64, offset: usize) -> Option<usize> {
    let place = usize::try_from(at).ok()?.checked_add(offset)?.checked_add(BASE)?;
    (place < HOST).then_some(place)
}

/// Where a byte of a ring's image lies in the host's memory.
pub fn ring_place(pages: &[u64], at: usize) -> usize {
    BASE + pages[at / PAGE as usize] as usize * PAGE as usize + at % PAGE as usize
}

pub fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

pub fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

//! One contiguous mapping of pages that lie in several memfds.

use std::os::fd::BorrowedFd;
use std::ptr;

use rustix::fs::SealFlags;
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use crate::{MapError, Mapping, ReadMemory, ReadView};

/// A range of a memfd, in bytes; both numbers are multiples of the page size.
#[derive(Clone, Copy, Debug)]
pub struct FilePart<'f> {
    /// The memfd.
    pub fd: BorrowedFd<'f>,
    /// Where the range begins.
    pub offset: u64,
    /// Its length: not 0.
    pub len: usize,
}

impl Mapping {
    /// Maps parts of memfds that somebody else made, one after the other.
    ///
    /// # Errors
    /// A part does not lie in a memfd whose size is sealed (its pages could then vanish under the
    /// mapping), is not made of whole pages, or the system has no address space.
    pub fn of_parts(parts: &[FilePart<'_>]) -> Result<Self, MapError> {
        map_parts(parts, ProtFlags::READ | ProtFlags::WRITE)
    }
}

/// A shared mapping for reading only, unmapped on drop.
pub struct ReadMapping(Mapping);

impl ReadMapping {
    /// Maps parts of memfds one after the other, for reading.
    ///
    /// # Errors
    /// As [`Mapping::of_parts`].
    pub fn of_parts(parts: &[FilePart<'_>]) -> Result<Self, MapError> {
        map_parts(parts, ProtFlags::READ).map(Self)
    }

    /// Where it is mapped. For those who hand the memory to C; it can be read, not written.
    pub fn as_ptr(&self) -> *const u8 {
        self.0.as_ptr()
    }
}

impl ReadMemory for ReadMapping {
    fn read_view(&self) -> ReadView<'_> {
        self.0.to_read()
    }
}

fn map_parts(parts: &[FilePart<'_>], prot: ProtFlags) -> Result<Mapping, MapError> {
    let len = total(parts)?;
    let failed = |step| move |errno| MapError { step, len, errno };
    for part in parts {
        check(part)?;
    }
    // SAFETY: a new mapping at an address of the kernel's choice aliases nothing of ours.
    let base = unsafe {
        rustix::mm::mmap_anonymous(ptr::null_mut(), len, ProtFlags::empty(), MapFlags::PRIVATE)
    }
    .map_err(failed("reserving addresses"))?;
    // Unmaps everything should a later step fail.
    let mapping = Mapping::owning(base.cast(), len);
    let mut done = 0;
    for part in parts {
        // SAFETY:
        // - `done + part.len <= len`, the sum of all parts, so the range lies in our reservation.
        // - Nobody has a view of the reservation yet, so replacing its pages aliases nothing.
        // - The part lies in a file that cannot shrink (`check`), so its pages stay.
        unsafe {
            let at = mapping.as_ptr().add(done).cast();
            let flags = MapFlags::SHARED | MapFlags::FIXED;
            rustix::mm::mmap(at, part.len, prot, flags, part.fd, part.offset)
        }
        .map_err(failed("mapping"))?;
        done = done.saturating_add(part.len);
    }
    Ok(mapping)
}

fn total(parts: &[FilePart<'_>]) -> Result<usize, MapError> {
    let page = rustix::param::page_size();
    let refused = |len| MapError { step: "adding up the parts", len, errno: Errno::INVAL };
    parts.iter().try_fold(0usize, |sum, part| {
        let whole = part.len > 0 && part.len.is_multiple_of(page);
        let sum = sum.checked_add(part.len).ok_or_else(|| refused(part.len))?;
        if whole { Ok(sum) } else { Err(refused(part.len)) }
    })
}

fn check(part: &FilePart<'_>) -> Result<(), MapError> {
    let failed = |step| move |errno| MapError { step, len: part.len, errno };
    let seals = rustix::fs::fcntl_get_seals(part.fd).map_err(failed("reading the seals"))?;
    let size = rustix::fs::fstat(part.fd).map_err(failed("reading the size"))?.st_size;
    let end = part.offset.checked_add(part.len as u64);
    let inside = end.is_some_and(|end| end <= u64::try_from(size).unwrap_or(0));
    match seals.contains(SealFlags::SHRINK) && inside {
        true => Ok(()),
        false => Err(failed("checking the size seal")(Errno::INVAL)),
    }
}

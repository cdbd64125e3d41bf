//! Memory shared with another domain, and memory that other domains have shared.

use alloc::vec::Vec;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use argo_core::DomainId;
use argo_core::abi::PAGE_SIZE;
use argo_core::host::services::{self as wire, Access, Entry, Notify, Op, PAGES_MAX, Part};
use argo_mem::{FilePart, Mapping, Memory, ReadMapping, ReadMemory, ReadView, View};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::connection::Connection;
use super::error::RequestError;
use super::told::Told;

/// Pages that one other domain may map: [`Memory`].
///
/// Dropping it unmaps them, does what its [`Notify`] says and revokes them: no new maps. A map
/// that the other domain has lasts until it gives that up.
pub struct Share {
    first_reference: u32,
    pages: u32,
    /// Unmapped first, as Xen's device does.
    memory: Mapping,
    _told: Told,
}

impl Share {
    pub(super) fn new(
        connection: &Arc<Connection>,
        to: DomainId,
        pages: u32,
        access: Access,
        notify: Notify,
    ) -> Result<Self, RequestError> {
        let access = access as u32;
        let asked = wire::Share { to: u32::from(to.raw()), access, pages, notify };
        let answer = connection.ask(Op::Share, asked.as_bytes())?;
        let (shared, _) = head::<wire::Shared>(&answer.body)?;
        let told = Told::new(connection, Op::Unshare, shared.share);
        let memory = Mapping::of(&the_only(answer.into_fds()?)?, bytes(pages))?;
        Ok(Self { first_reference: shared.reference, pages, memory, _told: told })
    }

    /// The grant references, one a page, in the pages' order.
    pub fn references(&self) -> impl ExactSizeIterator<Item = u32> + use<> {
        let first = self.first_reference;
        (0..self.pages as usize).map(move |page| first.wrapping_add(page as u32))
    }

    /// Where it is mapped. For those who hand the memory to C; valid as long as this value.
    pub fn as_ptr(&self) -> *mut u8 {
        self.memory.as_ptr()
    }

    /// Gives the pages up but leaves the addresses alone: for those who handed the memory to C,
    /// which has unmapped it.
    pub fn give_up_unmapped(self) {
        mem::forget(self.memory);
    }
}

impl Memory for Share {
    #[inline]
    fn view(&self) -> View<'_> {
        self.memory.view()
    }
}

/// Pages of other domains, mapped to read and write as one range: [`Memory`].
///
/// Dropping it unmaps them, then does what its [`Notify`] says.
pub struct Mapped {
    memory: Mapping,
    _told: Told,
}

impl Mapped {
    pub(super) fn new(
        connection: &Arc<Connection>,
        entries: &[Entry],
        notify: Notify,
    ) -> Result<Self, RequestError> {
        let (memory, told) = map(connection, entries, Access::Write, notify, Mapping::of_parts)?;
        Ok(Self { memory, _told: told })
    }

    /// Where it is mapped. For those who hand the memory to C; valid as long as this value.
    pub fn as_ptr(&self) -> *mut u8 {
        self.memory.as_ptr()
    }

    /// Gives the pages up but leaves the addresses alone: for those who handed the memory to C,
    /// which has unmapped it.
    pub fn give_up_unmapped(self) {
        mem::forget(self.memory);
    }
}

impl Memory for Mapped {
    #[inline]
    fn view(&self) -> View<'_> {
        self.memory.view()
    }
}

/// Pages of other domains, mapped to be read, as one range: [`ReadMemory`].
///
/// Dropping it unmaps them, then does what its [`Notify`] says.
pub struct MappedRead {
    memory: ReadMapping,
    _told: Told,
}

impl ReadMemory for MappedRead {
    #[inline]
    fn read_view(&self) -> ReadView<'_> {
        self.memory.read_view()
    }
}

impl MappedRead {
    pub(super) fn new(
        connection: &Arc<Connection>,
        entries: &[Entry],
        notify: Notify,
    ) -> Result<Self, RequestError> {
        let (memory, told) = map(connection, entries, Access::Read, notify, ReadMapping::of_parts)?;
        Ok(Self { memory, _told: told })
    }

    /// Where it is mapped. For those who hand the memory to C; valid as long as this value.
    pub fn as_ptr(&self) -> *const u8 {
        self.memory.as_ptr()
    }

    /// Gives the pages up but leaves the addresses alone: for those who handed the memory to C,
    /// which has unmapped it.
    pub fn give_up_unmapped(self) {
        mem::forget(self.memory);
    }
}

fn map<M>(
    connection: &Arc<Connection>,
    entries: &[Entry],
    access: Access,
    notify: Notify,
    mapping: impl FnOnce(&[FilePart<'_>]) -> Result<M, argo_mem::MapError>,
) -> Result<(M, Told), RequestError> {
    let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    if count > PAGES_MAX {
        return Err(RequestError::TooLong { len: entries.len(), maximum: PAGES_MAX as usize });
    }
    let asked = wire::Map { access: access as u32, entries: count, notify };
    let body = [asked.as_bytes(), entries.as_bytes()].concat();
    let answer = connection.ask(Op::Map, &body)?;
    let (mapped, rest) = head::<wire::Mapped>(&answer.body)?;
    let told = Told::new(connection, Op::Unmap, mapped.map);
    let parts = wire_parts(rest, mapped.parts)?;
    let fds = answer.into_fds()?;
    let parts = file_parts(&parts, &fds)?;
    let pages = parts.iter().map(|part| part.len).sum::<usize>() / PAGE_SIZE as usize;
    expect("pages mapped", pages, entries.len())?;
    Ok((mapping(&parts)?, told))
}

fn wire_parts(body: &[u8], count: u32) -> Result<Vec<Part>, RequestError> {
    let (parts, _) = <[Part]>::ref_from_prefix_with_elems(body, count as usize)
        .map_err(|_| nonsense("bytes for the parts", body.len(), count as usize))?;
    Ok(parts.to_vec())
}

fn file_parts<'f>(parts: &[Part], fds: &'f [OwnedFd]) -> Result<Vec<FilePart<'f>>, RequestError> {
    let part = |part: &Part| {
        let fd = fds
            .get(part.descriptor as usize)
            .ok_or_else(|| nonsense("a part's descriptor", part.descriptor as usize, fds.len()))?;
        let offset = u64::from(part.page) * u64::from(PAGE_SIZE);
        Ok(FilePart { fd: fd.as_fd(), offset, len: bytes(part.pages) })
    };
    parts.iter().map(part).collect()
}

/// The fixed part of an answer's body, and what follows it.
pub(super) fn head<T: FromBytes + KnownLayout + Immutable>(
    body: &[u8],
) -> Result<(T, &[u8]), RequestError> {
    T::read_from_prefix(body)
        .map_err(|_| nonsense("the answer's length", body.len(), size_of::<T>()))
}

/// The descriptor of an answer that has exactly one.
pub(super) fn the_only(fds: Vec<OwnedFd>) -> Result<OwnedFd, RequestError> {
    let [fd] = <[OwnedFd; 1]>::try_from(fds)
        .map_err(|fds| nonsense("the number of descriptors", fds.len(), 1))?;
    Ok(fd)
}

fn expect(what: &'static str, found: usize, expected: usize) -> Result<(), RequestError> {
    if found == expected { Ok(()) } else { Err(nonsense(what, found, expected)) }
}

fn nonsense(what: &'static str, found: usize, expected: usize) -> RequestError {
    RequestError::Protocol { what, found: found as u64, expected: expected as u64 }
}

fn bytes(pages: u32) -> usize {
    pages as usize * PAGE_SIZE as usize
}

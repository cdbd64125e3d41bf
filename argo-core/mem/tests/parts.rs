//! Several memfds, mapped as one range.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;

use argo_mem::{FilePart, Mapping, Memory, ReadMapping, ReadMemory};

const PAGE: usize = 4096;

fn memfd(pages: usize) -> (Mapping, OwnedFd) {
    Mapping::create("parts", pages * PAGE).unwrap()
}

fn part(fd: &OwnedFd, page: usize, pages: usize) -> FilePart<'_> {
    FilePart { fd: fd.as_fd(), offset: (page * PAGE) as u64, len: pages * PAGE }
}

#[test]
fn parts_lie_one_after_the_other_and_are_shared() {
    let ((one, one_fd), (two, two_fd)) = (memfd(3), memfd(1));
    let parts = [part(&one_fd, 2, 1), part(&two_fd, 0, 1), part(&one_fd, 0, 2)];
    let (all, read) = (Mapping::of_parts(&parts).unwrap(), ReadMapping::of_parts(&parts).unwrap());
    assert_eq!((all.view().len(), read.read_view().len()), (4 * PAGE, 4 * PAGE));

    all.view().write(PAGE - 1, b"ab").unwrap();
    let mut byte = [0];
    one.view().read(3 * PAGE - 1, &mut byte).unwrap();
    assert_eq!(&byte, b"a");
    two.view().read(0, &mut byte).unwrap();
    assert_eq!(&byte, b"b");

    one.view().store_u32(PAGE + 8, 77, Ordering::Relaxed).unwrap();
    let mut word = [0; 4];
    read.read_view().read(3 * PAGE + 8, &mut word).unwrap();
    assert_eq!(u32::from_le_bytes(word), 77);
    assert!(read.read_view().read(4 * PAGE - 3, &mut word).is_err());
}

#[test]
fn what_is_not_there_is_refused() {
    let (_memory, fd) = memfd(2);
    assert!(Mapping::of_parts(&[part(&fd, 1, 1), part(&fd, 1, 2)]).is_err(), "past the end");
    assert!(Mapping::of_parts(&[part(&fd, 0, 1), part(&fd, 0, 0)]).is_err(), "an empty part");
    assert!(Mapping::of_parts(&[]).is_err(), "no part");
    let cut = FilePart { fd: fd.as_fd(), offset: 0, len: PAGE + 1 };
    assert!(Mapping::of_parts(&[cut]).is_err(), "not whole pages");
    let far = FilePart { fd: fd.as_fd(), offset: u64::MAX - 4095, len: PAGE };
    assert!(ReadMapping::of_parts(&[far]).is_err(), "an offset that wraps");
}

#[test]
fn a_file_that_can_shrink_is_refused() {
    let flags = rustix::fs::MemfdFlags::ALLOW_SEALING;
    let fd = rustix::fs::memfd_create("unsealed", flags).unwrap();
    rustix::fs::ftruncate(&fd, PAGE as u64).unwrap();
    assert!(Mapping::of_parts(&[part(&fd, 0, 1)]).is_err());
}

#[test]
fn bits_of_a_byte_change_alone() {
    let (memory, _fd) = memfd(1);
    let view = memory.view();
    view.store_u8(22, 0b01, Ordering::Relaxed).unwrap();
    assert_eq!(view.fetch_or_u8(22, 0b10, Ordering::Relaxed), Ok(0b01));
    assert_eq!(view.fetch_and_u8(22, 0b10, Ordering::Relaxed), Ok(0b11));
    assert_eq!(view.load_u32(20, Ordering::Relaxed), Ok(0b10 << 16));
    assert!(view.load_u8(PAGE, Ordering::Relaxed).is_err());
}

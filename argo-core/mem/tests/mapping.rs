//! RAM in a memfd: what its seals allow at each step.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use argo_mem::{Mapping, Memory};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::io::Errno;

const LEN: usize = 8192;

#[test]
fn both_ends_see_the_same_bytes() {
    let (argod, memfd) = Mapping::create("test", LEN).unwrap();
    let guest = Mapping::of(&memfd, LEN).unwrap();
    argod.view().write(LEN - 4, b"argo").unwrap();
    let mut seen = [0; 4];
    guest.view().read(LEN - 4, &mut seen).unwrap();
    assert_eq!(&seen, b"argo");
    argod.populate().unwrap();
}

#[test]
fn memory_is_sealed_once_the_guest_has_done_its_part_and_not_before() {
    let (_argod, memfd) = Mapping::create("test", LEN).unwrap();
    assert_eq!(Mapping::is_sealed(&memfd), Ok(false));
    assert_eq!(ftruncate(&memfd, 0), Err(Errno::PERM), "its size is fixed from the beginning");
    let _guest = Mapping::of(&memfd, LEN).unwrap();
    Mapping::finish_seals(&memfd).unwrap();
    assert_eq!(Mapping::is_sealed(&memfd), Ok(true));
    assert_eq!(Mapping::of(&memfd, LEN).err().unwrap().errno, Errno::PERM);
    assert_eq!(fcntl_add_seals(&memfd, SealFlags::WRITE), Err(Errno::PERM), "no seal any more");
}

#[test]
fn memory_that_could_vanish_is_not_mapped() {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let loose = memfd_create("loose", flags).unwrap();
    ftruncate(&loose, LEN as u64).unwrap();
    let refused = Mapping::of(&loose, LEN).err().unwrap();
    assert_eq!((refused.step, refused.errno), ("checking the size seal", Errno::INVAL));
    fcntl_add_seals(&loose, SealFlags::SHRINK).unwrap();
    assert_eq!(Mapping::of(&loose, LEN + 1).err().unwrap().len, LEN + 1, "longer than it is");
    assert!(Mapping::of(&loose, LEN).is_ok());
    let null = std::fs::File::open("/dev/null").unwrap();
    assert!(Mapping::of(&null, LEN).is_err(), "no memfd at all");
}

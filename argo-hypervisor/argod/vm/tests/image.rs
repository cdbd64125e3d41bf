//! Images that are no kernels for these machines are refused, and it is said why.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to stop")]

use argo_core::host::machine::{KERNEL_FIRST, RAM_STEP};
use argo_mem::{HeapRam, Memory};
use argo_vm::{Image, ImageError};
use argod_hostile::kernels::{elf, exits};

const RAM: u64 = RAM_STEP;
/// Where the fields of `elf`'s header and its one part are.
const CLASS: usize = 4;
const TYPE: usize = 16;
const MACHINE: usize = 18;
const ENTRY: usize = 24;
const TABLE: usize = 32;
const COUNT: usize = 56;
const PART: usize = 64;
const PART_FLAGS: usize = PART + 4;
const PART_ADDRESS: usize = PART + 16;
const PART_FILE: usize = PART + 32;
const PART_MEMORY: usize = PART + 40;

/// What is wrong with a good kernel of which these bytes are others.
fn wrong_with(at: usize, bytes: &[u8]) -> ImageError {
    let mut image = exits(0);
    image[at..at + bytes.len()].copy_from_slice(bytes);
    Image::check(image, RAM).unwrap_err()
}

#[test]
fn a_kernel_is_loaded_where_it_says() {
    let code = [0x0f, 0x0b];
    let image = Image::check(elf(&code), RAM).unwrap();
    assert_eq!(image.entry(), KERNEL_FIRST);
    let ram = HeapRam::zeroed(RAM as usize);
    image.load(ram.view()).unwrap();
    let mut found = [0; 4];
    ram.view().read(KERNEL_FIRST as usize, &mut found).unwrap();
    assert_eq!(found, [0x0f, 0x0b, 0, 0]);
}

#[test]
fn what_is_no_image_is_refused() {
    assert_eq!(Image::check(Vec::new(), RAM), Err(ImageError::Empty));
    let found = b"#!/b".to_vec();
    let script = Image::check(b"#!/bin/sh\n".to_vec(), RAM);
    assert_eq!(script, Err(ImageError::NotElf { found }));
    assert_eq!(wrong_with(CLASS, &[1]), ImageError::Machine { class: 1, data: 1, machine: 62 });
    assert_eq!(
        wrong_with(MACHINE, &[183]),
        ImageError::Machine { class: 2, data: 1, machine: 183 }
    );
    assert_eq!(wrong_with(TYPE, &[3]), ImageError::Type { found: 3, interpreter: false });
    assert_eq!(wrong_with(PART, &[3]), ImageError::Type { found: 2, interpreter: true });
    assert_eq!(wrong_with(PART, &[4]), ImageError::Segments(0));
    assert_eq!(wrong_with(PART_FLAGS, &[4]), ImageError::Entry(KERNEL_FIRST));
    assert_eq!(wrong_with(ENTRY, &[0xff]), ImageError::Entry(KERNEL_FIRST + 0xff));
}

#[test]
fn an_image_that_was_cut_short_anywhere_is_refused() {
    let whole = exits(0);
    for len in 1..whole.len() {
        let cut = Image::check(whole[..len].to_vec(), RAM);
        assert!(matches!(cut, Err(ImageError::Truncated { .. })), "{len}: {cut:?}");
    }
    let far = u64::MAX.to_le_bytes();
    let beyond = [wrong_with(TABLE, &far), wrong_with(COUNT, &[2])];
    for found in beyond {
        assert!(matches!(found, ImageError::Truncated { .. }), "{found:?}");
    }
}

#[test]
fn an_image_that_does_not_fit_the_ram_is_refused() {
    let low = wrong_with(PART_ADDRESS, &(KERNEL_FIRST - 0x1000).to_le_bytes());
    assert!(matches!(low, ImageError::Place { .. }), "{low:?}");
    let memory = RAM - KERNEL_FIRST;
    let mut fits = exits(0);
    fits[PART_MEMORY..PART_MEMORY + 8].copy_from_slice(&memory.to_le_bytes());
    Image::check(fits, RAM).unwrap();
    for too_much in [memory + 1, u64::MAX] {
        let found = wrong_with(PART_MEMORY, &too_much.to_le_bytes());
        assert!(matches!(found, ImageError::Place { ram: RAM, .. }), "{found:?}");
    }
    let shorter = wrong_with(PART_MEMORY, &1u64.to_le_bytes());
    assert!(matches!(shorter, ImageError::Longer { memory: 1, .. }), "{shorter:?}");
    let longer = wrong_with(PART_FILE, &u64::MAX.to_le_bytes());
    assert!(matches!(longer, ImageError::Longer { .. }), "{longer:?}");
}

/// Whatever one byte of it is: an image or an error.
#[test]
fn no_byte_of_an_image_makes_it_a_panic() {
    let (whole, ram) = (exits(0), HeapRam::zeroed(RAM as usize));
    for at in 0..whole.len() {
        for byte in 0..=255 {
            let mut image = whole.clone();
            image[at] = byte;
            if let Ok(image) = Image::check(image, RAM) {
                image.load(ram.view()).unwrap();
            }
        }
    }
}

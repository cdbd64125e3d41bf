//! Views: nothing outside the window is touched, whatever is asked for.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::Ordering::Relaxed;

use argo_mem::{HeapRam, Memory, OutOfRange, ReadMemory};

const CANARY: u8 = 0xA5;
/// Lengths on both sides of where the way of copying changes.
const LENGTHS: std::ops::Range<usize> = 0..270;

#[test]
fn copies_of_any_length_and_alignment_are_exact() {
    let (from, to) = (HeapRam::zeroed(4096), HeapRam::zeroed(4096));
    let bytes: Vec<u8> = (0..4096).map(|at| (at * 7 % 251) as u8).collect();
    from.view().write(0, &bytes).unwrap();
    for len in LENGTHS {
        for (at, to_at) in [(0, 0), (1, 8), (8, 3), (13, 21)] {
            to.view().write(0, &[CANARY; 512]).unwrap();
            from.view().copy_to(at, to.view(), to_at, len).unwrap();
            let mut seen = [0; 512];
            to.view().read(0, &mut seen).unwrap();
            assert_eq!(seen[to_at..to_at + len], bytes[at..at + len]);
            let around = seen[..to_at].iter().chain(&seen[to_at + len..]);
            assert!(around.into_iter().all(|byte| *byte == CANARY), "{len} bytes to {to_at}");
        }
    }
}

#[test]
fn accesses_end_at_the_window() {
    let ram = HeapRam::zeroed(4096);
    let part = ram.view().part(100, 50).unwrap();
    let out = |offset, len| Err(OutOfRange { offset, len, limit: 50 });
    assert_eq!(part.write(50, &[]), Ok(()));
    assert_eq!(part.write(49, &[1]), Ok(()));
    assert_eq!(part.write(49, &[1, 2]), out(49, 2));
    assert_eq!(part.write(51, &[]), out(51, 0));
    assert_eq!(part.read(usize::MAX, &mut [0; 2]), out(usize::MAX, 2));
    assert_eq!(part.copy_to(0, ram.view(), 0, 51), out(0, 51));
    assert_eq!(part.copy_to(0, part, 1, 50), out(1, 50));
    assert_eq!(part.part(1, usize::MAX).map(|_| ()), out(1, usize::MAX));
    let mut after = [1; 4];
    ram.view().read(150, &mut after).unwrap();
    assert_eq!(after, [0; 4]);
}

#[test]
fn words_are_aligned_in_memory_and_wrap() {
    let ram = HeapRam::zeroed(4096);
    let view = ram.view();
    view.store_u32(4, u32::MAX, Relaxed).unwrap();
    assert_eq!(view.increment_u32(4, Relaxed), Ok(u32::MAX));
    assert_eq!(view.swap_u32(4, 7, Relaxed), Ok(0));
    assert_eq!(view.load_u32(4, Relaxed), Ok(7));
    assert!(view.load_u32(6, Relaxed).is_err());
    assert!(view.part(2, 8).unwrap().load_u32(4, Relaxed).is_err(), "by address, not by offset");
    assert_eq!(view.part(2, 8).unwrap().load_u32(2, Relaxed), Ok(7));
    assert!(view.load_u32(4096 - 3, Relaxed).is_err());
}

#[test]
fn bytes_are_changed_bit_by_bit() {
    let ram = HeapRam::zeroed(4096);
    let view = ram.view();
    view.store_u8(7, 0b0101, Relaxed).unwrap();
    assert_eq!(view.fetch_or_u8(7, 0b0010, Relaxed), Ok(0b0101));
    assert_eq!(view.fetch_and_u8(7, 0b0110, Relaxed), Ok(0b0111));
    assert_eq!(view.load_u8(7, Relaxed), Ok(0b0110));
    assert_eq!(view.load_u32(4, Relaxed), Ok(0b0110 << 24));
    assert!(view.load_u8(4096, Relaxed).is_err());
}

#[test]
fn a_view_to_read_sees_the_same_bytes_and_bounds() {
    let ram = HeapRam::zeroed(4096);
    let part = ram.read_view().part(4000, 96).unwrap();
    ram.view().write(4090, b"bytes.").unwrap();
    let mut seen = [0; 6];
    part.read(90, &mut seen).unwrap();
    assert_eq!(&seen, b"bytes.");
    assert!(part.read(91, &mut seen).is_err());
    assert!(part.part(97, 0).is_err());
}

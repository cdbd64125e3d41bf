//! Bytes cross a ring: at every offset, over the wrap of the indexes, whole or in parts.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use support::{TestMemory, ends_at};
use vchan::{
    Geometry, ReadError, Reader, RecvError, Role, SendError, Transfer, WriteError, Writer,
};

const SMALL: u32 = 1024;

fn small() -> Geometry {
    Geometry::new(10, 11).unwrap()
}

fn payload(len: usize, seed: u32) -> Vec<u8> {
    (0..len).map(|at| (at as u32).wrapping_mul(31).wrapping_add(seed) as u8).collect()
}

fn crosses(
    writer: &mut Writer<impl std::ops::Deref<Target = TestMemory>>,
    reader: &mut Reader<impl std::ops::Deref<Target = TestMemory>>,
    data: &[u8],
) {
    let mut got = vec![0; data.len()];
    let _ = writer.send(data).unwrap();
    assert_eq!(reader.data_ready(), Ok(data.len() as u32));
    let _ = reader.recv(&mut got).unwrap();
    assert_eq!(got, data);
    assert_eq!(writer.buffer_space(), Ok(writer.size()));
}

#[test]
fn every_offset_and_both_directions() {
    for (role, size) in [(Role::Client, SMALL), (Role::Server, 2 * SMALL)] {
        for index in 0..size {
            let memory = TestMemory::started(small());
            let (mut writer, mut reader) = ends_at(&memory, small(), role, index);
            assert_eq!(writer.size(), size);
            let to_the_end = (size - index) as usize;
            for len in [1, to_the_end, to_the_end + 1, size as usize - 1, size as usize] {
                crosses(&mut writer, &mut reader, &payload(len.min(size as usize), index));
            }
        }
    }
}

#[test]
fn indexes_wrap_at_two_to_the_thirty_two() {
    let memory = TestMemory::started(small());
    let (mut writer, mut reader) = ends_at(&memory, small(), Role::Client, u32::MAX - 5);
    for round in 0..10 {
        crosses(&mut writer, &mut reader, &payload(SMALL as usize, round));
        crosses(&mut writer, &mut reader, &payload(3, round));
    }
}

#[test]
fn a_ring_of_pages_carries_a_megabyte() {
    let geometry = Geometry::new(20, 20).unwrap();
    let memory = TestMemory::started(geometry);
    let (mut writer, mut reader) = ends_at(&memory, geometry, Role::Server, 77);
    crosses(&mut writer, &mut reader, &payload(1 << 20, 5));
}

#[test]
fn too_big_is_not_would_block() {
    let memory = TestMemory::started(small());
    let (mut writer, mut reader) = ends_at(&memory, small(), Role::Client, 0);
    let too_big = SendError::TooBig { len: 1025, size: SMALL };
    assert_eq!(writer.send(&[0; 1025]), Err(too_big));
    let too_big = RecvError::TooBig { len: 1025, size: SMALL };
    assert_eq!(reader.recv(&mut [0; 1025]), Err(too_big));
}

#[test]
fn a_full_ring_refuses_whole_buffers_and_takes_parts() {
    let memory = TestMemory::started(small());
    let (mut writer, mut reader) = ends_at(&memory, small(), Role::Client, 0);
    let _ = writer.send(&[1; 1000]).unwrap();
    let would_block = SendError::WouldBlock { needed: 25, free: 24 };
    assert_eq!(writer.send(&[2; 25]), Err(would_block));
    assert_eq!(writer.write(&[2; 25]).unwrap().bytes, 24);
    assert_eq!(writer.write(&[2; 1]), Err(WriteError::WouldBlock { size: SMALL }));
    let mut buffer = [0; 2000];
    assert_eq!(reader.read(&mut buffer).unwrap().bytes, 1024);
    assert_eq!(buffer[..1024], [[1; 1000].as_slice(), &[2; 24]].concat());
}

#[test]
fn an_empty_ring_gives_nothing_and_leaves_the_buffer() {
    let memory = TestMemory::started(small());
    let (mut writer, mut reader) = ends_at(&memory, small(), Role::Server, 0);
    let mut buffer = [9; 4];
    assert_eq!(reader.read(&mut buffer), Err(ReadError::WouldBlock));
    let _ = writer.send(b"abc").unwrap();
    let would_block = RecvError::WouldBlock { needed: 4, ready: 3 };
    assert_eq!(reader.recv(&mut buffer), Err(would_block));
    assert_eq!(buffer, [9; 4]);
}

#[test]
fn empty_buffers_move_nothing() {
    let memory = TestMemory::started(small());
    let (mut writer, mut reader) = ends_at(&memory, small(), Role::Server, 0);
    assert!(matches!(writer.write(&[]), Ok(Transfer { bytes: 0, .. })));
    assert!(matches!(reader.read(&mut []), Ok(Transfer { bytes: 0, .. })));
    assert!(writer.send(&[]).is_ok());
    assert!(reader.recv(&mut []).is_ok());
    assert_eq!(reader.data_ready(), Ok(0));
}

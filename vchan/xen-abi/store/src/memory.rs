//! Results that C frees with `free()`.
#![allow(unsafe_code, reason = "C's allocator has no other form in Rust")]

use std::ffi::c_char;
use std::ptr;

use xen_abi::Errno;

/// These bytes, and a zero.
pub(crate) fn bytes(bytes: &[u8]) -> Result<*mut u8, Errno> {
    array(&[bytes, b"\0"].concat())
}

/// A copy of these. For none of them, a pointer that can be freed.
pub(crate) fn array<T: Copy>(items: &[T]) -> Result<*mut T, Errno> {
    let block = allocate::<T>(size_of_val(items))?;
    // SAFETY:
    // - `items` is valid for reads of its length, `block` for writes of as many bytes;
    // - `malloc` aligns for every type without an alignment of its own, which `T` has not;
    // - a new block overlaps nothing.
    unsafe { ptr::copy_nonoverlapping(items.as_ptr(), block, items.len()) };
    Ok(block)
}

/// Pointers to these strings, then the strings, each with a zero: all in one block.
pub(crate) fn strings(strings: &[&[u8]]) -> Result<*mut *mut c_char, Errno> {
    let head = strings.len() * size_of::<*mut c_char>();
    let text: Vec<u8> =
        strings.iter().flat_map(|string| string.iter().chain(b"\0")).copied().collect();
    let block = allocate::<u8>(head + text.len())?;
    let mut next = block.wrapping_add(head);
    // SAFETY:
    // - `text` is valid for reads of its length;
    // - the block has `head` bytes before `next` and as many as `text` has from it on;
    // - a new block overlaps nothing.
    unsafe { ptr::copy_nonoverlapping(text.as_ptr(), next, text.len()) };
    let pointers = block.cast::<*mut c_char>();
    for (index, string) in strings.iter().enumerate() {
        // SAFETY: the block begins with room for as many pointers as there are strings, and
        // `malloc` aligns for them.
        unsafe { pointers.add(index).write(next.cast()) };
        next = next.wrapping_add(string.len() + 1);
    }
    Ok(pointers)
}

fn allocate<T>(bytes: usize) -> Result<*mut T, Errno> {
    // SAFETY: any size may be asked for; it is not 0, for which the answer may be NULL.
    let block = unsafe { libc::malloc(bytes.max(1)) };
    if block.is_null() { Err(Errno(libc::ENOMEM)) } else { Ok(block.cast()) }
}

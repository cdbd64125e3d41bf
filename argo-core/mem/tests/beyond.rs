//! A fault made on purpose, for the tools that watch accesses to memory: they have to find it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use argo_mem::View;

#[test]
#[ignore = "wrong on purpose: `cargo run -p evidence -- memory` has it found"]
fn a_view_that_promises_too_much() {
    let memory = vec![0u8; 64].into_boxed_slice();
    let base = Box::into_raw(memory).cast::<u8>();
    // SAFETY: none. The allocation is one byte shorter.
    let view = unsafe { View::new(base, 65) };
    let mut out = [0; 9];
    view.read(56, &mut out).unwrap();
    assert_eq!(out[..8], [0; 8]);
}

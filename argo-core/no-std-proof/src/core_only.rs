//! What a guest without allocator does.

use argo_core::abi::{MessageHeader, RING_HEADER, SLOT};
use argo_core::claim::{PayloadLen, RingLen};
use argo_core::ring::{Consumer, Producer};
use argo_mem::View;
use vchan::Geometry;

/// Sends an empty message through a ring that fills the `len` bytes at `base`, and returns the
/// length that the receiver saw; 0 if the memory is no ring.
///
/// # Safety
/// `base` points to `len` zeroed bytes, aligned to 8, which nothing else accesses meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn argo_message_across(base: *mut u8, len: usize) -> u32 {
    // SAFETY: the caller's promise is the one that `View::new` asks for.
    let view = unsafe { View::new(base, len) };
    across(&view).unwrap_or(0)
}

fn across(ring: &View<'_>) -> Option<u32> {
    let data = u32::try_from(ring.len()).ok()?.checked_sub(RING_HEADER)?;
    let len = RingLen::check(data).ok()?;
    let mut producer = Producer::adopt(ring, len);
    let space = producer.reserve(ring, PayloadLen::check(0).ok()?).ok()?;
    space.write_header(ring, &MessageHeader { len: SLOT, ..MessageHeader::default() });
    producer.publish(ring, space);
    let message = Consumer::new(len).peek(ring).ok()??;
    Some(message.header().len)
}

/// Whether a vchan can have rings of at least these sizes in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn vchan_fits(left: usize, right: usize) -> bool {
    Geometry::for_minimums(left, right).is_ok()
}

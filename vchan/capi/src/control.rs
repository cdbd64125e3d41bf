//! `struct libxenvchan`, as Xen's header has it.

use std::ffi::{c_char, c_int, c_void};

/// `struct libxenvchan_ring`.
#[repr(C)]
pub(crate) struct RingView {
    /// The ring's two indexes in the shared page.
    pub(crate) shr: *mut c_void,
    /// Its bytes.
    pub(crate) buffer: *mut c_void,
    /// log2 of its size.
    pub(crate) order: c_int,
}

/// `struct libxenvchan`. C writes `flags` only; the rest is for C to read.
#[repr(C)]
pub(crate) struct Control {
    /// `gntshr` or `gnttab`.
    pub(crate) grants: *mut c_void,
    pub(crate) ring: *mut c_void,
    pub(crate) event: *mut c_void,
    pub(crate) event_port: u32,
    /// `is_server`, `server_persist` and `blocking`, one bit each.
    pub(crate) flags: u32,
    pub(crate) read: RingView,
    pub(crate) write: RingView,
    pub(crate) xs_path: *mut c_char,
}

pub(crate) const IS_SERVER: u32 = 1;
const SERVER_PERSIST: u32 = 2;
const BLOCKING: u32 = 4;

/// What C has set at the time of a call.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) persist: Persist,
    pub(crate) patience: Patience,
}

/// Whether a server stays open when its client goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persist {
    No,
    Yes,
}

/// Whether calls wait.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    TryOnce,
    Wait,
}

impl Settings {
    pub(crate) fn of(flags: u32) -> Self {
        let persists = flags & IS_SERVER != 0 && flags & SERVER_PERSIST != 0;
        Self {
            persist: if persists { Persist::Yes } else { Persist::No },
            patience: if flags & BLOCKING != 0 { Patience::Wait } else { Patience::TryOnce },
        }
    }
}

const _: () = {
    use std::mem::offset_of;
    assert!(offset_of!(Control, ring) == 0x08);
    assert!(offset_of!(Control, event_port) == 0x18);
    assert!(offset_of!(Control, flags) == 0x1c);
    assert!(offset_of!(Control, read) == 0x20);
    assert!(offset_of!(Control, write) == 0x38);
    assert!(offset_of!(Control, xs_path) == 0x50);
    assert!(size_of::<Control>() == 0x58);
};

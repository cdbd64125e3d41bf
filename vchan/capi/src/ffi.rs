//! The C functions. Documented in Xen's public `libxenvchan.h`.
//!
//! All of them demand what that header demands: a channel is one that `server_init` or `client_init`
//! returned and that was not closed; buffers are as long as the size says; paths are C strings.
#![allow(unsafe_code, reason = "C's pointers are taken at their word here, and nowhere else")]
#![allow(clippy::missing_safety_doc, reason = "the header's rules, told above")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::{ptr, slice};

use argo_guest::services::Services;
use vchan::Role;
use xen_abi::Errno;

use crate::control::{Control, IS_SERVER, RingView, Settings};
use crate::keys;
use crate::memory::{indexes, read_and_write};
use crate::open::Vchan;

/// What C has a pointer to: the public part comes first.
#[repr(C)]
pub struct Channel {
    control: Control,
    vchan: Vchan,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn libxenvchan_server_init(
    _logger: *mut c_void,
    domain: c_int,
    xs_path: *const c_char,
    read_min: usize,
    write_min: usize,
) -> *mut Channel {
    // SAFETY: a C string, says the contract.
    let path = unsafe { text(xs_path) }.ok_or(Errno(libc::EINVAL));
    match path.and_then(|path| Vchan::serve(domain as u32, path, read_min, write_min)) {
        // SAFETY: a C string, says the contract; `close_xs_srv` frees the copy.
        Ok(vchan) => boxed(vchan, unsafe { libc::strdup(xs_path) }),
        Err(errno) => null(errno),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn libxenvchan_client_init(
    _logger: *mut c_void,
    domain: c_int,
    xs_path: *const c_char,
) -> *mut Channel {
    // SAFETY: a C string, says the contract.
    let path = unsafe { text(xs_path) }.ok_or(Errno(libc::EINVAL));
    match path.and_then(|path| Vchan::connect(domain as u32, path)) {
        Ok(vchan) => boxed(vchan, ptr::null_mut()),
        Err(errno) => null(errno),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn libxenvchan_close(channel: *mut Channel) {
    if channel.is_null() {
        return;
    }
    // SAFETY: `boxed` made it with `Box::into_raw`; the caller gives it up.
    let Channel { mut control, vchan } = *unsafe { Box::from_raw(channel) };
    let ports = vchan.close();
    // SAFETY: the path is the copy that `server_init` made, or NULL.
    unsafe { forget_path(&mut control.xs_path, ports.services()) };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn close_xs_srv(channel: *mut Channel) {
    // SAFETY: the channel is one of ours and not closed, says the contract. C may read other members
    // of the public part meanwhile, so only these two places are borrowed.
    unsafe { forget_path(&mut (*channel).control.xs_path, (*channel).vchan.ports.services()) };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn libxenvchan_recv(
    channel: *mut Channel,
    data: *mut c_void,
    size: usize,
) -> c_int {
    // SAFETY: the channel and the buffer are as the contract says.
    let (vchan, settings, data) =
        unsafe { (vchan(channel), settings(channel), buffer(data, size)) };
    number(vchan.recv(settings, data))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn libxenvchan_read(
    channel: *mut Channel,
    data: *mut c_void,
    size: usize,
) -> c_int {
    // SAFETY: the channel and the buffer are as the contract says.
    let (vchan, settings, data) =
        unsafe { (vchan(channel), settings(channel), buffer(data, size)) };
    number(vchan.read(settings, data))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn libxenvchan_send(
    channel: *mut Channel,
    data: *const c_void,
    size: usize,
) -> c_int {
    // SAFETY: the channel and the data are as the contract says.
    let (vchan, settings, data) = unsafe { (vchan(channel), settings(channel), bytes(data, size)) };
    number(vchan.send(settings, data))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn libxenvchan_write(
    channel: *mut Channel,
    data: *const c_void,
    size: usize,
) -> c_int {
    // SAFETY: the channel and the data are as the contract says.
    let (vchan, settings, data) = unsafe { (vchan(channel), settings(channel), bytes(data, size)) };
    number(vchan.write(settings, data))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn libxenvchan_wait(channel: *mut Channel) -> c_int {
    // SAFETY: the channel is as the contract says.
    xen_abi::zero(unsafe { vchan(channel) }.wait())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn libxenvchan_fd_for_select(channel: *mut Channel) -> c_int {
    // SAFETY: the channel is as the contract says.
    unsafe { vchan(channel) }.ports.fd()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn libxenvchan_is_open(channel: *mut Channel) -> c_int {
    // SAFETY: the channel is as the contract says.
    let (vchan, settings) = unsafe { (vchan(channel), settings(channel)) };
    c_int::from(vchan.is_open(settings))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn libxenvchan_data_ready(channel: *mut Channel) -> c_int {
    // SAFETY: the channel is as the contract says.
    unsafe { vchan(channel) }.data_ready() as c_int
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn libxenvchan_buffer_space(channel: *mut Channel) -> c_int {
    // SAFETY: the channel is as the contract says.
    unsafe { vchan(channel) }.buffer_space() as c_int
}

fn boxed(vchan: Vchan, xs_path: *mut c_char) -> *mut Channel {
    let (read, write) = read_and_write(vchan.role);
    let memory = &vchan.memory;
    let page = memory.page.pages.address();
    let view = |ring| RingView {
        shr: indexes(page, ring),
        buffer: memory.address(ring),
        order: c_int::from(memory.geometry.order(ring).value()),
    };
    let control = Control {
        grants: ptr::null_mut(),
        ring: page,
        event: ptr::null_mut(),
        event_port: vchan.port,
        flags: if vchan.role == Role::Server { IS_SERVER } else { 0 },
        read: view(read),
        write: view(write),
        xs_path,
    };
    Box::into_raw(Box::new(Channel { control, vchan }))
}

fn null(errno: Errno) -> *mut Channel {
    errno.set();
    ptr::null_mut()
}

/// Takes a server's keys away and frees its path.
///
/// # Safety
/// The path is NULL, or came from `strdup` and was not freed.
unsafe fn forget_path(xs_path: &mut *mut c_char, services: &Services) {
    // SAFETY: NULL or a C string, says the caller.
    if let Some(path) = unsafe { text(*xs_path) } {
        keys::remove(services, path);
    }
    // SAFETY: NULL or from `strdup`, says the caller, and not used again.
    unsafe { libc::free((*xs_path).cast()) };
    *xs_path = ptr::null_mut();
}

/// # Safety
/// The channel came from [`boxed`] and is not closed while the result is used.
unsafe fn vchan<'c>(channel: *mut Channel) -> &'c Vchan {
    // SAFETY: valid, says the caller; of this part only shared references are ever made.
    unsafe { &(*channel).vchan }
}

/// # Safety
/// The channel came from [`boxed`] and was not closed.
unsafe fn settings(channel: *mut Channel) -> Settings {
    // SAFETY: valid, says the caller; read as C wrote it, without a reference to it.
    Settings::of(unsafe { (&raw const (*channel).control.flags).read_volatile() })
}

/// # Safety
/// `data` is valid for writes of `size` bytes while the result is used, and used by nobody else; if
/// `size` is 0 it may be anything.
unsafe fn buffer<'b>(data: *mut c_void, size: usize) -> &'b mut [u8] {
    if size == 0 || data.is_null() {
        return &mut [];
    }
    // SAFETY:
    // - Valid and not aliased, says the caller; u8 needs no alignment.
    // - No object is longer than `isize::MAX`.
    // - What C left uninitialised is only written: the core copies into it.
    unsafe { slice::from_raw_parts_mut(data.cast(), size.min(isize::MAX as usize)) }
}

/// # Safety
/// `data` is valid for reads of `size` bytes while the result is used; if `size` is 0 it may be
/// anything.
unsafe fn bytes<'b>(data: *const c_void, size: usize) -> &'b [u8] {
    if size == 0 || data.is_null() {
        return &[];
    }
    // SAFETY: valid, says the caller; u8 needs no alignment; no object is longer than `isize::MAX`.
    unsafe { slice::from_raw_parts(data.cast(), size.min(isize::MAX as usize)) }
}

/// # Safety
/// NULL, or a C string that lives while the result is used.
unsafe fn text<'t>(text: *const c_char) -> Option<&'t str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: a C string, says the caller.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

fn number(moved: Option<usize>) -> c_int {
    moved.map_or(-1, |moved| moved as c_int)
}

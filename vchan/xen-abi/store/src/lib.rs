//! The C interface of Xen's store library, for programs on a machine without Xen.
//!
//! `libxenstore.so.4` with these functions in it stands in for Xen's: a handle is a connection to
//! the domain of argod that `ARGO_DOMAIN` names, and what is asked of it is answered by argod's
//! store. Results and `errno` are those of Xen's library, with these differences:
//! - A handle whose connection has ended answers with ENODEV.
//! - NULL for a path, a token or a handle is EINVAL, and no crash.
//! - A list of children that changes all the time while it is read is EAGAIN at last.
//! - The descriptor of `xs_fileno` may be readable though no event is there for the caller:
//!   `xs_check_watch` then says EAGAIN.
//! - What the environment says of the daemon's paths is read once.
//!
//! Several threads may use one handle. What a function returns by pointer is freed with `free()`.
#![deny(unsafe_code)]

mod ffi;
mod handle;
mod memory;
mod message;
mod nodes;
mod permissions;
mod watches;

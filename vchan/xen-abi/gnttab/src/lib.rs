//! The C interface of Xen's gnttab library, for programs on a machine without Xen.
//!
//! `libxengnttab.so.1` with these functions in it stands in for Xen's: a handle is a connection to
//! the domain of argod that `ARGO_DOMAIN` names, shared pages and maps come from there. Results and
//! `errno` are those of Xen's library over Linux' devices; of an impossible map it says more
//! precisely what was wrong (Linux: EINVAL). Copying grants, dma-bufs and the devices' descriptors
//! are not there: EOPNOTSUPP.
//!
//! Memory that is still mapped when its handle is closed stays mapped, shared and connected until
//! the process ends, as with the devices. What C has unmapped by `munmap` is given up when the
//! handle is closed, which with the devices happens at once. Both are known from `/proc/self/maps`:
//! in a process that cannot read it, what C has unmapped by `munmap` is given up when it ends.
#![deny(unsafe_code)]

mod ffi;
mod handle;
mod maps;

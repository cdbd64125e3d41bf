//! libxenvchan's C interface over the vchan crate.
//!
//! `libxenvchan.so` with these functions in it stands in for Xen's, for programs built against
//! Xen's header: the results are the same, the odd ones included. It needs none of Xen's other
//! libraries; a channel is a connection to the domain of argod that `ARGO_DOMAIN` names.
//!
//! Where it differs:
//! - A peer whose indexes lie closes the channel: -1, where Xen's library finds nothing to read,
//!   and waits for ever.
//! - So does the end of the event channel (the peer has closed its port but says that it is there,
//!   or the policy forbids it): one event more, then calls that would wait are -1 with
//!   ENODEV, and the descriptor stays readable.
//! - After a `fork` the channel stays the parent's: the child's `close` frees what the child has of
//!   it and ends nothing.
//! - A signal handler that was installed with SA_RESTART ends a call that waits with -1 and EINTR if
//!   the program has also one that was installed without; with Xen's, only the latter do.
//! - `gntshr`, `gnttab` and `event` of the public struct are NULL; the other members are as in Xen's.
#![deny(unsafe_code)]

mod control;
mod ffi;
mod keys;
mod memory;
mod open;
mod transfer;

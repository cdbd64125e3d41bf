//! The C interface of Xen's evtchn library, for programs on a machine without Xen.
//!
//! `libxenevtchn.so.1` with these functions in it stands in for Xen's: a handle is a connection to
//! the domain of argod that `ARGO_DOMAIN` names, ports and notifications come from there. Results
//! and `errno` are those of Xen's library over Linux' device, with these differences:
//! - A signal handler that was installed with SA_RESTART ends a waiting `pending` with EINTR if the
//!   program has also one that was installed without.
//! - The end of a channel (the other domain has closed its port, or the policy forbids it)
//!   shows as one notification more. When all ports of a handle have ended, the descriptor
//!   stays readable and `pending` answers -1 with ENODEV, where Xen's library waits for ever.
//! - A descriptor does not survive `exec`, so `fdopen` is not there, and neither are VIRQs and
//!   `restrict`: EOPNOTSUPP.
#![deny(unsafe_code)]

mod ffi;

//! Argo sockets for guests, blocking and async.
#![deny(unsafe_code)]

#[cfg(all(feature = "host", target_os = "linux"))]
pub mod host;

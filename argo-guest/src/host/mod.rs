//! The host platform: a domain of argod, reached over its Unix socket.
//!
//! [`HostSession`] is the raw form: hypercalls, RAM and interrupts of one attachment, as
//! [`Platform`](argo_core::platform::Platform) has them. [`Domain`](crate::Domain) builds sockets
//! on it.
//!
//! When argod dies, or ends the session, the attachment socket closes: whoever sleeps in `wait`
//! learns it at once, and who only polls learns it by [`Gone`](argo_core::platform::Gone) from
//! the next calls.

mod doorbells;
mod error;
mod handshake;
pub(crate) mod link;
mod session;
mod sleep;

pub use error::{AttachCause, AttachError, Step};
pub use session::{AttachOptions, DOMAIN_VARIABLE, HostSession};

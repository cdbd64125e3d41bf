//! What Xen offers beside Argo, and vchan needs: grants, event channels, and a store.
//!
//! Each is a table and its rules, without memory, descriptor, clock, thread or lock: whoever hosts
//! domains brings those. `argod` does it with memfds and sockets between processes, the in-process
//! platform of the vchan crate with memory on the heap.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_underscore,
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::indexing_slicing,
        clippy::string_slice
    )
)]

extern crate alloc;

pub mod channels;
pub mod grants;
mod holder;
pub mod store;
mod table;

pub use holder::{ConnectionId, Holder};

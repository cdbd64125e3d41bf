//! What the targets that need argod share.

pub mod daemon;
pub mod written;

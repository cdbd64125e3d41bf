//! What the comparisons are made of: two processes that move the same bytes over different ways,
//! in turn, and the ratio of what they measured.
//!
//! | module | what |
//! |---|---|
//! | [`payload`] | what is moved: written anew by the sender, summed by the receiver |
//! | [`way`] | the ways: a Unix stream with frames, Argo through argod |
//! | [`party`] | the process at either end |
//! | [`round`] | running rounds, throwing away disturbed ones, medians |
#![forbid(unsafe_code)]

pub mod party;
pub mod payload;
pub mod round;
pub mod way;

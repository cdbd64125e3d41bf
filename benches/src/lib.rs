//! What the comparisons are made of: two processes that move the same bytes over different ways,
//! in turn, and the ratio of what they measured.
//!
//! | module | what |
//! |---|---|
//! | [`case`] | contestants that take turns, ratios of what they measured |
//! | [`usage`] | who used the machine meanwhile |
//! | [`targets`] | what is to be reached |
//! | [`inside`] | the engine in this process: domains under argod's policy |
//! | [`counted`] | instructions a call, and those kept in `instructions.tsv` |
//! | [`payload`] | what is moved: written anew by the sender, summed by the receiver |
//! | [`way`] | the ways of messages: a Unix stream with frames, Argo's datagrams through argod |
//! | [`plain`] | the ways of bytes: an Argo stream, a Unix stream, one through a relay |
//! | [`vchan`] | the ways of bytes over granted pages: a vchan, and the bare ring |
//! | [`debian`] | the same over Debian's libxenvchan, in C |
//! | [`party`] | the process at either end |
//! | [`round`] | running rounds, throwing away disturbed ones, medians |
//!
//! Unsafe code is in `inside::in_place`, which lends RAM as bytes.
#![deny(unsafe_code)]

pub mod case;
pub mod counted;
pub mod debian;
pub mod inside;
pub mod party;
pub mod payload;
pub mod plain;
pub mod round;
pub mod targets;
pub mod usage;
pub mod vchan;
pub mod way;

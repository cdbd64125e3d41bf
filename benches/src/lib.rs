//! What the comparisons are made of: contestants that do the same in turn, and the ratios of what
//! they measured. METHODOLOGY.md says what is fair.
//!
//! | module | what |
//! |---|---|
//! | [`case`] | contestants that take turns, ratios of what they measured |
//! | [`usage`] | who used the machine meanwhile |
//! | [`targets`] | what is to be reached |
//! | [`spread`] | median, least and most |
//! | [`payload`] | what is moved: written anew by the sender, summed by the receiver |
//! | [`placement`] | which core who runs on |
//! | [`between`] | cases between processes: ours through argod, and what one would use instead |
//! | [`inside`] | the engine in this process, against what threads would use instead |
//! | [`counted`] | instructions a call, and those kept in `instructions.tsv` |
//! | [`isolation`] | what a hostile guest costs others |
//! | [`memory`] | what argod takes of it |
//! | [`scale`] | what it costs to be many |
//! | [`groups`] | all cases, by group |
//! | [`report`] | what is made of the outcomes: text, JSON, plots, README, guard |
//!
//! Unsafe code is in `inside::in_place`, which lends RAM as bytes.
#![deny(unsafe_code)]

pub mod between;
pub mod case;
pub mod counted;
pub mod groups;
pub mod inside;
pub mod isolation;
pub mod memory;
pub mod payload;
pub mod placement;
pub mod report;
pub mod scale;
pub mod spread;
pub mod targets;
pub mod usage;

//! The engine called in this process, against what threads of one process would use instead.

pub mod in_place;
pub mod world;

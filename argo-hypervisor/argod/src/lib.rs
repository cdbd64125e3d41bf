//! .

pub mod replay;

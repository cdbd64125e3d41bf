//! What one call costs in instructions: paths that are run under callgrind, and the counts kept.

pub mod count;
pub mod kept;
pub mod paths;

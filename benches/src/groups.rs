//! All cases, by group.

use crate::between;
use crate::case::{Case, Failure, Plan};
use crate::counted;
use crate::inside::{self, growth};
use crate::isolation;
use crate::memory;
use crate::scale;

/// Cases that are set up together.
pub struct Group {
    /// What it is called on the command line.
    pub name: &'static str,
    /// The rows of the targets that it has.
    pub rows: &'static [u32],
    /// Sets its cases up.
    pub cases: fn(&Plan) -> Result<Vec<Case>, Failure>,
}

/// The groups, in the order in which they are measured.
pub const GROUPS: &[Group] = &[
    Group { name: "inside", rows: &[1, 2, 3], cases: inside::cases },
    Group { name: "instructions", rows: &[3], cases: counted::cases },
    Group { name: "datagrams", rows: &[4, 5], cases: between::datagrams },
    Group { name: "round-trips", rows: &[6], cases: between::round_trips },
    Group { name: "vchans", rows: &[7], cases: between::vchans },
    Group { name: "streams", rows: &[8], cases: between::streams },
    Group { name: "isolation", rows: &[9], cases: isolation::cases },
    Group { name: "growth", rows: &[10], cases: growth::cases },
    Group { name: "memory", rows: &[11], cases: memory::cases },
    Group { name: "scale", rows: &[], cases: scale::cases },
];

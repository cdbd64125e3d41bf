//! The domains and ports that an attacker knows: two bystanders who talk to each other, one that
//! nobody may reach, and two attackers.

/// A bystander.
pub const LEFT: u16 = 1;
/// The other bystander.
pub const RIGHT: u16 = 2;
/// Nobody may send to it.
pub const DEAF: u16 = 3;
/// An attacker.
pub const MALLORY: u16 = 4;
/// The other attacker.
pub const ACCOMPLICE: u16 = 5;

/// Where the bystanders talk to each other, and nobody else may send to.
pub const PAIR_PORT: u32 = 7;
/// Where attackers may send to a bystander.
pub const OPEN_PORT: u32 = 9;
/// Below what an attacker may write in the store, in its own part of it. It may not remove it: nobody
/// but domain 0 could make it again.
pub const STORE: &str = "data";
